/* handshake.h: the record of one handshake attempt, both directions joined: a row of the view `handshakes`.
 *
 * One owner at a time: the dissector that fills it, then whoever took it (pipeline, ring, sink), who ends it with
 * handshake_destroy(). A member that was not seen keeps its blank value, which the sink stores as NULL:
 *   integers -1, times and durations TIME_NONE, texts TEXT_NONE, enumerations 0 (their first name is ..._UNSEEN).
 * The table of fields (src/record/fields.c) names every member that is a column, its unit and its meaning.
 */
#ifndef OVERHEAR_HANDSHAKE_H
#define OVERHEAR_HANDSHAKE_H

#include "base/reader.h"
#include "overhear/chunk.h"
#include "overhear/finding.h"
#include "overhear/hello.h"
#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define TIME_NONE INT64_MIN

/* A text kept by the handshake: a place in its `texts`. Any bytes from the wire; escaped when it is shown. */
struct text {
	uint32_t at, len;
};
#define TEXT_NONE ((struct text){ 0, 0 })

enum transport { TRANSPORT_TCP = 1, TRANSPORT_QUIC, TRANSPORT_DTLS };
enum outcome { OUTCOME_UNSEEN, OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_OPEN, OUTCOME_PARTIAL };
enum stage { STAGE_UNSEEN, STAGE_CLIENT_HELLO, STAGE_SERVER_HELLO, STAGE_CERTIFICATE, STAGE_KEY_EXCHANGE, STAGE_FINISHED };
enum ended_by { ENDED_UNSEEN, ENDED_BY_CLIENT, ENDED_BY_SERVER, ENDED_BY_NETWORK, ENDED_BY_CAPTURE };
enum resumption { RESUMPTION_UNSEEN, RESUMPTION_NONE, RESUMPTION_SESSION_ID, RESUMPTION_TICKET, RESUMPTION_PSK };
enum early_data { EARLY_DATA_UNSEEN, EARLY_DATA_NONE, EARLY_DATA_OFFERED, EARLY_DATA_ACCEPTED, EARLY_DATA_REJECTED };
enum ech { ECH_UNSEEN, ECH_NONE, ECH_GREASE, ECH_OFFERED, ECH_ACCEPTED, ECH_REJECTED };
enum client_auth { CLIENT_AUTH_UNSEEN, CLIENT_AUTH_NONE, CLIENT_AUTH_REQUESTED, CLIENT_AUTH_DECLINED, CLIENT_AUTH_PROVIDED,
	CLIENT_AUTH_REJECTED };
enum key_exchange { KEY_EXCHANGE_UNSEEN, KEY_EXCHANGE_RSA, KEY_EXCHANGE_DH, KEY_EXCHANGE_DHE, KEY_EXCHANGE_ECDH, KEY_EXCHANGE_ECDHE,
	KEY_EXCHANGE_HYBRID, KEY_EXCHANGE_ML_KEM, KEY_EXCHANGE_PSK, KEY_EXCHANGE_DHE_PSK, KEY_EXCHANGE_ECDHE_PSK, KEY_EXCHANGE_RSA_PSK,
	KEY_EXCHANGE_ANONYMOUS, KEY_EXCHANGE_SRP, KEY_EXCHANGE_KRB5, KEY_EXCHANGE_GOST, KEY_EXCHANGE_ECCPWD, KEY_EXCHANGE_NULL };
enum ocsp_status { OCSP_UNSEEN, OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

/* Marks of the column `reassembly`; none of them is "whole". */
enum reassembly {
	REASSEMBLY_GAP = 1, REASSEMBLY_OVERLAP = 2, REASSEMBLY_TRUNCATED = 4, REASSEMBLY_LIMIT = 8, REASSEMBLY_EVICTED = 16,
	REASSEMBLY_MIDSTREAM = 32, REASSEMBLY_ONE_SIDED = 64,
};

/* Columns that may be deduced rather than read, bits of `inferred`; the sink prints their names. */
enum inferred {
	INFERRED_OUTCOME = 1, INFERRED_STAGE = 2, INFERRED_ENDED_BY = 4, INFERRED_TLS_MS = 8, INFERRED_FIRST_BYTE_MS = 16,
	INFERRED_CLIENT_AUTH = 32, INFERRED_EARLY_DATA = 64, INFERRED_ECH = 128, INFERRED_ALERT = 256, INFERRED_CLIENT_IP = 512,
	INFERRED_TOTAL_MS = 1024, INFERRED_CAUSE = 2048,
};

/* One message of the ladder. `type` is the handshake message's number (RFC 8446 section 4), or one of these. */
enum message_type {
	MESSAGE_HELLO_RETRY_REQUEST = 0x106,	/* a ServerHello by its type: RFC 8446 section 4.1.4 */
	MESSAGE_CHANGE_CIPHER_SPEC = 0x200, MESSAGE_ALERT = 0x201, MESSAGE_ENCRYPTED = 0x202, MESSAGE_SSL2_CLIENT_HELLO = 0x203,
	MESSAGE_SSL2_SERVER_HELLO = 0x204,
	MESSAGE_ENCRYPTED_ALERT = 0x205, MESSAGE_APPLICATION_DATA = 0x206, MESSAGE_HEARTBEAT = 0x207,
	MESSAGE_QUIC_RETRY = 0x208, MESSAGE_VERSION_NEGOTIATION = 0x209,
};

struct message {
	uint16_t type;
	uint8_t sender;			/* enum sender */
	bool decrypted;
	uint32_t bytes;			/* of the message, its header included */
	int64_t time_ns;		/* of its last byte */
};

struct alert {
	uint8_t sender, level, description;
	bool decrypted;
	int64_t time_ns;
};

enum { HANDSHAKE_MESSAGES_INLINE = 16, HANDSHAKE_ALERTS_MAX = 8, HANDSHAKE_TEXTS_INLINE = 160, HANDSHAKE_TICKETS_MORE = 3 };

struct handshake {
	int64_t capture_id;		/* of the struct capture it was seen in; 0: the one the sink began last */
	uint64_t connection_id;		/* unique in a run; the sink makes it unique in the database */
	uint64_t sequence;		/* of this handshake on its connection, from 0 */
	uint64_t moment;		/* when it was emitted, in the order of all pipelines (src/app/lanes.h) */
	int64_t time_ns;
	uint64_t first_packet, last_packet;
	uint32_t packets;
	uint8_t transport;		/* enum transport */
	struct address client, server;
	uint16_t client_port, server_port;
	bool has_mac;
	uint8_t client_mac[6], server_mac[6];
	uint16_t vlan;			/* VLAN_NONE: none */
	struct text encapsulation, starttls;
	struct text application, category, risks;
	struct text server_name, inner_server_name, dns_name;

