#include "record/fields.h"

#include <assert.h>
#include <string.h>

static const char *const transports[] = { NULL, "tcp", "quic", "dtls", NULL };
static const char *const outcomes[] = { NULL, "completed", "failed", "open", "partial", NULL };
static const char *const stages[] = { NULL,	     "client_hello", "server_hello",
				      "certificate", "key_exchange", "finished",
				      NULL };
static const char *const enders[] = { NULL, "client", "server", "network", "capture", NULL };
static const char *const resumptions[] = { NULL, "none", "session_id", "ticket", "psk", NULL };
static const char *const early_data[] = { NULL, "none", "offered", "accepted", "rejected", NULL };
static const char *const ech[] = {
	NULL, "none", "grease", "offered", "accepted", "rejected", NULL
};
static const char *const client_auth[] = { NULL,       "none",	   "requested", "declined",
					   "provided", "rejected", NULL };
static const char *const ocsp[] = { NULL, "good", "revoked", "unknown", NULL };
static const char *const senders[] = { NULL, "client", "server", NULL };
static const char *const key_exchanges[] = {
	[KEY_EXCHANGE_RSA] = "RSA",	    [KEY_EXCHANGE_DH] = "DH",
	[KEY_EXCHANGE_DHE] = "DHE",	    [KEY_EXCHANGE_ECDH] = "ECDH",
	[KEY_EXCHANGE_ECDHE] = "ECDHE",	    [KEY_EXCHANGE_HYBRID] = "hybrid",
	[KEY_EXCHANGE_ML_KEM] = "ML-KEM",   [KEY_EXCHANGE_PSK] = "PSK",
	[KEY_EXCHANGE_DHE_PSK] = "DHE_PSK", [KEY_EXCHANGE_ECDHE_PSK] = "ECDHE_PSK",
	[KEY_EXCHANGE_RSA_PSK] = "RSA_PSK", [KEY_EXCHANGE_ANONYMOUS] = "anonymous",
	[KEY_EXCHANGE_SRP] = "SRP",	    [KEY_EXCHANGE_KRB5] = "KRB5",
	[KEY_EXCHANGE_GOST] = "GOST",	    [KEY_EXCHANGE_ECCPWD] = "ECCPWD",
	[KEY_EXCHANGE_NULL] = "NULL",	    [KEY_EXCHANGE_NULL + 1] = NULL,
};
/* In the order of the bits of enum inferred and enum reassembly. */
static const char *const inferred[] = {
	NULL,	      "outcome", "stage", "ended_by",  "tls_ms",   "first_byte_ms", "client_auth",
	"early_data", "ech",	 "alert", "client_ip", "total_ms", "cause",	    NULL,
};
static const char *const reassembly[] = {
	NULL, "gap", "overlap", "truncated", "limit", "evicted", "midstream", "one_sided", NULL,
};

#define AT(member)                                                                                 \
	.offset = offsetof(struct handshake, member),                                              \
	.size = sizeof(((struct handshake *)0)->member)
#define MARKS(first, width) .bit = first, .bits = width
#define SHARED .shared = true
/* An end of the connection is one number, (IPv4 address << 16) + port, or the text `port address`. */
#define ADDRESS(end)                                                                               \
	"CASE typeof(" end ") WHEN 'integer' THEN printf('%d.%d.%d.%d', " end " >> 40, " end       \
	" >> 32 & 255, " end " >> 24 & 255, " end " >> 16 & 255) "                                 \
	"ELSE nullif(substr(" end ", instr(" end ", ' ') + 1), '') END"
#define PORT(end)                                                                                  \
	"nullif(CASE typeof(" end ") WHEN 'integer' THEN " end " & 65535 "                         \
	"ELSE CAST(" end " AS INTEGER) END, 0)"
