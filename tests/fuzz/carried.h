/* carried.h: a connection of a row of the table of dissectors, for fuzz targets: packets of a byte that
 * says which end (bit 0) and whether something was lost before (bit 1), two bytes of length, and the
 * bytes. Whatever they are, memory is given back and each handshake holds together.
 */
#ifndef TESTS_FUZZ_CARRIED_H
#define TESTS_FUZZ_CARRIED_H

#include "dissectors/dissector.h"

#include <assert.h>
#include <stdlib.h>

static inline void carried_take(struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++) {
		struct handshake *h = env->finished[i];

		assert(h->outcome != OUTCOME_UNSEEN);
		assert(h->message_count <= MESSAGES_MAX && h->alert_count <= ALERTS_MAX);
		assert(h->tls_ns == TIME_NONE || h->tls_ns >= 0);
		assert((h->outcome == OUTCOME_COMPLETED || h->outcome == OUTCOME_OPEN) == !h->ended_by);
		tls_env_give_back(env, h);
	}
	env->finished_count = 0;
}

static inline void carried_run(const struct dissector *row, const uint8_t *at, size_t len)
{
	struct limit_counts counts = { 0 };
	struct hash_key key = { .secret = { 7 } };
	struct tls_env env;
	struct reader r = reader_of((struct bytes){ at, len });
	void *state = calloc(1, row->size);
	int64_t now = 0;

	tls_env_init(&env, &key, &counts);
	row->init(state);
	while (rd_left(&r) >= 3 && !row->is_over(state)) {
		uint8_t what = rd_u8(&r);
		size_t n = rd_u16(&r);
		now += 1000;
		struct chunk c = { .data = rd_take(&r, n < rd_left(&r) ? n : rd_left(&r)),
			.time_ns = now, .number = (uint64_t)now,
			.missing = row->stream && what & 2 ? what : 0 };

		row->looks(c.data);
		if (row->begins_anew && row->begins_anew(state, &env, what & 1, &c))
			break;
		if (!row->push(state, &env, what & 1, &c))
			break;
		carried_take(&env);
	}
	row->end(state, &env, EXCHANGE_END_IDLE, -1);
	carried_take(&env);
	row->finish(state, &env);
	assert(!env.message_bytes);
	tls_env_finish(&env);
	free(state);
}

static inline const struct dissector *carried_row(const char *name)
{
	for (size_t i = 0; i < dissector_count; i++)
		if (!strcmp(dissectors[i].name, name))
			return &dissectors[i];
	abort();
}

#endif
