/* uncompress.h: compressed certificates (RFC 8879). */
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

#endif