/* Twelve bytes, the client's first. */
#define MAC_BYTE(at) "hex(substr(h.macs, " #at ", 1))"
#define MAC(a, b, c, d, e, f)                                                                      \
	"CASE WHEN h.macs IS NOT NULL THEN lower(" MAC_BYTE(a) " || ':' || " MAC_BYTE(             \
		b) " || ':' || " MAC_BYTE(c) " || ':' || " MAC_BYTE(d) " || ':' || " MAC_BYTE(e) " || ':' || " MAC_BYTE(f) ") END"
/* A byte that says which randoms were seen (1 the client's, 2 the server's), both of them, the session id. */
#define RANDOM(seen, at)                                                                           \
	"CASE WHEN substr(h.randoms, 1, 1) IN (x'0" #seen "', x'03') "                             \
	"THEN lower(hex(substr(h.randoms, " #at ", 32))) END"
/* The name of a code, RFC 8701's reserved values as GREASE, else the code itself. */
#define NAME(kind, code)                                                                           \
	"coalesce((SELECT name FROM names WHERE kind = '" kind "' AND code = " code "), "          \
	"CASE WHEN (" code " & 3855) = 2570 AND " code " >> 8 = (" code " & 255) THEN 'GREASE' "   \
	"WHEN " code " IS NOT NULL THEN printf('0x%04x', " code ") END)"
/* The name of a code that is no 16-bit number, so that none of its values is reserved for GREASE.
 */
#define PLAIN_NAME(kind, code, format)                                                             \
	"coalesce((SELECT name FROM names WHERE kind = '" kind "' AND code = " code "), "          \
	"CASE WHEN " code " IS NOT NULL THEN printf('" format "', " code ") END)"

