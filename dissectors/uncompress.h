/* uncompress.h: compressed certificates (RFC 8879), and compressed records up to TLS 1.2 (RFC 3749). */
#ifndef DISSECTORS_UNCOMPRESS_H
#define DISSECTORS_UNCOMPRESS_H

#include "base/buffer.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

enum compression { COMPRESSION_ZLIB = 1, COMPRESSION_BROTLI = 2, COMPRESSION_ZSTD = 3 };

/* `length` bytes, as the message promises, replace what `out` held; the caller has bounded it.
 * False where it is more or less, or no such stream. */
bool certificate_uncompress(uint16_t algorithm, struct bytes in, size_t length, struct buffer *out);

enum { RECORD_PLAIN_MAX = 16384 };

/* The content of one record, at most RECORD_PLAIN_MAX bytes. A connection's records are one stream, of which
 * data in between is never looked at: so each but the first is taken by itself, and false comes out
 * where it goes back to what was before. An alert never does, since it is shorter than any repetition. */
bool record_uncompress(struct bytes in, bool first, struct buffer *out);

#endif
