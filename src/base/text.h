/* text.h: bytes from the wire made fit for people. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"
#include "base/reader.h"

#include <stdbool.h>

/* Adds the bytes as valid UTF-8: what is not (and C0, C1 controls, DEL, bidirectional overrides and other invisible format characters) as \xNN for each byte; a backslash stays one. Used for whatever reaches a terminal or the
 * database. */
void text_add_safe(struct buffer *out, struct bytes b);
/* Printable ASCII alone: text_add_safe() would change nothing. */
bool text_is_plain(struct bytes b);
/* Adds a JSON string, quotes included, of bytes made safe as above. */
void text_add_json(struct buffer *out, struct bytes b);
void text_add_hex(struct buffer *out, struct bytes b);
/* RFC 5952; out holds at least 46 bytes. IPv4 for ::ffff:a.b.c.d. */
void text_address(const uint8_t address[16], char out[46]);
/* ISO 8601 UTC with nine digits and Z; out holds at least 40 bytes. */
void text_time(int64_t time_ns, char out[40]);

#endif