const struct field fields[] = {
	{ "id", FIELD_DERIVED, .view = "h.id",
	  .meaning = "Number of the handshake in this database, ascending in the order of "
		     "recording." },
	{ "capture_id", FIELD_COMPUTED, .sql_type = "INTEGER NOT NULL REFERENCES capture_runs(id)",
	  .meaning = "The capture it was seen in: an id of the view captures." },
	{ "connection_id", FIELD_COMPUTED, .sql_type = "INTEGER NOT NULL",
	  .meaning = "The connection it ran on; renegotiations and TLS after STARTTLS share it." },
	{ "time", FIELD_DERIVED,
	  .view = "strftime('%Y-%m-%dT%H:%M:%S', (h.time_ns - (h.time_ns % 1000000000 + "
		  "1000000000) % 1000000000) / 1000000000, 'unixepoch') "
		  "|| printf('.%09dZ', (h.time_ns % 1000000000 + 1000000000) % 1000000000)",
	  .meaning = "First packet of the connection where it was seen (of a later handshake on "
		     "it, its own first byte), UTC." },
	{ "time_ns", FIELD_TIME, AT(time_ns), .meaning = "The same in nanoseconds since 1970." },
	{ "first_packet", FIELD_COUNT, AT(first_packet),
	  .meaning = "Number in the capture of its first packet, as Wireshark counts." },
	{ "last_packet", FIELD_COUNT, AT(last_packet),
	  .meaning = "Number in the capture of its last packet." },
	{ "packets", FIELD_COUNT, AT(packets), .none = -1,
	  .meaning = "How many packets carried the handshake." },
	{ "transport", FIELD_ENUM, AT(transport), MARKS(0, 2), .names = transports,
	  .meaning = "What carried it." },
	{ "client_ip", FIELD_ADDRESS, .view = ADDRESS("h.client"),
	  .meaning = "Address of the end that sent the ClientHello." },
	{ "client_port", FIELD_PORT, .view = PORT("h.client"), .meaning = "Its port." },
	{ "server_ip", FIELD_ADDRESS, .view = ADDRESS("h.server"),
	  .meaning = "Address of the other end." },
	{ "server_port", FIELD_PORT, .view = PORT("h.server"), .meaning = "Its port." },
	{ "client_mac", FIELD_MAC, .view = MAC(1, 2, 3, 4, 5, 6),
	  .meaning = "Link address of the outer frame on the client's side: often a router's." },
	{ "server_mac", FIELD_MAC, .view = MAC(7, 8, 9, 10, 11, 12),
	  .meaning = "Link address of the outer frame on the server's side: often a router's." },
	{ "vlan", FIELD_COUNT, AT(vlan), SHARED, .none = VLAN_NONE,
	  .meaning = "Number of the outermost VLAN." },
	{ "encapsulation", FIELD_TEXT, AT(encapsulation), SHARED,
	  .meaning = "The layers around the packet, outermost first." },
	{ "community_id", FIELD_COMPUTED, .sql_type = "TEXT",
	  .meaning = "Community ID (version 1, seed 0): the same flow has the same value in Zeek, "
		     "Suricata and others." },
	{ "starttls", FIELD_TEXT, AT(starttls), SHARED,
	  .meaning = "The protocol spoken in the clear before TLS began, several joined by '+'." },
	{ "application", FIELD_TEXT, AT(application), SHARED,
	  .meaning = "The application by nDPI's judgement." },
	{ "category", FIELD_TEXT, AT(category), SHARED, .meaning = "nDPI's category of the application." },
	{ "risks", FIELD_TEXT, AT(risks), SHARED, .meaning = "JSON array of the risks that nDPI names." },
	{ "server_name", FIELD_TEXT, AT(server_name),
	  .meaning = "The host name the first ClientHello asked for (SNI); under ECH the outer, "
		     "public one." },
	{ "inner_server_name", FIELD_TEXT, AT(inner_server_name),
	  .meaning = "The host name inside Encrypted ClientHello, where the key log opens it." },
	{ "dns_name", FIELD_TEXT, AT(dns_name),
	  .meaning = "The name the client had looked up to reach the server's address." },
	{ "outcome", FIELD_ENUM, AT(outcome), MARKS(2, 3), .names = outcomes,
	  .meaning = "How the attempt ended." },
	{ "stage", FIELD_ENUM, AT(stage), MARKS(5, 3), .names = stages,
	  .meaning = "The furthest step that was reached." },
	{ "ended_by", FIELD_ENUM, AT(ended_by), MARKS(8, 3), .names = enders,
	  .meaning = "Who ended an attempt that did not succeed." },
	{ "cause", FIELD_TEXT, AT(cause), SHARED,
	  .meaning =
		  "The finding that explains the failure: a code of the catalogue of findings." },
	{ "inferred", FIELD_BITS, AT(inferred), SHARED, .names = inferred,
	  .meaning = "JSON array of the columns of this row that were deduced rather than read." },
	{ "version", FIELD_INT, AT(version), SHARED, .stored = "version_code",
	  .view = NAME("version", "t.version_code"),
	  .meaning = "The protocol version that was negotiated." },
	{ "version_code", FIELD_DERIVED, .view = "t.version_code", .meaning = "Its number." },
	{ "version_offered", FIELD_DERIVED, .view = NAME("version", "c.version_highest"),
	  .meaning = "The highest version the client offered." },
	{ "cipher", FIELD_INT, AT(cipher), SHARED, .stored = "cipher_code",
	  .view = NAME("cipher", "t.cipher_code"),
	  .meaning = "The cipher suite the server chose." },
	{ "cipher_code", FIELD_DERIVED, .view = "t.cipher_code", .meaning = "Its number." },
	{ "named_group", FIELD_INT, AT(named_group), SHARED, .stored = "named_group_code",
	  .view = NAME("group", "t.named_group_code"),
	  .meaning = "The group of the key exchange (curve, finite field or post-quantum)." },
	{ "named_group_code", FIELD_DERIVED, .view = "t.named_group_code",
	  .meaning = "Its number." },
	{ "signature_scheme", FIELD_INT, AT(signature_scheme), SHARED, .stored = "signature_scheme_code",
	  .view = NAME("signature_scheme", "t.signature_scheme_code"),
	  .meaning = "The scheme of the server's signature." },
	{ "alpn", FIELD_TEXT, AT(alpn), SHARED,
	  .meaning = "The application protocol that was negotiated (ALPN)." },
	{ "key_exchange", FIELD_ENUM, AT(key_exchange), MARKS(23, 5), .names = key_exchanges,
	  .meaning = "How the two ends agreed on a key." },
	{ "dh_bits", FIELD_INT, AT(dh_bits), SHARED,
	  .meaning = "Size of the Diffie-Hellman prime in bits." },
	{ "forward_secrecy", FIELD_FLAG, AT(forward_secrecy), MARKS(30, 2),
	  .meaning = "1 where the session stays secret though the server's key leaks later." },
	{ "post_quantum", FIELD_FLAG, AT(post_quantum), MARKS(32, 2),
	  .meaning = "1 where the key exchange withstands a quantum computer." },
	{ "client_random", FIELD_BINARY, .view = RANDOM(1, 2),
	  .meaning = "The client's random: the handshake's name in key logs." },
	{ "server_random", FIELD_BINARY, .view = RANDOM(2, 34),
	  .meaning = "The server's random." },
	{ "session_id", FIELD_BINARY, .view = "nullif(lower(hex(substr(h.randoms, 66))), '')",
	  .meaning = "The session's identifier." },
	{ "hello_retry", FIELD_FLAG, AT(hello_retry), MARKS(34, 2),
	  .meaning =
		  "1 where the server asked for another ClientHello, which costs a round trip." },
	{ "resumption", FIELD_ENUM, AT(resumption), MARKS(11, 3), .names = resumptions,
	  .meaning = "How an earlier session was taken up again." },
	{ "resumed_from", FIELD_COMPUTED, .sql_type = "INTEGER REFERENCES handshake_rows(id)",
	  .view = "(SELECT r.id FROM handshake_rows r WHERE r.id = h.resumed_from)",
	  .meaning = "The handshake whose session or ticket it used, where that one is in the "
		     "database." },
	{ "early_data", FIELD_ENUM, AT(early_data), MARKS(14, 3), .names = early_data,
	  .meaning = "What became of data sent before the handshake was done (0-RTT)." },
	{ "ech", FIELD_ENUM, AT(ech), MARKS(17, 3), .names = ech,
	  .meaning = "What became of Encrypted ClientHello." },
	{ "client_auth", FIELD_ENUM, AT(client_auth), MARKS(20, 3), .names = client_auth,
	  .meaning = "What became of the client's certificate." },
	{ "extended_master_secret", FIELD_FLAG, AT(extended_master_secret), MARKS(36, 2),
	  .meaning = "1 where the master secret covers the whole handshake (RFC 7627)." },
	{ "encrypt_then_mac", FIELD_FLAG, AT(encrypt_then_mac), MARKS(38, 2),
	  .meaning = "1 where records are encrypted before they are authenticated (RFC 7366)." },
	{ "secure_renegotiation", FIELD_FLAG, AT(secure_renegotiation), MARKS(40, 2),
	  .meaning = "1 where a renegotiation is tied to its connection (RFC 5746)." },
	{ "compression", FIELD_INT, AT(compression), SHARED, .stored = "compression_code",
	  .view = PLAIN_NAME("compression", "t.compression_code", "0x%04x"),
	  .meaning = "The compression of records that was chosen." },
	{ "alert", FIELD_INT, AT(alert_code), SHARED, .stored = "alert_stored",
	  .view = "CASE t.alert_stored WHEN 256 THEN 'encrypted' ELSE " PLAIN_NAME(
		  "alert", "t.alert_stored", "0x%04x") " END",
	  .meaning = "The first fatal alert, else the last warning; encrypted where only its shape "
		     "shows." },
	{ "alert_code", FIELD_DERIVED, .view = "nullif(t.alert_stored, 256)",
	  .meaning = "Its number." },
	{ "alert_level", FIELD_INT, AT(alert_level), SHARED, .stored = "alert_level_code",
	  .view = PLAIN_NAME("alert_level", "t.alert_level_code", "0x%04x"),
	  .meaning = "Its level." },
	{ "alert_from", FIELD_FLAG, AT(alert_sender), MARKS(48, 2), .names = senders,
	  .meaning = "Who sent it." },
	{ "server_certificates", FIELD_INT, AT(server_certificates), SHARED,
	  .meaning = "How many certificates the server sent." },
	{ "client_certificates", FIELD_INT, AT(client_certificates), SHARED,
	  .meaning = "How many certificates the client sent." },
	{ "certificates_visible", FIELD_FLAG, AT(certificates_visible), MARKS(42, 2),
	  .meaning = "1 where the certificates could be read." },
	{ "leaf_sha256", FIELD_DERIVED,
	  .view = "(SELECT lower(hex(e.sha256)) FROM chain_members m JOIN certificate_rows e ON "
		  "e.id = m.certificate WHERE m.chain = h.server_chain AND m.position = 0)",
	  .meaning =
		  "SHA-256 of the server's own certificate: an sha256 of the view certificates." },
	{ "certificate_compression", FIELD_INT, AT(certificate_compression), SHARED,
	  .stored = "certificate_compression_code",
	  .view = PLAIN_NAME("certificate_compression", "t.certificate_compression_code", "0x%04x"),
	  .meaning = "How the certificates were compressed (RFC 8879)." },
	{ "ocsp_status", FIELD_ENUM, AT(ocsp_status), MARKS(28, 2), .names = ocsp,
	  .meaning = "What the stapled OCSP response says of the server's certificate." },
	{ "sct_count", FIELD_INT, AT(sct_count), SHARED,
	  .view = "coalesce((SELECT e.sct_count FROM chain_members m JOIN certificate_rows e ON "
		  "e.id = m.certificate WHERE m.chain = h.server_chain AND m.position = 0) "
		  "+ coalesce(t.sct_count, 0), t.sct_count)",
	  .meaning = "Signed certificate timestamps, in the certificate, the extension and the "
		     "staple together." },
	{ "ticket_lifetime_s", FIELD_INT, AT(ticket_lifetime_s), SHARED,
	  .meaning = "How long the first session ticket may be used." },
	{ "ja3", FIELD_DERIVED, .view = "CASE WHEN c.ja3 IS NOT NULL THEN lower(hex(c.ja3)) END",
	  .meaning = "Fingerprint of the client by its first ClientHello (JA3)." },
	{ "ja3s", FIELD_DERIVED, .view = "CASE WHEN s.ja3 IS NOT NULL THEN lower(hex(s.ja3)) END",
	  .meaning = "Fingerprint of the server's answer (JA3S)." },
	{ "ja4", FIELD_DERIVED, .view = "c.ja4",
	  .meaning = "Fingerprint of the client that does not depend on the order of its lists "
		     "(JA4)." },
	{ "quic_version", FIELD_INT, AT(quic_version), SHARED, .stored = "quic_version_code",
	  .view = PLAIN_NAME("quic_version", "t.quic_version_code", "0x%08x"),
	  .meaning = "The version of QUIC." },
	{ "quic_retry", FIELD_FLAG, AT(quic_retry), MARKS(44, 2),
	  .meaning = "1 where the server first proved the client's address with a Retry." },
	{ "dtls_cookie", FIELD_FLAG, AT(dtls_cookie), MARKS(46, 2),
	  .meaning = "1 where the server first proved the client's address with a cookie." },
	{ "reassembly", FIELD_BITS, AT(reassembly), SHARED, .names = reassembly,
	  .meaning = "whole, or what was missing or in doubt of its bytes." },
	{ "dns_ms", FIELD_MS, AT(dns_ns), .stored = "dns_ns",
	  .meaning = "From the lookup that gave the server's address to its answer." },
	{ "tcp_ms", FIELD_MS, AT(tcp_ns), .stored = "tcp_ns",
	  .meaning = "From the SYN to the client's acknowledgement of the SYN/ACK." },
	{ "client_rtt_ms", FIELD_MS, AT(client_rtt_ns), .stored = "client_rtt_ns",
	  .meaning = "Round trip between capture point and client." },
	{ "server_rtt_ms", FIELD_MS, AT(server_rtt_ns), .stored = "server_rtt_ns",
	  .meaning = "Round trip between capture point and server." },
	{ "server_hello_ms", FIELD_MS, AT(server_hello_ns), .stored = "server_hello_ns",
	  .meaning = "From the end of the ClientHello to the start of the ServerHello." },
	{ "server_think_ms", FIELD_MS, AT(server_think_ns), .stored = "server_think_ns",
	  .meaning = "The part of server_hello_ms that the network does not explain." },
	{ "tls_ms", FIELD_MS, AT(tls_ns), .stored = "tls_ns",
	  .meaning = "From the start of the ClientHello until the client may send." },
	{ "first_byte_ms", FIELD_MS, AT(first_byte_ns), .stored = "first_byte_ns",
	  .meaning = "From the client's first application data to the server's first after it." },
	{ "total_ms", FIELD_MS, AT(total_ns), .stored = "total_ns",
	  .meaning = "From the connection's first packet until the client may send." },
	{ "round_trips", FIELD_INT, AT(round_trips), SHARED,
	  .meaning = "Flights of the client that the server answered, TCP's aside." },
	{ "retransmissions", FIELD_INT, AT(retransmissions), SHARED,
	  .meaning = "Segments of the handshake that were sent again." },
	{ "client_bytes", FIELD_INT, AT(client_bytes),
	  .meaning = "Bytes of the handshake that the client sent, record headers included." },
	{ "server_bytes", FIELD_INT, AT(server_bytes),
	  .meaning = "Bytes of the handshake that the server sent, record headers included." },
};
const size_t field_count = sizeof fields / sizeof *fields;

