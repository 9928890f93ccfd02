#include "dissectors/uncompress.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

/* Each has exactly the room that was promised: what would give more fails. */

static bool from_zlib(struct bytes in, uint8_t *out, size_t length)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.at, .avail_in = (uInt)in.len,
		       .next_out = out, .avail_out = (uInt)length };

	if (inflateInit(&z) != Z_OK)
		return false;
	bool ended = inflate(&z, Z_FINISH) == Z_STREAM_END;
	inflateEnd(&z);
	return ended && z.total_out == length;
}

static bool from_brotli(struct bytes in, uint8_t *out, size_t length)
{
	size_t made = length;

	return BrotliDecoderDecompress(in.len, in.at, &made, out) == BROTLI_DECODER_RESULT_SUCCESS &&
	       made == length;
}

static bool from_zstd(struct bytes in, uint8_t *out, size_t length)
{
	return ZSTD_decompress(out, length, in.at, in.len) == length;
}

static bool (*const algorithms[])(struct bytes in, uint8_t *out, size_t length) = {
	[COMPRESSION_ZLIB] = from_zlib,
	[COMPRESSION_BROTLI] = from_brotli,
	[COMPRESSION_ZSTD] = from_zstd,
};

bool certificate_uncompress(uint16_t algorithm, struct bytes in, size_t length, struct buffer *out)
{
	if (algorithm >= sizeof algorithms / sizeof *algorithms || !algorithms[algorithm] ||
	    !in.len || !length)
		return false;
	buffer_clear(out);
	if (!algorithms[algorithm](in, buffer_reserve(out, length), length))
		return false;
	out->len = length;
	return true;
}

bool record_uncompress(struct bytes in, bool first, struct buffer *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.at, .avail_in = (uInt)in.len };

	buffer_clear(out);
	z.next_out = buffer_reserve(out, RECORD_PLAIN_MAX);
	z.avail_out = RECORD_PLAIN_MAX;
	/* RFC 1950: the first has the header of the stream. */
	if (!in.len || inflateInit2(&z, first ? MAX_WBITS : -MAX_WBITS) != Z_OK)
		return false;
	int result = inflate(&z, Z_SYNC_FLUSH);
	inflateEnd(&z);
	out->len = RECORD_PLAIN_MAX - z.avail_out;
	return (result == Z_OK || result == Z_STREAM_END) && !z.avail_in;
}
