/* exchange.h: one handshake as it happens, whatever carries it: TLS over TCP, DTLS and QUIC tell it what passes, it fills a struct handshake and knows
 * when that is finished (RFC 8446 appendix A, RFC 5246 section 7.3).
 *
 * A struct exchange is part of a connection. It is flat (what it points at is on the heap), so that a connection can be packed while it waits. All times inside are relative to
 * the connection's first packet (tls_env.base_ns), and counters start at 0, so that it packs well; what is emitted has absolute times. Finished handshakes go to the environment's list, from which the pipeline takes them.
 */
#ifndef DISSECTORS_EXCHANGE_H
#define DISSECTORS_EXCHANGE_H

#include "dissectors/ech.h"
#include "dissectors/env.h"
#include "overhear/handshake.h"

#include <stdbool.h>
#include <stdint.h>

enum exchange_state {
	EXCHANGE_WAITING,	/* no hello yet */
	EXCHANGE_RUNNING,
	EXCHANGE_COMPLETED,	/* both Finished passed; waits for the first application data */
	EXCHANGE_FAILED,	/* a fatal alert passed; waits for the connection's end */
	EXCHANGE_DONE,		/* emitted; a renegotiation may follow */
};

struct exchange_side {
	bool present;		/* something of the handshake came from it */
	bool changed_cipher;
	bool finished;
	bool application_data;
	bool alert_encrypted;
	bool closed;
	int64_t finished_ns;	/* its last byte */
	int64_t application_ns;	/* first byte of its first application data */
};

struct exchange {
	struct handshake h;
	uint8_t state;			/* enum exchange_state */
	uint8_t sequence;		/* of this handshake on its connection */
	uint8_t transport;		/* enum transport */
	bool tls13, version_known;
	bool offers_tls13, early_data_pending, finished_by_shape;
	bool hello_cut;			/* the hello's end is missing */
	bool saw_certificate, saw_key_exchange, saw_hello_done, saw_certificate_request;
	bool server_finished_first;	/* an abbreviated handshake up to TLS 1.2 */
	bool flight_pending;		/* TLS 1.3 without keys: client records after the ServerHello, none of a Finished's size */
	bool tickets_over;
	bool held;			/* secrets are at hand: emitted at the end of the connection, since later alerts can be read */
	bool answered;			/* application data of the server passed */
	uint8_t alerts_before_data;
	bool server_flight_opened;	/* TLS 1.3 with keys: its Finished was read */
	bool not_tls_answer;
	bool client_left;		/* its alert was the first word after both Finished */
	bool gap;
	bool ticket_offered, session_echoed, renegotiation_offered;
	bool psk_taken, psk_is_external;
	bool refused;			/* emitted as failed: whatever follows is no renegotiation */
	bool finished_maybe;		/* TLS 1.3 without keys, early data offered: a client record of a Finished's size ... */
	bool answered_maybe;		/* ... and one of the server's after it */
	uint8_t tickets_given;
	uint32_t psk_external;		/* hello.h */
	uint64_t psk_hash[2], ech_hash;
	struct inner_hello *ech;		/* owned: the inner hello, up to the ServerHello; NULL */
	uint8_t round_trips;
	uint8_t ssl2_records[2];	/* SSL 2.0: encrypted ones after the CLIENT-MASTER-KEY, by enum sender */
	uint32_t bytes[2];		/* of its records, by enum sender */
	uint8_t last_flight;		/* 1 + sender of the last handshake record, for round_trips */
	uint8_t ticket_records;		/* TLS 1.3 without keys: leading server records of equal length */
	uint32_t ticket_record_len;
	uint32_t server_record_len;	/* TLS 1.3 without keys: of the last record of the server's flight */
	uint32_t flight_bytes;		/* of the records of flight_pending */
	uint8_t first_after_finished;	/* 1: no server record since the client's Finished; 2: it was alert-sized; 3: another */
	int64_t hello_first_ns, hello_last_ns, server_hello_first_ns, flight_last_ns;
	struct exchange_side side[2];	/* by enum sender */
};

/* A handshake message, whole (or, with `cut`, as far as it was seen). */
struct exchange_message {
	uint8_t type;
	struct bytes body;
	uint32_t bytes;			/* header included */
	int64_t first_ns, last_ns;	/* relative to the connection's first packet */
	bool decrypted, cut;
};

