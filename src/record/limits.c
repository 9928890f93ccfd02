#include "overhear/limits.h"

const struct limit_info limit_table[LIMIT_COUNT] = {
#define X(id, text, most, why) [LIMIT_##id] = { .name = text, .reason = why, .value = most },
	LIMIT_TABLE(X)
#undef X
};
