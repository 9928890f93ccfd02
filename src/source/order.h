/* order.h: integers of capture files, whose byte order the file itself tells. */
#ifndef SOURCE_ORDER_H
#define SOURCE_ORDER_H

#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t u16_of(struct reader *r, bool little)
{
	return little ? rd_u16_le(r) : rd_u16(r);
}

static inline uint32_t u32_of(struct reader *r, bool little)
{
	return little ? rd_u32_le(r) : rd_u32(r);
}

static inline uint64_t u64_of(struct reader *r, bool little)
{
	uint64_t v = rd_u64(r);

	return little ? __builtin_bswap64(v) : v;
}

#endif
