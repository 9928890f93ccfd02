/* hello.h: ClientHello and ServerHello (RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6101 for SSL 3.0 and the SSL 2.0 format).
 *
 * A parse gives two things: the facts of this one handshake (struct client_hello, struct server_hello: views into the message), and a key: the lists and
 * what follows from them, written in one canonical way, from which hello_from_key() makes the struct hello that many handshakes share (intern.h).
 */
#ifndef DISSECTORS_HELLO_H
#define DISSECTORS_HELLO_H

#include "base/buffer.h"
#include "base/reader.h"
#include "overhear/hello.h"

#include <stdbool.h>
#include <stdint.h>

enum hello_kind { HELLO_CLIENT, HELLO_CLIENT_QUIC, HELLO_CLIENT_DTLS, HELLO_SERVER, HELLO_SSL2_CLIENT, HELLO_CERTIFICATE_REQUEST };

enum extension_type {
	EXTENSION_SERVER_NAME = 0, EXTENSION_STATUS_REQUEST = 5, EXTENSION_SUPPORTED_GROUPS = 10, EXTENSION_EC_POINT_FORMATS = 11,
	EXTENSION_SIGNATURE_ALGORITHMS = 13, EXTENSION_HEARTBEAT = 15, EXTENSION_ALPN = 16, EXTENSION_SCT = 18, EXTENSION_ENCRYPT_THEN_MAC = 22,
	EXTENSION_EXTENDED_MASTER_SECRET = 23, EXTENSION_COMPRESS_CERTIFICATE = 27, EXTENSION_SESSION_TICKET = 35, EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_EARLY_DATA = 42, EXTENSION_SUPPORTED_VERSIONS = 43, EXTENSION_COOKIE = 44, EXTENSION_PSK_MODES = 45,
	EXTENSION_CERTIFICATE_AUTHORITIES = 47, EXTENSION_KEY_SHARE = 51, EXTENSION_KEY_SHARE_DRAFT = 40, EXTENSION_ENCRYPTED_CLIENT_HELLO = 65037,
	EXTENSION_RENEGOTIATION_INFO = 65281,
};

/* What both hellos can say in extensions. Views into the message; .at NULL where it was not there. */
struct hello_facts {
	struct bytes server_name;		/* the first host_name of RFC 6066 section 3 */
	struct bytes alpn;			/* of a server: the chosen one */
	struct bytes session_ticket;		/* RFC 5077: non-NULL, may be empty */
	struct bytes psk_identities[2];		/* the first ones */
	uint32_t psk_external;			/* a bit for each of the first 32: its obfuscated_ticket_age is 0, and it is shorter than a ticket */
	uint16_t psk_selected;			/* of a server */
	bool has_psk, early_data, extended_master_secret, encrypt_then_mac, heartbeat, sct, status_request;
	bool renegotiation_info;
	struct bytes renegotiated;		/* content of renegotiation_info (RFC 5746), empty at first */
	struct bytes ech;			/* content of encrypted_client_hello (RFC 9849) */
	struct bytes cookie;
	struct bytes quic_transport_parameters;
	uint16_t selected_version;		/* of a server's supported_versions; 0 */
	uint16_t selected_group;		/* of a server's key_share; 0 */
	struct bytes scts;			/* of a server's SCT extension */
};

struct client_hello {
	uint16_t legacy_version;
	struct bytes random, session_id, cookie;	/* cookie: DTLS's own field */
	struct hello_facts facts;
	bool has_fallback_scsv, has_renegotiation_scsv;
	bool offers_tls13;
	bool whole;				/* every byte was there, and used */
};

struct server_hello {
	uint16_t legacy_version, cipher;
	uint8_t compression;
	struct bytes random, session_id;
	struct hello_facts facts;
	bool has_extensions, whole;
};

/* Parse the body of the message, its 4-byte header aside. `cut`: the end is missing, what is there is read. False where not even
 * version and random could be read. The key replaces what `key` held. */
bool client_hello_parse(struct bytes body, enum hello_kind kind, struct client_hello *out, struct buffer *key);
bool server_hello_parse(struct bytes body, struct server_hello *out, struct buffer *key);
/* CLIENT-HELLO in the SSL 2.0 format, message type and all (RFC 5246 appendix E.2); out->random is the challenge. */
bool ssl2_client_hello_parse(struct bytes message, struct client_hello *out, struct buffer *key);

struct ssl2_server_hello {
	bool session_hit;
	uint16_t version;
	struct bytes certificate, ciphers, connection_id;
};
/* SERVER-HELLO of SSL 2.0, message type and all. */
bool ssl2_server_hello_parse(struct bytes message, struct ssl2_server_hello *out);

/* RFC 8446 section 4.1.3: the random that makes a ServerHello a HelloRetryRequest. */
bool server_hello_is_retry(const struct server_hello *sh);
/* The version that a ServerHello chose, supported_versions taken into account. */
uint16_t server_hello_version(const struct server_hello *sh);
/* TLS 1.3 and its drafts. */
bool version_is_tls13(uint16_t version);

struct hello *hello_from_key(struct bytes key);
void hello_free(struct hello *h);

#endif