#undef AT
#undef MARKS
#undef SHARED
#undef ADDRESS
#undef PORT
#undef MAC
#undef MAC_BYTE
#undef RANDOM
#undef NAME
#undef PLAIN_NAME

const struct field *field_find(const char *column)
{
	for (size_t i = 0; i < field_count; i++)
		if (!strcmp(fields[i].column, column))
			return &fields[i];
	return NULL;
}

/* Parts of a column that is not in this table. */
static bool is_part(const struct field *f)
{
	return f->type == FIELD_ADDRESS || f->type == FIELD_PORT || f->type == FIELD_MAC || f->type == FIELD_BINARY;
}

const char *field_stored(const struct field *f)
{
	if (f->bits || f->type == FIELD_DERIVED || is_part(f))
		return NULL;
	return f->stored ? f->stored : f->column;
}

const char *field_sql_type(const struct field *f)
{
	if (f->sql_type)
		return f->sql_type;
	return f->type == FIELD_TEXT ? "TEXT" : "INTEGER";
}

/* The alias of the table where it is stored. */
static const char *table_of(const struct field *f)
{
	return f->shared ? "t" : "h";
}

static void add_enum(const struct field *f, struct buffer *out)
{
	buffer_add_format(out, "CASE h.marks >> %u & %u", f->bit, (1u << f->bits) - 1);
	for (int i = 1; f->names[i]; i++)
		buffer_add_format(out, " WHEN %d THEN '%s'", i, f->names[i]);
	buffer_add_text(out, " END");
}

