/* openvpn.h: the control channel of OpenVPN, over UDP and over TCP: packets with numbers and
 * acknowledgements that carry the bytes of a TLS connection. Found by content, on any port.
 *
 * With tls-auth an HMAC stands before the number; its size is learnt from the first packet. With
 * tls-crypt nothing can be read. A soft reset begins another TLS connection under another key number.
 */
#ifndef DISSECTORS_OPENVPN_H
#define DISSECTORS_OPENVPN_H

#include "dissectors/tls.h"

enum { OPENVPN_SESSION_LEN = 8 };

/* A packet that came before the one that is due. */
struct openvpn_packet {
	struct openvpn_packet *next;
	uint32_t id, len;
	int64_t time_ns;
	uint64_t number;
	uint8_t bytes[];
};

/* One direction. */
struct openvpn_side {
	uint32_t due;			/* number of the next packet */
	bool started;			/* due is known */
	bool lost;			/* TCP: where the next packet begins is not known */
	uint8_t count;
	struct openvpn_packet *waiting;	/* in order; owned */
	/* TCP: what of a packet, its length included, came so far; or is passed over */
	uint8_t head[3], head_len;
	uint32_t skip, held_len, held_want;
	uint8_t *held;			/* owned */
};

struct openvpn {
	struct tls tls;			/* first, as in struct starttls */
	bool has_session, has_overhead;
	uint8_t overhead;		/* between session id and acknowledgements */
	uint8_t key;			/* number of the TLS connection, modulo 8 */
	uint8_t handshakes;		/* before this one */
	uint8_t session[OPENVPN_SESSION_LEN];	/* of the end that reset first */
	int64_t base_ns;		/* of this TLS connection, relative to the flow's first packet */
	struct openvpn_side side[2];	/* by end of the flow */
};

/* Two rows of dissector.h: the stream's functions where they differ. */
enum look openvpn_looks(struct bytes datagram);
enum look openvpn_looks_stream(struct bytes first);
void openvpn_init(void *state);
void openvpn_finish(void *state, struct tls_env *env);
bool openvpn_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
bool openvpn_push_stream(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
bool openvpn_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void openvpn_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void openvpn_lacks_tail(void *state, unsigned end);
void openvpn_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool openvpn_is_over(const void *state);
bool openvpn_is_running(const void *state);
unsigned openvpn_client(const void *state);

#endif
