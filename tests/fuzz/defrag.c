/* defrag.c: frames one after the other, each behind a byte of time, a byte of what the snap
 * length cut and two of length. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "packet/defrag.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { RAW = 101 };

/* Every byte that is promised can be read. */
static unsigned touch(struct bytes b)
{
	struct reader r = reader_of(b);
	unsigned sum = 0;

	while (rd_more(&r))
		sum += rd_u8(&r);
	return sum;
}

static unsigned offer(struct defrag *d, const struct packet *p, struct decap_counts *counts)
{
	struct segment s;

	if (defrag_join(d, decap(p, &s, counts), &s, counts) != DECAP_SEGMENT)
		return 0;
	if (s.payload_len < s.payload.len)
		abort();
	return touch(s.payload) + touch(s.transport) + segment_checksum_fits(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const struct hash_key key;
	struct limit_counts limits = { 0 };
	struct decap_counts counts = { .limits = &limits };
	struct defrag *d = defrag_create(&key, &limits);
	struct reader r = reader_of((struct bytes){ at, len });
	volatile unsigned sum = 0;
	int64_t time_ns = 0;

	while (rd_more(&r)) {
		time_ns += (int64_t)rd_u8(&r) * 250000000;
		uint32_t missing = rd_u8(&r) * 8u;
		struct reader frame = rd_vec16(&r);
		struct packet p = { .time_ns = time_ns, .number = 1, .link_type = RAW };
		p.data = rd_peek(&frame);
		p.wire_len = (uint32_t)p.data.len + missing;
		sum += offer(d, &p, &counts);
	}
	defrag_destroy(d);
	(void)sum;
	return 0;
}
