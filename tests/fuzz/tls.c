/* tls.c: a connection: chunks of a byte that says which end (bit 0), whether something was lost before (bit 1) and how the end closes (bits 2 and 3), a byte of length, and the bytes.
 * Whatever they are, memory is given back and each handshake holds together.
 */
#include "dissectors/tls.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void take(struct tls_env *env)
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

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct limit_counts counts = { 0 };
	struct hash_key key = { 0 };
	struct tls_env env;
	struct tls t;
	struct reader r = reader_of((struct bytes){ at, len });
	int64_t now = 0;

	tls_env_init(&env, &key, &counts);
	tls_init(&t);
	while (rd_left(&r) >= 2 && !tls_is_over(&t)) {
		uint8_t what = rd_u8(&r);
		size_t n = rd_u8(&r);
		now += 1000;
		struct chunk c = { .data = rd_take(&r, n < rd_left(&r) ? n : rd_left(&r)), .time_ns = now, .number = (uint64_t)now,
			.missing = what & 2 ? what : 0 };

		if (!tls_push(&t, &env, what & 1, &c))
			break;
		take(&env);
		if (what & 12) {
			tls_closed(&t, &env, what & 1, what & 4);
			take(&env);
		}
	}
	tls_end(&t, &env, EXCHANGE_END_IDLE, -1);
	take(&env);
	tls_finish(&t, &env);
	assert(!env.message_bytes);
	tls_env_finish(&env);
	return 0;
}
