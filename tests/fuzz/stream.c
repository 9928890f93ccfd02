/* Segments of one direction, as a model of the sender's bytes allows: what comes out must be
 * those bytes, in order, wherever no segment lied. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flow/stream.h"
#include "overhear/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { SPAN = 4096 };

struct model {
	struct stream stream;
	struct stream_pool pool;
	struct limit_counts limits;
	struct hash_key key;
	uint32_t isn;
	uint64_t place;		/* of the next byte to come out */
	bool lied;
	uint8_t sent[SPAN];
};

static void take(struct model *m)
{
	struct chunk c;

	while (stream_next(&m->stream, &m->pool, &c)) {
		assert(c.data.len);
		m->place += c.missing;
		for (size_t i = 0; i < c.data.len; i++, m->place++)
			assert(m->lied || c.data.at[i] == m->sent[m->place % SPAN]);
		assert(!c.missing || m->stream.marks & REASSEMBLY_GAP);
	}
	assert(m->stream.next == m->isn + 1 + (uint32_t)m->place);
}

static void push(struct model *m, uint32_t offset, uint32_t len, uint32_t missing, bool lie,
	bool history, bool doubted)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct stream_segment in = { .seq = m->isn + 1 + offset,
		.data = { copy, len },
		.wire_len = len + missing,
		.number = 1 };

	for (uint32_t i = 0; i < len; i++)
		copy[i] = (uint8_t)(m->sent[(offset + i) % SPAN] ^ (lie && i == len / 2));
	m->lied |= lie;
	if (doubted)
		stream_doubt(&m->stream, &m->pool, &in);
	else
		stream_push(&m->stream, &m->pool, &in, history);
	take(m);
	free(copy);
	assert(m->pool.waiting_bytes <= REASSEMBLY_BYTES_MAX);
}

static void step(struct model *m, struct reader *r)
{
	uint8_t what = rd_u8(r);
	uint32_t offset = (uint32_t)m->place + rd_u16(r) % 1024 - 300;
	uint32_t len = rd_u8(r);

	switch (what & 7) {
	case 0:
		stream_acknowledge(&m->stream, &m->pool, m->isn + 1 + offset);
		take(m);
		return;
	case 1:
		stream_fin(&m->stream, m->isn + 1 + offset);
		(void)stream_at_fin(&m->stream);
		return;
	case 2:
		if (what == 0x82)
			stream_give_up(&m->stream, &m->pool, REASSEMBLY_EVICTED);
		take(m);
		return;
	case 3:
		push(m, offset, len, what >> 3, false, true, false);
		return;
	default:
		push(m, offset, len, 0, what == 0xff, what & 0x40, what & 8);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct model *m = calloc(1, sizeof *m);
	struct reader r = reader_of((struct bytes){ at, len });

	m->pool = (struct stream_pool){ .limits = &m->limits, .key = &m->key };
	m->isn = rd_u32(&r);
	for (uint32_t i = 0; i < SPAN; i++)
		m->sent[i] = (uint8_t)(i * 167 + (i >> 8) * 13);
	stream_start(&m->stream, m->isn);
	while (rd_more(&r))
		step(m, &r);
	stream_give_up(&m->stream, &m->pool, 0);
	take(m);
	if (!m->lied)
		assert(!(m->stream.marks & REASSEMBLY_OVERLAP));
	assert(!m->pool.waiting_bytes);
	stream_ignore(&m->stream, &m->pool);
	stream_finish(&m->stream, &m->pool);
	stream_pool_finish(&m->pool);
	free(m);
	return 0;
}
