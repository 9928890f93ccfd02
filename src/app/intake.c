#include "app/intake.h"

#include "overhear/handshake.h"

void intake_init(struct intake *i, const struct hash_key *key, struct limit_counts *limits)
{
	*i = (struct intake){ .started_ns = TIME_NONE, .ended_ns = TIME_NONE, .decap.limits = limits, .defrag = defrag_create(key, limits) };
}

void intake_finish(struct intake *i)
{
	defrag_destroy(i->defrag);
	i->defrag = NULL;
}

enum decap_result intake_open(struct intake *i, const struct packet *in, struct segment *out)
{
	if (in->time_ns < i->started_ns || i->started_ns == TIME_NONE)
		i->started_ns = in->time_ns;
	if (in->time_ns > i->ended_ns || i->ended_ns == TIME_NONE)
		i->ended_ns = in->time_ns;
	i->packets++;
	i->bytes += in->data.len;
	return decap(in, out, &i->decap);
}

bool intake_join(struct intake *i, enum decap_result result, struct segment *out)
{
	return defrag_join(i->defrag, result, out, &i->decap) == DECAP_SEGMENT;
}

bool intake_take(struct intake *i, const struct packet *in, struct segment *out)
{
	return intake_join(i, intake_open(i, in, out), out);
}

void intake_counts(const struct intake *i, struct capture *out)
{
	out->started_ns = i->started_ns;
	out->ended_ns = i->ended_ns;
	out->packets = i->packets;
	out->bytes = i->bytes;
	out->truncated_packets = i->decap.truncated;
	out->malformed_packets = i->decap.malformed;
}
