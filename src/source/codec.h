/* codec.h: the compressions that a capture file may come in, each unpacked as a stream. */
#ifndef SOURCE_CODEC_H
#define SOURCE_CODEC_H

#include "base/reader.h"

enum codec_state {
	CODEC_INSIDE,		/* a frame goes on */
	CODEC_BETWEEN,		/* a frame is complete; another may follow */
	CODEC_BAD,		/* not what it claims to be */
};

struct codec {
	const char *name;
	struct bytes magic;
	void *(*create)(void);
	void (*destroy)(void *state);
	/* Unpacks from `in`, which it moves on, into out[0..*len); *len becomes what was made. */
	enum codec_state (*step)(void *state, struct reader *in, uint8_t *out, size_t *len);
};

/* The codec that bytes beginning so are packed with, or NULL. */
const struct codec *codec_of(struct bytes begin);

#endif
