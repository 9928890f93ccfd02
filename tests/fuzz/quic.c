/* quic.c: datagrams of one flow: a byte that says which end (bit 0), two of length, and the bytes.
 * Packets of the first client's keys cannot be hit by chance, so bit 1 has the bytes sealed into an
 * Initial packet as frames first (bit 2: of the server). Whatever they are, memory is given back
 * and each handshake holds together.
 */
#include "dissectors/quic.h"
#include "tests/unit/quic_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static const uint8_t cid[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void take(struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++) {
		struct handshake *h = env->finished[i];

		assert(h->transport == TRANSPORT_QUIC);
		assert(h->outcome != OUTCOME_UNSEEN);
		assert(h->message_count <= MESSAGES_MAX && h->alert_count <= ALERTS_MAX);
		assert(h->tls_ns == TIME_NONE || h->tls_ns >= 0);
		assert((h->outcome == OUTCOME_COMPLETED || h->outcome == OUTCOME_OPEN) ==
		       !h->ended_by);
		tls_env_give_back(env, h);
	}
	env->finished_count = 0;
}

static void seal(struct tls_env *env, struct buffer *out, enum sender sender, struct bytes frames,
		 uint32_t number)
{
	struct bytes id = { cid, sizeof cid };
	struct quic_keys keys[2];

	if (!quic_keys_initial(env->crypto, quic_version_find(1), id, keys))
		return;
	wire_seal(out, &keys[sender],
		  &(struct wire_packet){ .version = 1,
					 .type = QUIC_INITIAL,
					 .dcid = id,
					 .scid = id,
					 .frames = frames,
					 .number = number,
					 .pad_to = 20 });
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct limit_counts counts = { 0 };
	struct hash_key key = { 0 };
	struct tls_env env;
	struct quic q;
	struct reader r = reader_of((struct bytes){ at, len });
	struct buffer sealed = { 0 };
	int64_t now = 0;

	tls_env_init(&env, &key, &counts);
	quic_init(&q);
	while (rd_left(&r) >= 3) {
		now += 1000;
		uint8_t what = rd_u8(&r);
		size_t n = rd_u16(&r);
		struct bytes data = rd_take(&r, n < rd_left(&r) ? n : rd_left(&r));
		struct chunk c = { .data = data, .time_ns = now, .number = (uint64_t)now };

		if (what & 2) {
			buffer_clear(&sealed);
			seal(&env, &sealed, what & 4 ? SENDER_SERVER : SENDER_CLIENT, data,
			     (uint32_t)now);
			c.data = buffer_bytes(&sealed);
		}
		(void)quic_looks(c.data);
		if (quic_begins_anew(&q, &env, what & 1, &c)) {
			quic_end(&q, &env, EXCHANGE_END_IDLE, -1);
			take(&env);
			quic_finish(&q, &env);
			quic_init(&q);
		}
		if (!quic_is_over(&q) && !quic_push(&q, &env, what & 1, &c))
			break;
		take(&env);
	}
	quic_end(&q, &env, EXCHANGE_END_IDLE, -1);
	take(&env);
	quic_finish(&q, &env);
	buffer_finish(&sealed);
	assert(!env.message_bytes);
	tls_env_finish(&env);
	return 0;
}