static void add_flag(const struct field *f, struct buffer *out)
{
	if (f->names)
		add_enum(f, out);
	else
		buffer_add_format(out, "nullif(h.marks >> %u & %u, 0) - 1", f->bit,
				  (1u << f->bits) - 1);
}

/* The names of the bits that are set, each with `around` on both sides, joined by commas. */
static void add_bit_names(const struct field *f, const char *around, struct buffer *out)
{
	const char *column = field_stored(f);

	buffer_add_text(out, "substr(");
	for (unsigned i = 1; f->names[i]; i++)
		buffer_add_format(out, "%sCASE WHEN %s.%s & %u THEN ',%s%s%s' ELSE '' END",
				  i > 1 ? " || " : "", table_of(f), column, 1u << (i - 1), around,
				  f->names[i], around);
	buffer_add_text(out, ", 2)");
}

static void add_bits(const struct field *f, struct buffer *out)
{
	if (f->offset == offsetof(struct handshake, reassembly)) {
		buffer_add_format(out, "CASE WHEN %s.%s IS NULL THEN 'whole' ELSE ", table_of(f),
				  field_stored(f));
		add_bit_names(f, "", out);
		buffer_add_text(out, " END");
	} else {
		buffer_add_format(out, "CASE WHEN %s.%s IS NOT NULL THEN '[' || ", table_of(f),
				  field_stored(f));
		add_bit_names(f, "\"", out);
		buffer_add_text(out, " || ']' END");
	}
}

