/* quic_parts.h: what the files of QUIC share: quic.c (packets and frames of the handshake), quic_short.c (1-RTT packets, opened
 * with the user's secrets). Not for others.
 */
#ifndef DISSECTORS_QUIC_PARTS_H
#define DISSECTORS_QUIC_PARTS_H

#include "dissectors/crypto_stream.h"
#include "dissectors/quic.h"
#include "dissectors/quic_crypt.h"

enum level { LEVEL_INITIAL, LEVEL_HANDSHAKE, LEVEL_COUNT, LEVEL_APPLICATION = LEVEL_COUNT };

/* A mirrored port shows packets twice, one soon after the other. QUIC itself never sends one again. */
enum { RECENT_PACKETS = 16 };

/* A datagram that came before the one that tells its keys. */
struct waiting {
	uint8_t *at; /* owned */
	size_t len;
	unsigned end;
	int64_t time_ns;
	uint64_t number;
};

struct key_ring {
	struct quic_keys keys[LEVEL_COUNT][2]; /* by enum sender */
	uint32_t version;		       /* of those for Initial packets; 0: none yet */
};

/* 1-RTT packets of one side, where the user has the secret. */
struct last_keys {
	struct quic_generation generation;
	struct crypto_stream crypto;
	int64_t largest;
	uint8_t opened, failures;
};

/* Small, since a flood of hellos makes many: what few need, they allocate. */
struct quic_running {
	struct key_ring *ring;	 /* owned; derived again where it is NULL */
	struct waiting *waiting; /* owned */
	struct last_keys *last;	 /* owned: two of them, by enum sender; NULL where nothing is to be opened */
	int64_t largest[LEVEL_COUNT][2];
	struct crypto_stream crypto[LEVEL_COUNT][2];
	uint32_t recent[RECENT_PACKETS]; /* the last bytes of packets: the tag makes them unlike all others */
	uint8_t recent_next;
	uint8_t waiting_count;
	bool hello_whole; /* the client's */
};

/* One datagram on its way through. */
struct passage {
	struct quic *q;
	struct tls_env *env;
	enum sender sender;
	unsigned end;
	uint64_t number;
	int64_t ns;		     /* relative to the connection's first */
	bool cut;		     /* the packet's end was not captured: what it says is not proved */
	bool crypto_new, crypto_old; /* CRYPTO frames brought something, or nothing, new */
};

enum frame {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_ACK_ECN = 0x03,
	FRAME_CRYPTO = 0x06,
	FRAME_STREAM = 0x08,
	FRAME_STREAM_LAST = 0x0f,
	FRAME_NEW_CONNECTION_ID = 0x18,
	FRAME_CLOSE = 0x1c,
	FRAME_CLOSE_APPLICATION = 0x1d,
	FRAME_DATAGRAM = 0x30,
	FRAME_DATAGRAM_LAST = 0x31
};

/* Are there secrets, or may there be? */
static inline bool quic_is_keyed(const struct tls_env *env)
{
	return env->keylog || env->more_secrets;
}

/* ---- quic.c ---- */

struct quic_running *quic_running_of(struct quic *q);
void quic_crypto_frame(struct passage *at, enum level level, uint64_t offset, struct bytes data);
void quic_skip_ack(struct reader *r, bool ecn);
void quic_close_frame(struct passage *at, struct reader *r, enum level level, bool transport);

/* ---- quic_short.c ---- */

/* A 1-RTT packet: true where it was opened. What was data is overwritten at once. */
bool quic_opened_short(struct passage *at, struct bytes whole);
void quic_last_keys_finish(struct quic_running *run, struct tls_env *env);

#endif
