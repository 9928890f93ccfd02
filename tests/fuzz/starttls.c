/* starttls.c: a connection: chunks of a byte that says which end (bit 0) and whether something was lost before (bit 1), a byte of
 * length, and the bytes. Whatever they are, memory is given back, and a handshake names a road.
 */
#include "dissectors/starttls.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void take(struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++) {
		assert(env->finished[i]->outcome != OUTCOME_UNSEEN);
		tls_env_give_back(env, env->finished[i]);
	}
	env->finished_count = 0;
}

static void check_note(const struct tls_env *env)
{
	struct road_note note = road_note_of(env->road_note);
	char names[ROAD_NAMES_ROOM];

	assert(note.client <= 2);
	assert(road_names(note.levels, names) == strlen(names));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const struct address ends[2];
	static const uint16_t ports[2] = { 50000, 25 };
	struct limit_counts counts = { 0 };
	struct hash_key key = { 0 };
	struct tls_env env;
	struct starttls s;
	struct reader r = reader_of((struct bytes){ at, len });
	int64_t now = 0;

	tls_env_init(&env, &key, &counts);
	env.end = ends;
	env.port = ports;
	starttls_init(&s);
	while (rd_left(&r) >= 2 && !starttls_is_over(&s)) {
		uint8_t what = rd_u8(&r);
		size_t n = rd_u8(&r);

		now += 1000;
		struct chunk c = { .data = rd_take(&r, n < rd_left(&r) ? n : rd_left(&r)), .time_ns = now, .number = (uint64_t)now,
			.missing = what & 2 ? what : 0 };

		if (!starttls_push(&s, &env, what & 1, &c))
			break;
		take(&env);
	}
	starttls_end(&s, &env, EXCHANGE_END_IDLE, -1);
	take(&env);
	starttls_finish(&s, &env);
	check_note(&env);
	assert(!env.message_bytes);
	tls_env_finish(&env);
	return 0;
}
