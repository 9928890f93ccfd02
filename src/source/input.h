/* input.h: the bytes of a file, unpacked, as one stream through a buffer that fits the processor's cache.
 *
 * What is unread lies in `left`; who reads it moves `left` on. Bytes stay where they are until input_fill().
 */
#ifndef SOURCE_INPUT_H
#define SOURCE_INPUT_H

#include "base/reader.h"
#include "source/codec.h"

#include <stddef.h>
#include <stdint.h>

enum {
	INPUT_BLOCK_LEN = 256 * 1024,	/* asked of the system at once: below the second cache of today's processors */
};

enum input_state {
	INPUT_READY,		/* as many bytes as were needed are there */
	INPUT_END,		/* the end comes first */
	INPUT_INTERRUPTED,	/* by a signal: ask again */
	INPUT_FAILED,		/* `problem` says why */
};

struct input {
	struct reader left;
	int fd;
	uint8_t *at;
	size_t room;
	uint64_t given;			/* bytes put into the buffer, since the beginning */
	uint64_t taken, size;		/* bytes read of the file, and its size: 0 where it is not known */
	bool ended;			/* the file is; unpacking may still give more */

	const struct codec *codec;	/* NULL: as it is */
	void *codec_state;
	uint8_t *packed_at;
	struct reader packed;
	enum codec_state between;
	bool more_inside;		/* the codec had more than the buffer took */
	char problem[160];
};

/* Takes the descriptor. */
void input_init(struct input *in, int fd);
void input_finish(struct input *in);
/* Looks at the first bytes and unpacks from here on if they say so; to be called before anything was read. */
enum input_state input_unpack(struct input *in);
/* Makes `left` at least `need` bytes long. It moves: views into it end here. */
enum input_state input_fill(struct input *in, size_t need);

/* Where `left` begins in the (unpacked) stream. */
static inline uint64_t input_offset(const struct input *in)
{
	return in->given - rd_left(&in->left);
}

#endif
