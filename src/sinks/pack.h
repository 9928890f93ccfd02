/* pack.h: what one handshake has several of, packed into one value of its row; the views take it apart. Not for others. */
#ifndef SINKS_PACK_H
#define SINKS_PACK_H

#include "base/buffer.h"
#include "overhear/handshake.h"

/* JSON: 1 where the times are in microseconds, 0 where in nanoseconds, then of each message its bytes and its time since
 * the handshake's. What message it was, and whose, is the ladder's. */
void pack_messages(struct buffer *out, const struct handshake *h);
/* JSON: [[type, sender, 1 where decrypted], ...] from what pack_ladder() wrote. */
void pack_ladder_text(struct buffer *out, const uint32_t *steps, size_t count);
/* A message's type, sender and whether it was decrypted, as one number. */
uint32_t pack_step(const struct message *m);
/* JSON: [[sender, level, description, nanoseconds since the handshake's time], ...] */
void pack_alerts(struct buffer *out, const struct handshake *h);
/* The three of them as fields.c has it; false where none was seen. */
bool pack_randoms(struct buffer *out, const struct handshake *h);

/* One end of the connection as fields.c has it: a number, or else the text in `out`. */
enum pack_end { PACK_NOTHING, PACK_NUMBER, PACK_TEXT };
enum pack_end pack_end(const struct address *address, uint16_t port, int64_t *number, struct buffer *out);
bool pack_is_blank(const struct address *address);

/* JSON without white space; the number may be followed by one byte more. */
void pack_number(struct buffer *out, int64_t v, char after);

#endif