static void add_ms(const struct field *f, struct buffer *out)
{
	buffer_add_format(out, "round(h.%s / 1e6, 6)", field_stored(f));
}

void field_add_view(const struct field *f, struct buffer *out)
{
	static void (*const add[])(const struct field *, struct buffer *) = {
		[FIELD_ENUM] = add_enum, [FIELD_FLAG] = add_flag,    [FIELD_BITS] = add_bits,
		[FIELD_MS] = add_ms,	 [FIELD_DERIVED] = NULL,
	};

	if (f->view)
		buffer_add_text(out, f->view);
	else if (add[f->type])
		add[f->type](f, out);
	else
		buffer_add_format(out, "%s.%s", table_of(f), field_stored(f));
}

static const char *shown_type(const struct field *f)
{
	static const char *const types[] = {
		[FIELD_INT] = "integer",
		[FIELD_COUNT] = "integer",
		[FIELD_TIME] = "integer",
		[FIELD_MS] = "real, ms",
		[FIELD_TEXT] = "text",
		[FIELD_ENUM] = "text",
		[FIELD_FLAG] = "0 or 1",
		[FIELD_BITS] = "text",
		[FIELD_ADDRESS] = "text",
		[FIELD_BINARY] = "text, hex",
		[FIELD_PORT] = "integer",
		[FIELD_MAC] = "text",
		[FIELD_COMPUTED] = "integer",
		[FIELD_DERIVED] = "text",
	};

	if (f->type == FIELD_COMPUTED && !strncmp(f->sql_type, "TEXT", 4))
		return "text";
	if (f->type == FIELD_DERIVED && (!strcmp(f->column, "id") || strstr(f->column, "_code")))
		return "integer";
	if (f->names || (f->type == FIELD_INT && f->view && f->stored))
		return "text";
	return types[f->type];
}

void fields_add_document(struct buffer *out)
{
	buffer_add_text(
		out,
		"# Fields of the view `handshakes`\n\nMade from the table in src/record/fields.c. "
		"What was not seen is NULL.\n\n| column | type | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < field_count; i++) {
		const struct field *f = &fields[i];

		buffer_add_format(out, "| %s | %s | %s", f->column, shown_type(f), f->meaning);
		for (int n = 1; f->names && f->names[n]; n++)
			buffer_add_format(out, "%s`%s`", n > 1 ? ", " : " One of ", f->names[n]);
		buffer_add_format(out, "%s |\n", f->names ? "." : "");
	}
}