	uint8_t outcome, stage, ended_by;	/* enum ... */
	struct text cause;			/* a code of the table of findings */
	uint32_t inferred, reassembly;		/* bits of enum inferred, enum reassembly */

	int32_t version, cipher, named_group, signature_scheme, compression;
	struct text alpn;
	uint8_t key_exchange;			/* enum key_exchange */
	int32_t dh_bits;
	int8_t forward_secrecy, post_quantum, hello_retry, extended_master_secret, encrypt_then_mac, secure_renegotiation;
	int8_t certificates_visible, quic_retry, dtls_cookie;
	bool has_client_random, has_server_random, has_inner_random;
	uint8_t client_random[32], server_random[32];
	uint8_t inner_random[32];		/* of the ClientHello inside ECH, where that could be opened */
	int16_t session_id_len;			/* -1: not seen; 0: empty */
	uint8_t session_id[32];
	uint8_t resumption, early_data, ech, client_auth;	/* enum ... */
	int64_t resumed_from;			/* id of a handshake, given by the sink's room; -1 */

	int32_t alert_level, alert_code, alert_sender;	/* the one that counts; alert_code ALERT_ENCRYPTED where only its shape shows */
	int32_t server_certificates, client_certificates;
	int32_t certificate_compression;	/* RFC 8879 code */
	uint8_t ocsp_status;
	int32_t sct_count;
	int64_t ticket_lifetime_s;
	int64_t quic_version;

	int64_t dns_ns, tcp_ns, client_rtt_ns, server_rtt_ns, server_hello_ns, server_think_ns, tls_ns, first_byte_ns, total_ns;
	int32_t round_trips, retransmissions;
	int64_t client_bytes, server_bytes;

	/* What the dissectors need for resumed_from and the rules: hashes of a ticket or session, 0 where none. */
	uint16_t ech_config;			/* 1 + config_id of the ECH offer; 0: none */
	uint64_t session_offered, session_given, more_sessions_given[HANDSHAKE_TICKETS_MORE];

	/* For the rules (src/diagnose): what a HelloRetryRequest asked for, -1 where nothing; a heartbeat message in the clear claimed more than was
	 * sent (either side's; the ladder has them as MESSAGE_HEARTBEAT); the stapled OCSP response as sent, and what record/ocsp.h read from it. */
	int32_t retry_group;
	bool heartbleed_probe;
	struct text ocsp_response;
	int64_t ocsp_this_update_s, ocsp_next_update_s;	/* seconds since 1970, TIME_NONE */

	/* How it ended, for the rules (src/diagnose). */
	uint8_t closed_by;			/* 1 + enum sender of the first FIN or RST; 0: nobody */
	bool closed_by_reset;
	bool alert_after_close;			/* the alert that counts only answered the other side's FIN */
	bool unused;				/* completed, then the client closed without application data */
	struct text answer;			/* the first bytes of an answer that is not TLS */
	const struct finding_list *findings;	/* the diagnosis' own; NULL before it */

	struct hello *client_hello, *client_hello_second, *server_hello;	/* interned; released by their owner */
	struct chain *server_chain, *client_chain;
	struct hello *certificate_request;

	uint16_t message_count, message_room, alert_count;
	struct message *more_messages;		/* those beyond the inline ones; owned */
	struct message messages[HANDSHAKE_MESSAGES_INLINE];
	struct alert alerts[HANDSHAKE_ALERTS_MAX];

	uint32_t texts_used, texts_room;
	uint8_t *texts_heap;			/* owned; NULL while the inline place suffices */
	uint8_t texts_inline[HANDSHAKE_TEXTS_INLINE];
};

enum { ALERT_ENCRYPTED = 0x100 };

/* Sets every member to its blank value. */
void handshake_init(struct handshake *h);
/* Frees what it owns, the interned shapes aside; the struct itself stays the caller's. Takes NULL. */
void handshake_finish(struct handshake *h);

/* Keeps a copy of the bytes; TEXT_NONE where they are empty or TEXT_BYTES_MAX bites (then false in *fits, which may be NULL). */
struct text handshake_keep(struct handshake *h, struct bytes b, bool *fits);
struct text handshake_keep_text(struct handshake *h, const char *s);
/* The bytes of a text, borrowed until the next handshake_keep(). */
struct bytes handshake_text(const struct handshake *h, struct text t);
/* The name that the server was asked for: the one inside ECH where the server took that. Borrowed likewise. */
struct bytes handshake_asked_name(const struct handshake *h);

/* Adds to the ladder; false where MESSAGES_MAX or ALERTS_MAX bites. */
bool handshake_add_message(struct handshake *h, struct message m);
bool handshake_add_alert(struct handshake *h, struct alert a);
const struct message *handshake_message(const struct handshake *h, uint16_t index);

#endif