void exchange_init(struct exchange *x, enum transport transport);
/* Releases what it holds; nothing is emitted. */
void exchange_finish(struct exchange *x, struct tls_env *env);

void exchange_message(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m);
void exchange_ssl2_client_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m);
void exchange_ssl2_server_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m);
/* CLIENT-MASTER-KEY chooses the suite; whatever follows is encrypted (told by exchange_ssl2_encrypted). */
void exchange_ssl2_master_key(struct exchange *x, struct tls_env *env, const struct exchange_message *m);
void exchange_ssl2_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t bytes, int64_t ns);
void exchange_change_cipher(struct exchange *x, struct tls_env *env, enum sender sender, int64_t first_ns, int64_t last_ns);
void exchange_alert(struct exchange *x, struct tls_env *env, enum sender sender, struct alert a);
/* A record whose content cannot be read; type and length as on the wire. */
void exchange_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint8_t type, uint32_t len, int64_t first_ns, int64_t last_ns);
/* DTLS 1.3 (RFC 9147 section 6.1): what is encrypted shows the two lowest bits of its epoch. */
void exchange_dtls13_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint16_t epoch, uint32_t len, int64_t ns);
/* A record of TLS 1.3 was opened, and is application data: only when it came matters. */
void exchange_application(struct exchange *x, struct tls_env *env, enum sender sender, int64_t first_ns);
/* A packet carried bytes of the handshake. */
void exchange_packet(struct exchange *x, uint64_t number);
/* The same where the caller knows that it did, whatever the handshake's state is by now. */
void exchange_count_packet(struct exchange *x, uint64_t number);
/* A datagram carried again what was there already. */
void exchange_again(struct exchange *x);
/* A record's bytes, header included. */
void exchange_bytes(struct exchange *x, enum sender sender, uint32_t bytes);
/* A heartbeat message in the clear: the length of the payload that it claims, and that of its record. */
void exchange_heartbeat(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t claimed, uint32_t record_len, int64_t ns);
/* ---- QUIC only (exchange_quic.c) ---- */

/* The version of the packets that carry the handshake; the last one counts. */
void exchange_quic_version(struct exchange *x, uint32_t version);
/* The first of a ClientHello came, which is not whole yet. */
void exchange_quic_begun(struct exchange *x, int64_t ns);
void exchange_quic_retry(struct exchange *x);
/* The server answered with a packet that could be opened. */
void exchange_quic_answered(struct exchange *x);
/* A datagram carried nothing but what was known. */
void exchange_quic_repeated(struct exchange *x);
/* For the ladder: a packet that is no message of TLS, or cannot be read. */
void exchange_note(struct exchange *x, struct tls_env *env, enum sender sender, enum message_type type, uint32_t bytes, int64_t ns);
/* Both use the keys that only a finished handshake gives. ns: when the client's Finished passed, or TIME_NONE. */
void exchange_quic_finished(struct exchange *x, int64_t ns);
/* CONNECTION_CLOSE, for the reason of an alert of TLS or another; hands the handshake on. */
void exchange_quic_closed(struct exchange *x, struct tls_env *env, enum sender sender, bool is_alert, struct alert a);
/* The server does not speak the client's version, and the client did not come back with another. */
void exchange_quic_refused(struct exchange *x);

/* Bytes of this sender are lost for good. */
void exchange_gap(struct exchange *x, enum sender sender);
/* The server's first bytes are not TLS. */
void exchange_not_tls(struct exchange *x, struct bytes first, int64_t ns);

enum exchange_end {
	EXCHANGE_END_FIN,	/* this sender closed its direction */
	EXCHANGE_END_RST,
	EXCHANGE_END_IDLE,	/* silence beyond the limit, or replaced by a new connection */
	EXCHANGE_END_CAPTURE,	/* the capture ended */
	EXCHANGE_END_EVICTED,
};
/* `sender` is who closed, for FIN and RST; who closed first, or -1, for the others. */
void exchange_end(struct exchange *x, struct tls_env *env, enum exchange_end how, int sender);

/* Is the side's traffic unreadable now? */
bool exchange_is_encrypted(const struct exchange *x, enum sender sender);
/* Nothing that can still come matters. */
bool exchange_is_over(const struct exchange *x);
/* The bytes of the running handshake matter (history of what was handed on is worth keeping). */
static inline bool exchange_is_running(const struct exchange *x)
{
	return x->state <= EXCHANGE_RUNNING;
}

#endif
