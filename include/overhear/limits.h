/* limits.h: every limit of the program in one table: its name, its value and its reason. Each time one
 * bites, its counter in struct limit_counts goes up; `captures.limits` shows the counters.
 */
#ifndef OVERHEAR_LIMITS_H
#define OVERHEAR_LIMITS_H

#include <stdint.h>

#define LIMIT_TABLE(X) \
	X(MESSAGE_BYTES, "message_bytes", 1048576, "a handshake message: the longest chains seen are below 100 KiB") \
	X(MESSAGES, "messages", 64, "messages listed for one handshake") \
	X(CHAIN_LENGTH, "chain_length", 128, "certificates kept of one chain") \
	X(ALERTS, "alerts", 8, "alerts listed for one handshake") \
	X(FINDINGS, "findings", 32, "findings kept for one handshake") \
	X(TEXT_BYTES, "text_bytes", 262144, "names and lists kept for one handshake") \
	X(STREAM_BYTES, "stream_bytes", 262144, "bytes of one direction waiting for a hole to be filled") \
	X(STREAM_RANGES, "stream_ranges", 4096, "pieces of one direction waiting for a hole to be filled") \
	X(REASSEMBLY_BYTES, "reassembly_bytes", 16777216, "bytes of all connections waiting for holes to be filled") \
	X(MESSAGE_BUFFER_BYTES, "message_buffer_bytes", 402653184, "unfinished handshake messages of all connections") \
	X(KEYLOG_SECRETS, "keylog_secrets", 1048576, "secrets of key logs remembered; the oldest yield") \
	X(SEALED_BYTES, "sealed_bytes", 65536, "sealed bytes of one handshake waiting for its secrets") \
	X(SEALED_BUFFER_BYTES, "sealed_buffer_bytes", 33554432, "sealed bytes of all handshakes waiting for their secrets") \
	X(UNCOMPRESSED_BYTES, "uncompressed_bytes", 1048576, "a compressed certificate message, uncompressed") \
	X(CONNECTION_HANDSHAKES, "connection_handshakes", 16, "handshakes recorded of one connection") \
	X(MEMORY, "memory", 536870912, "bytes that the program may take (--memory); the oldest half-open connections go first") \
	X(FLOWS, "flows", 4194304, "connections followed at once") \
	X(DTLS_MESSAGES, "dtls_messages", 16, "handshake messages of one direction of DTLS waiting for an earlier one") \
	X(OPENVPN_PACKETS, "openvpn_packets", 16, "packets of one direction of OpenVPN's control channel waiting for an earlier one") \
	X(RADIUS_SESSIONS, "radius_sessions", 32, "conversations of EAP followed at once between one pair of ports of RADIUS") \
	X(DTLS_PIECES, "dtls_pieces", 256, "pieces of one handshake message of DTLS waiting for what lies between them") \
	X(SHAPES, "shapes", 16384, "distinct hellos and chains remembered") \
	X(ENCAPSULATION_DEPTH, "encapsulation_depth", 8, "layers around a packet") \
	X(IPV6_HEADERS, "ipv6_headers", 16, "extension headers of one IPv6 packet") \
	X(FRAGMENTS, "fragments", 4096, "fragmented IP packets waiting for their other pieces") \
	X(FRAGMENT_BYTES, "fragment_bytes", 8388608, "bytes of fragmented IP packets waiting for their other pieces") \
	X(FRAGMENT_SECONDS, "fragment_seconds", 30, "how long a fragmented IP packet waits, as long as Linux does") \
	X(CLASSIFICATIONS, "classifications", 2048, "answers of nDPI remembered; others are asked for again") \
	X(DNS_QUERIES, "dns_queries", 8192, "queries for names that wait for their answer; the oldest yield") \
	X(LOOKUPS, "lookups", 65536, "addresses that clients looked up, remembered for their connections; the oldest go first") \
	X(CRYPTO_BYTES, "crypto_bytes", 65536, "bytes of one QUIC CRYPTO stream waiting for others before them; hellos are below 16 KiB") \
	X(CRYPTO_PIECES, "crypto_pieces", 256, "pieces of one QUIC CRYPTO stream waiting for others before them") \
	X(QUIC_KEYS, "quic_keys", 16384, "QUIC connections whose keys are kept while they run; beyond, they are derived again for each datagram") \
	X(QUIC_WAITING, "quic_waiting", 4, "datagrams of a QUIC connection kept until the client's first one is seen, out of order") \
	X(STARTTLS_BYTES, "starttls_bytes", 16384, "plaintext of one connection looked at for what leads to TLS") \
	X(ROADS, "roads", 4, "ways to TLS inside one another, as a proxy's header before STARTTLS") \
	X(ATTEMPT_ROWS, "attempt_rows", 16384, "rows of connections without a hello, kept while a capture runs") \
	X(ATTEMPT_CLIENTS, "attempt_clients", 64, "clients counted apart for one server and reason; the others are counted together") \
	X(CERTIFICATE_NAMES, "certificate_names", 1000, "subject alternative names kept of one certificate") \
	X(CERTIFICATE_TEXT_BYTES, "certificate_text_bytes", 65536, "bytes of text kept of one field of a certificate") \
	X(DER_DEPTH, "der_depth", 5, "strings within strings of a certificate, as deep as libcrypto goes; one that goes deeper is not read") \
	X(WAITING_HANDSHAKES, "waiting_handshakes", 32768, "handshakes of interfaces that wait for a database which another program holds; later ones are lost")

enum limit {
#define X(id, name, value, reason) LIMIT_##id,
	LIMIT_TABLE(X)
#undef X
	LIMIT_COUNT
};

enum {
#define X(id, name, value, reason) id##_MAX = value,
	LIMIT_TABLE(X)
#undef X
};

struct limit_counts {
	uint64_t bitten[LIMIT_COUNT];
};

struct limit_info {
	const char *name, *reason;
	uint64_t value;
};

/* One entry per enum limit (src/record/limits.c). */
extern const struct limit_info limit_table[LIMIT_COUNT];

#endif
