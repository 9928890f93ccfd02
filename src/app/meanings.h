/* meanings.h: what the values of enumerated columns of `handshakes` mean, for `explain`. */
#ifndef APP_MEANINGS_H
#define APP_MEANINGS_H

#include <stddef.h>

struct meaning {
	const char *column, *value, *sentence;
};

extern const struct meaning meanings[];
extern const size_t meaning_count;

/* NULL where the value has no sentence. */
const char *meaning_of(const char *column, const char *value);

#endif
