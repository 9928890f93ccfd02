#include "flow/fold.h"

#include "flow/clock.h"

#include <string.h>

static void fold_stream(const struct flow *f, struct flow *rest, unsigned end)
{
	const struct stream *s = &f->stream[end];
	uint32_t from = s->next;

	for (unsigned i = STREAM_SEEN_EARLY; i--;) {
		if (!s->early[i].len)
			continue;
		rest->stream[end].early[i].seq = from - s->early[i].len - s->early[i].seq;
		from = s->early[i].seq;
	}
	if (s->fin_seen)
		rest->stream[end].fin = s->fin - s->next;
	if (flow_has_isn(f, end))
		rest->isn[end] = s->next - 1 - f->isn[end];
}

void flow_fold(const struct flow *f, int64_t base_ns, struct flow *rest)
{
	memcpy(rest, f, sizeof *rest);
	rest->ack_ns = time_difference(f->ack_ns, f->synack_ns);
	rest->synack_ns = time_sum(f->synack_ns, 1);
	rest->close_ns = time_sum(f->close_ns, 1);
	rest->last_ms = time_difference(f->last_ms, f->first_ns / MS_NS);
	rest->first_ns = time_difference(f->first_ns, base_ns);
	rest->first_number = f->first_number - f->id;
	rest->connection = NULL;
	for (unsigned end = 0; end < 2; end++)
		fold_stream(f, rest, end);
}

static void unfold_stream(struct flow *f, unsigned end)
{
	struct stream *s = &f->stream[end];
	uint32_t from = s->next;

	for (unsigned i = STREAM_SEEN_EARLY; i--;) {
		if (!s->early[i].len)
			continue;
		s->early[i].seq = from - s->early[i].len - s->early[i].seq;
		from = s->early[i].seq;
	}
	if (s->fin_seen)
		s->fin += s->next;
	if (flow_has_isn(f, end))
		f->isn[end] = s->next - 1 - f->isn[end];
}

void flow_unfold(struct flow *f, int64_t base_ns)
{
	f->first_number += f->id;
	f->first_ns = time_sum(f->first_ns, base_ns);
	f->last_ms = time_sum(f->last_ms, f->first_ns / MS_NS);
	f->close_ns = time_difference(f->close_ns, 1);
	f->synack_ns = time_difference(f->synack_ns, 1);
	f->ack_ns = time_sum(f->ack_ns, f->synack_ns);
	for (unsigned end = 0; end < 2; end++)
		unfold_stream(f, end);
}
