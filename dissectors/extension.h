/* extension.h: the table of extensions: what of each is read for one handshake, and what goes into the key that makes hellos alike. */
#ifndef DISSECTORS_EXTENSION_H
#define DISSECTORS_EXTENSION_H

#include "base/buffer.h"
#include "base/reader.h"
#include "dissectors/hello.h"

#include <stdbool.h>

/* Reads one extension into out, and adds it to the key: its type always, its content where lists come from it. A content that is broken costs only itself.
 * Returns whether it was well formed. */
bool extension_read(uint16_t type, struct reader content, bool from_server, struct hello_facts *out, struct buffer *key);

/* An extension whose content the key holds: that content, as it was on the wire. */
bool extension_in_key(uint16_t type, bool from_server);

#endif
