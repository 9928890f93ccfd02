/* decap.c: a frame of any link type. The first two bytes pick it, the third says how much more
 * the wire had. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "packet/decap.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_inside(struct bytes part, struct bytes whole)
{
	if (!part.len)
		return;
	if (part.at < whole.at || part.len > whole.len)
		abort();
	if ((size_t)(part.at - whole.at) > whole.len - part.len)
		abort();
}

static void check_segment(const struct segment *s, const struct packet *p)
{
	char text[512];

	check_inside(s->payload, p->data);
	if (s->payload_len < s->payload.len || s->payload_len > p->wire_len)
		abort();
	if (s->encapsulation.depth > ENCAPSULATION_DEPTH_MAX)
		abort();
	if (encapsulation_text(&s->encapsulation, text, sizeof text) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct limit_counts limits = { 0 };
	struct decap_counts counts = { .limits = &limits };
	struct reader r = reader_of((struct bytes){ at, len });
	struct packet p = { .number = 1, .link_type = rd_u16(&r) };
	uint32_t missing = rd_u8(&r) * 16u;
	struct segment s;

	p.data = rd_rest(&r);
	p.wire_len = (uint32_t)p.data.len + missing;
	switch (decap(&p, &s, &counts)) {
	case DECAP_SEGMENT:
		check_segment(&s, &p);
		check_inside(s.transport, p.data);
		(void)segment_checksum_fits(&s);
		break;
	case DECAP_FRAGMENT:
		check_segment(&s, &p);
		break;
	case DECAP_TRUNCATED:
		if (!missing)
			abort();
		break;
	default:
		break;
	}
	return 0;
}
