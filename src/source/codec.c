#define ZLIB_CONST		/* zlib's headers have no const without it */
#include "source/codec.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/xmalloc.h"

/* RFC 1952 */
struct gzip {
	z_stream stream;
	bool between;
};

static void *gzip_create(void)
{
	enum { GZIP_ONLY = 16 };
	struct gzip *g = xcalloc(1, sizeof *g);

	g->between = true;
	if (inflateInit2(&g->stream, MAX_WBITS + GZIP_ONLY) == Z_OK)
		return g;
	free(g);
	return NULL;
}

static void gzip_destroy(void *state)
{
	struct gzip *g = state;

	inflateEnd(&g->stream);
	free(g);
}

static enum codec_state gzip_step(void *state, struct reader *in, uint8_t *out, size_t *len)
{
	struct gzip *g = state;
	struct bytes packed = rd_peek(in);

	if (g->between)
		inflateReset(&g->stream);
	g->stream.next_in = packed.at;
	g->stream.avail_in = (uInt)packed.len;
	g->stream.next_out = out;
	g->stream.avail_out = (uInt)*len;
	int result = inflate(&g->stream, Z_NO_FLUSH);
	rd_skip(in, packed.len - g->stream.avail_in);
	*len -= g->stream.avail_out;
	g->between = result == Z_STREAM_END;
	if (g->between)
		return CODEC_BETWEEN;
	return result == Z_OK || result == Z_BUF_ERROR ? CODEC_INSIDE : CODEC_BAD;
}

/* RFC 8878 */
static void *zstd_create(void)
{
	return ZSTD_createDStream();
}

static void zstd_destroy(void *state)
{
	ZSTD_freeDStream(state);
}

static enum codec_state zstd_step(void *state, struct reader *in, uint8_t *out, size_t *len)
{
	struct bytes packed = rd_peek(in);
	ZSTD_inBuffer from = { packed.at, packed.len, 0 };
	ZSTD_outBuffer to = { out, *len, 0 };
	size_t result = ZSTD_decompressStream(state, &to, &from);

	rd_skip(in, from.pos);
	*len = to.pos;
	if (ZSTD_isError(result))
		return CODEC_BAD;
	return result ? CODEC_INSIDE : CODEC_BETWEEN;
}

static void *lz4_create(void)
{
	LZ4F_dctx *context = NULL;

	return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static void lz4_destroy(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

static enum codec_state lz4_step(void *state, struct reader *in, uint8_t *out, size_t *len)
{
	struct bytes packed = rd_peek(in);
	size_t result = LZ4F_decompress(state, out, len, packed.at, &packed.len, NULL);

	if (LZ4F_isError(result)) {
		*len = 0;
		return CODEC_BAD;
	}
	rd_skip(in, packed.len);
	return result ? CODEC_INSIDE : CODEC_BETWEEN;
}

static const uint8_t gzip_magic[] = { 0x1f, 0x8b }, zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd },
	lz4_magic[] = { 0x04, 0x22, 0x4d, 0x18 };

static const struct codec codecs[] = {
	{ "gzip", { gzip_magic, sizeof gzip_magic }, gzip_create, gzip_destroy, gzip_step },
	{ "lz4", { lz4_magic, sizeof lz4_magic }, lz4_create, lz4_destroy, lz4_step },
	{ "zstd", { zstd_magic, sizeof zstd_magic }, zstd_create, zstd_destroy, zstd_step },
};

const struct codec *codec_of(struct bytes begin)
{
	for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
		struct reader r = reader_of(begin);

		if (bytes_equal(rd_take(&r, codecs[i].magic.len), codecs[i].magic))
			return &codecs[i];
	}
	return NULL;
}
