/* Segments of a handful of connections in a table with room for a few awake ones: whatever
 * comes, a flow has the key of its segment, and each is retired once. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flow/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { CONNECTION_SIZE = 64, FLOWS_AT_ONCE = 24, AWAKE_AT_ONCE = 3 };

struct run {
	struct flow_table *table;
	uint64_t retired;
	int64_t time_ns;
	uint64_t number;
};

static void on_retire(void *context, struct flow *f, enum flow_end how)
{
	struct run *run = context;

	(void)how;
	run->retired++;
	if (f->connection) {
		uint64_t id;
		memcpy(&id, f->connection, sizeof id);
		assert(id == f->id);
	}
}

static struct segment next_segment(struct run *run, struct reader *r)
{
	static const int64_t pauses_ms[] = { 0, 0, 1, 150, 1900, 61000, 301000, INT64_C(90000000) };
	static const uint8_t payload[256];
	uint8_t who = rd_u8(r), pause = rd_u8(r), len = rd_u8(r);
	struct segment s = { .number = ++run->number,
		.protocol = who & 0x80 ? PROTOCOL_UDP : PROTOCOL_TCP,
		.vlan = VLAN_NONE };
	bool back = who & 0x40;

	run->time_ns += pauses_ms[pause & 7] * (pause & 0x80 ? -1000000 : 1000000);
	s.time_ns = run->time_ns;
	(back ? &s.dst : &s.src)->at[15] = 1;
	(back ? &s.src : &s.dst)->at[15] = 2;
	*(back ? &s.dst_port : &s.src_port) = who & 0x3f;
	*(back ? &s.src_port : &s.dst_port) = 443;
	s.flags = s.protocol == PROTOCOL_TCP ? rd_u8(r) : 0;
	s.checksum_wrong = pause & 8;
	s.has_md5 = (pause & 0x30) == 0x30;
	s.seq = (uint32_t)(rd_u16(r) - 32768) * (pause & 0x40 ? 65536U : 1U);
	s.ack = (uint32_t)(rd_u16(r) - 32768);
	s.payload_len = len;
	s.payload = (struct bytes){ payload, len > 200 ? 200 : len };
	return s;
}

static void use(struct run *run, struct flow *f, unsigned end, const struct segment *s)
{
	struct stream_pool *pool = flow_table_pool(run->table);
	struct stream_segment in = { flow_data_seq(s), s->payload, s->payload_len, s->time_ns,
		s->number };
	struct chunk c;

	assert(f->seen[end] && f->packets);
	assert(!memcmp(f->end[end].at, s->src.at, 16) && f->port[end] == s->src_port);
	assert(!memcmp(f->end[1 - end].at, s->dst.at, 16) && f->port[1 - end] == s->dst_port);
	if (f->doubted) {
		stream_doubt(&f->stream[end], pool, &in);
		return;
	}
	if (s->payload_len == 7 && !f->connection)
		memcpy(flow_connect(run->table, f), &f->id, sizeof f->id);
	if (s->payload_len == 8)
		flow_disconnect(run->table, f);
	if (s->payload_len == 9)
		f->unwatched = true;
	if (s->payload_len == 10)
		stream_ignore(&f->stream[end], pool);
	stream_acknowledge(&f->stream[1 - end], pool, s->ack);
	if (stream_push(&f->stream[end], pool, &in, s->payload_len & 1) == STREAM_NEW)
		while (stream_next(&f->stream[end], pool, &c))
			;
	if (s->payload_len == 11)
		flow_table_remove(run->table, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const uint8_t blank[CONNECTION_SIZE] = { [40] = 9 };
	static const struct hash_key key = { { 1, 2, 3 } };
	struct limit_counts limits = { { 0 } };
	struct run run = { .time_ns = INT64_C(1700000000000000000) };
	struct flow_table_options options = { .connection_size = sizeof blank,
		.blank_connection = blank,
		.key = &key,
		.limits = &limits,
		.flows_max = FLOWS_AT_ONCE,
		.awake_max = AWAKE_AT_ONCE,
		.retire = on_retire,
		.context = &run };
	struct flow_table_counts counts;
	struct reader r = reader_of((struct bytes){ at, len });

	run.table = flow_table_create(&options);
	while (rd_more(&r)) {
		struct segment s = next_segment(&run, &r);
		unsigned end;

		flow_table_tick(run.table, s.time_ns);
		flow_table_prefetch(run.table, &s);
		struct flow *f = flow_table_get(run.table, &s, &end);

		if (f)
			use(&run, f, end, &s);
		flow_table_counts(run.table, &counts);
		assert(counts.now <= FLOWS_AT_ONCE && counts.now + run.retired == counts.flows);
	}
	flow_table_drain(run.table);
	flow_table_counts(run.table, &counts);
	assert(!counts.now && run.retired == counts.flows);
	assert(!flow_table_pool(run.table)->waiting_bytes);
	flow_table_destroy(run.table);
	return 0;
}
