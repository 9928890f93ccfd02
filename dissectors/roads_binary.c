/* roads_binary.c: the roads whose pieces have lengths: databases, LDAP, RDP, SOCKS, PROXY version 2. */
#include "dissectors/road.h"

#include "record/attempt.h"

#include <string.h>

/* How far the bytes agree with the pattern; they may be longer. */
static enum look agrees(struct bytes first, const char *pattern, size_t len)
{
	size_t n = first.len < len ? first.len : len;

	if (memcmp(first.at, pattern, n) != 0)
		return LOOK_NO;
	return n == len ? LOOK_YES : LOOK_MAYBE;
}

static size_t known(const struct reader *r, size_t length)
{
	return r->bad ? PIECE_UNKNOWN : length;
}

/* ---- the PROXY protocol, version 2: the specification's section 2.2 ---- */

enum look proxy_v2_looks(struct bytes first)
{
	return agrees(first, "\r\n\r\n\0\r\nQUIT\n", 12);
}

size_t proxy_v2_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);

	(void)s;
	if (!client)
		return PIECE_WRONG;
	rd_skip(&r, 14);
	return known(&r, 16u + rd_u16(&r));
}

enum road_step proxy_v2_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);

	(void)s;
	(void)rest;
	rd_skip(&r, 12);
	return client && rd_u8(&r) >> 4 == 2 ? ROAD_THROUGH : ROAD_OVER;
}

/* ---- PostgreSQL: protocol documentation, "SSL Session Encryption" ---- */

enum { POSTGRESQL_SSL = 80877103, POSTGRESQL_GSSENC = 80877104 };

enum look postgresql_looks(struct bytes first)
{
	enum look ssl = agrees(first, "\0\0\0\x08\x04\xd2\x16\x2f", 8), gssenc = agrees(first, "\0\0\0\x08\x04\xd2\x16\x30", 8);

	return ssl > gssenc ? ssl : gssenc;
}

size_t postgresql_measure(const struct starttls *s, bool client, struct bytes begun)
{
	(void)s;
	(void)begun;
	return client ? 8 : 1;
}

enum road_step postgresql_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);

	(void)rest;
	if (client) {
		rd_skip(&r, 4);
		uint32_t code = rd_u32(&r);

		s->asked = code == POSTGRESQL_SSL;
		/* A start-up message without TLS: the refusal was taken. */
		return code == POSTGRESQL_SSL || code == POSTGRESQL_GSSENC ? ROAD_ON : ROAD_OVER;
	}
	uint8_t answer = rd_u8(&r);
	if (s->asked && answer == 'S')
		return ROAD_TLS;
	s->refused |= s->asked && answer != 'S';
	return answer == 'N' ? ROAD_ON : ROAD_OVER;
}

/* ---- MySQL: protocol documentation, HandshakeV10 and SSLRequest ---- */

enum { MYSQL_CLIENT_SSL = 0x800, MYSQL_SSL_REQUEST_LEN = 32, MYSQL_HEADER_LEN = 4 };

/* Length, sequence number 0, protocol 10, a version that begins with a digit. */
enum look mysql_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint32_t length = rd_u16_le(&r);
	uint8_t high = rd_u8(&r), sequence = rd_u8(&r), protocol = rd_u8(&r), version = rd_u8(&r);

	if (first.len >= 2 && (length < 40 || length > 600))
		return LOOK_NO;
	if (high || sequence || (first.len >= 5 && protocol != 10))
		return LOOK_NO;
	if (r.bad)
		return LOOK_MAYBE;
	return version >= '0' && version <= '9' ? LOOK_YES : LOOK_NO;
}

size_t mysql_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);
	uint32_t length = rd_u16_le(&r);

	(void)s;
	(void)client;
	length |= (uint32_t)rd_u8(&r) << 16;
	rd_skip(&r, 1);
	return known(&r, MYSQL_HEADER_LEN + length);
}

static bool mysql_offers(struct reader r)
{
	rd_skip(&r, MYSQL_HEADER_LEN + 1);
	while (rd_more(&r) && rd_u8(&r))
		;
	/* Thread, half of the challenge, a filler. */
	rd_skip(&r, 4 + 8 + 1);
	return rd_u16_le(&r) & MYSQL_CLIENT_SSL;
}

enum road_step mysql_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);

	(void)rest;
	if (!client) {
		if (s->offered)
			return ROAD_OVER;
		s->offered = mysql_offers(r);
		return s->offered ? ROAD_ON : ROAD_OVER;
	}
	rd_skip(&r, MYSQL_HEADER_LEN);
	bool asks = rd_u16_le(&r) & MYSQL_CLIENT_SSL && piece.len == MYSQL_HEADER_LEN + MYSQL_SSL_REQUEST_LEN;
	s->asked |= asks;
	/* The server says nothing to the request: TLS follows at once. */
	return asks ? ROAD_TLS : ROAD_OVER;
}

/* ---- LDAP: RFC 4511 sections 4.1.1 and 4.14, BER with definite lengths ---- */

enum { LDAP_MESSAGE = 0x30, LDAP_INTEGER = 0x02, LDAP_EXTENDED_REQUEST = 0x77, LDAP_EXTENDED_RESPONSE = 0x78, LDAP_ENUMERATED = 0x0a };

static bool ber_length(struct reader *r, uint32_t *length)
{
	uint8_t first = rd_u8(r);
	uint8_t more = first & 0x7f;

	*length = first;
	if (first & 0x80)
		*length = more >= 1 && more <= 4 ? (uint32_t)rd_uint(r, more) : UINT32_MAX;
	return !r->bad;
}

enum look ldap_looks(struct bytes first)
{
	struct reader r = reader_of(first);

	if (rd_u8(&r) != LDAP_MESSAGE)
		return LOOK_NO;
	if (!rd_more(&r))
		return LOOK_MAYBE;
	uint8_t length = rd_u8(&r);
	if (length >= 0x80)
		return length >= 0x81 && length <= 0x84 ? LOOK_YES : LOOK_NO;
	if (!rd_more(&r))
		return LOOK_MAYBE;
	return rd_u8(&r) == LDAP_INTEGER ? LOOK_YES : LOOK_NO;
}

size_t ldap_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);
	uint32_t length;

	(void)s;
	(void)client;
	if (rd_u8(&r) != LDAP_MESSAGE)
		return begun.len ? PIECE_WRONG : PIECE_UNKNOWN;
	if (!ber_length(&r, &length))
		return PIECE_UNKNOWN;
	return length > 1 << 24 ? PIECE_WRONG : begun.len - rd_left(&r) + length;
}

enum road_step ldap_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);
	uint32_t length;

	(void)rest;
	rd_skip(&r, 1);
	ber_length(&r, &length);
	if (rd_u8(&r) != LDAP_INTEGER || !ber_length(&r, &length) || length > 5)
		return ROAD_OVER;
	rd_skip(&r, length);
	uint8_t operation = rd_u8(&r);
	if (operation >> 6 != 1)
		return ROAD_OVER;
	ber_length(&r, &length);
	if (client) {
		s->asked |= operation == LDAP_EXTENDED_REQUEST && text_holds(rd_peek(&r), "1.3.6.1.4.1.1466.20037");
		return ROAD_ON;
	}
	if (!s->asked || operation != LDAP_EXTENDED_RESPONSE)
		return ROAD_ON;
	if (rd_u8(&r) == LDAP_ENUMERATED && rd_u8(&r) == 1 && rd_u8(&r) == 0)
		return ROAD_TLS;
	s->refused = true;
	s->asked = false;
	return ROAD_ON;
}

/* ---- RDP: [MS-RDPBCGR] sections 2.2.1.1 and 2.2.1.2, in X.224 in TPKT (RFC 1006) ---- */

enum { X224_REQUEST = 0xe0, X224_CONFIRM = 0xd0, RDP_REQUEST = 1, RDP_RESPONSE = 2, RDP_FAILURE = 3, RDP_WITH_TLS = 1 | 2 | 4 | 8 };

enum look rdp_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint8_t version = rd_u8(&r), reserved = rd_u8(&r);
	uint16_t length = rd_u16(&r);

	if ((first.len && version != 3) || reserved)
		return LOOK_NO;
	if (r.bad)
		return LOOK_MAYBE;
	return length >= 11 && length <= 600 ? LOOK_YES : LOOK_NO;
}

size_t rdp_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);

	(void)s;
	(void)client;
	if (begun.len && rd_u8(&r) != 3)
		return PIECE_WRONG;
	rd_skip(&r, 1);
	uint16_t length = rd_u16(&r);
	return r.bad ? PIECE_UNKNOWN : length < 7 ? PIECE_WRONG : length;
}

enum road_step rdp_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);

	(void)rest;
	rd_skip(&r, 5);
	uint8_t kind = rd_u8(&r);
	if (kind != (client ? X224_REQUEST : X224_CONFIRM))
		return ROAD_OVER;
	rd_skip(&r, 5);
	/* A cookie or routing token is a line. */
	if (rd_more(&r) && rd_peek(&r).at[0] == 'C')
		while (rd_more(&r) && rd_u8(&r) != '\n')
			;
	uint8_t type = rd_u8(&r);
	rd_skip(&r, 3);
	uint32_t protocols = __builtin_bswap32(rd_u32(&r));
	if (client) {
		s->asked = !r.bad && type == RDP_REQUEST && protocols & RDP_WITH_TLS;
		return s->asked ? ROAD_ON : ROAD_OVER;
	}
	if (!r.bad && type == RDP_RESPONSE && protocols & RDP_WITH_TLS)
		return ROAD_TLS;
	s->refused = true;
	return ROAD_OVER;
}

/* ---- TDS: [MS-TDS] sections 2.2.3.1 and 2.2.6.5 ---- */

enum { TDS_PRELOGIN = 0x12, TDS_RESPONSE = 4, TDS_HEADER_LEN = 8, TDS_ENCRYPTION = 1, TDS_END = 0xff };
enum { TDS_ENCRYPT_OFF, TDS_ENCRYPT_ON, TDS_ENCRYPT_NOT_SUPPORTED, TDS_ENCRYPT_REQUIRED, TDS_ENCRYPT_UNSAID = 0xff };

enum look tds_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint8_t type = rd_u8(&r), status = rd_u8(&r);
	uint16_t length = rd_u16(&r);

	if (type != TDS_PRELOGIN || (first.len > 1 && status != 1))
		return LOOK_NO;
	if (r.bad)
		return LOOK_MAYBE;
	return length >= TDS_HEADER_LEN + 6 && length <= ROAD_PIECE_MAX ? LOOK_YES : LOOK_NO;
}

size_t tds_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);
	uint8_t type = rd_u8(&r);

	(void)s;
	if (begun.len && type != TDS_PRELOGIN && (client || type != TDS_RESPONSE))
		return PIECE_WRONG;
	rd_skip(&r, 1);
	uint16_t length = rd_u16(&r);
	return r.bad ? PIECE_UNKNOWN : length < TDS_HEADER_LEN ? PIECE_WRONG : length;
}

static uint8_t tds_encryption(struct reader r)
{
	rd_skip(&r, TDS_HEADER_LEN);
	struct reader data = r;

	while (rd_more(&r)) {
		uint8_t token = rd_u8(&r);

		if (token == TDS_END)
			break;
		uint16_t offset = rd_u16(&r), length = rd_u16(&r);

		if (token != TDS_ENCRYPTION || length != 1)
			continue;
		rd_skip(&data, offset);
		uint8_t wish = rd_u8(&data);
		return data.bad ? TDS_ENCRYPT_UNSAID : wish & 0x1f;
	}
	return TDS_ENCRYPT_UNSAID;
}

enum road_step tds_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	uint8_t encryption = tds_encryption(reader_of(piece));

	(void)rest;
	if (client) {
		s->asked = encryption <= TDS_ENCRYPT_REQUIRED && encryption != TDS_ENCRYPT_NOT_SUPPORTED;
		s->wanted = encryption == TDS_ENCRYPT_ON || encryption == TDS_ENCRYPT_REQUIRED;
		return s->asked ? ROAD_ON : ROAD_OVER;
	}
	if (!s->asked)
		return ROAD_ON;
	if (encryption > TDS_ENCRYPT_REQUIRED || encryption == TDS_ENCRYPT_NOT_SUPPORTED) {
		s->refused = s->wanted;
		s->asked = s->wanted = false;
		return ROAD_OVER;
	}
	s->wrapped = true;
	return ROAD_TLS;
}

/* ---- SOCKS 4: the protocol's two pages, and 4a ---- */

enum { SOCKS4_GRANTED = 90 };

enum look socks4_looks(struct bytes first)
{
	return agrees(first, "\4\1", 2);
}

/* Two texts follow the address where its first three bytes are 0 (4a), else one. */
static size_t socks4_request(struct bytes begun)
{
	struct reader r = reader_of(begun);

	rd_skip(&r, 4);
	uint32_t address = rd_u32(&r);
	for (int texts = address && address < 256 ? 2 : 1; texts; texts--) {
		uint8_t byte = 1;

		while (byte && rd_more(&r))
			byte = rd_u8(&r);
		if (byte)
			return PIECE_UNKNOWN;
	}
	return known(&r, begun.len - rd_left(&r));
}

size_t socks4_measure(const struct starttls *s, bool client, struct bytes begun)
{
	(void)s;
	return client ? socks4_request(begun) : 8;
}

enum road_step socks4_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct reader r = reader_of(piece);

	(void)rest;
	if (client) {
		if (s->asked)
			return ROAD_OVER;
		rd_skip(&r, 2);
		s->asked = true;
		s->wanted = attempt_is_tls_port(rd_u16(&r));
		return ROAD_ON;
	}
	if (rd_u8(&r) || !s->asked)
		return ROAD_OVER;
	if (rd_u8(&r) == SOCKS4_GRANTED)
		return ROAD_THROUGH;
	s->refused = s->wanted;
	return ROAD_OVER;
}

/* ---- SOCKS 5: RFC 1928, with passwords by RFC 1929 ---- */

enum socks5_stage { SOCKS5_METHODS, SOCKS5_LATER };
enum { SOCKS5_VERSION = 5, SOCKS5_PASSWORD_VERSION = 1, SOCKS5_METHODS_MAX = 16 };

enum look socks5_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint8_t version = rd_u8(&r), methods = rd_u8(&r);

	if (version != SOCKS5_VERSION)
		return LOOK_NO;
	if (r.bad)
		return LOOK_MAYBE;
	return methods && methods <= SOCKS5_METHODS_MAX ? LOOK_YES : LOOK_NO;
}

/* RFC 1928 sections 4 and 6. */
static size_t socks5_address(struct bytes begun)
{
	struct reader r = reader_of(begun);

	rd_skip(&r, 3);
	uint8_t type = rd_u8(&r), len = type == 1 ? 4 : type == 4 ? 16 : rd_u8(&r);

	if (r.bad)
		return PIECE_UNKNOWN;
	if (type != 1 && type != 3 && type != 4)
		return PIECE_WRONG;
	return begun.len - rd_left(&r) + len + 2u;
}

static size_t socks5_password(struct reader r, size_t begun)
{
	rd_skip(&r, 1);
	rd_vec8(&r);
	uint8_t len = rd_u8(&r);

	return known(&r, begun - rd_left(&r) + len);
}

size_t socks5_measure(const struct starttls *s, bool client, struct bytes begun)
{
	struct reader r = reader_of(begun);
	uint8_t version = rd_u8(&r);

	if (r.bad)
		return PIECE_UNKNOWN;
	bool later = s->side[road_end(s, client)].stage == SOCKS5_LATER;
	if (version == SOCKS5_PASSWORD_VERSION && later)
		return client ? socks5_password(reader_of(begun), begun.len) : 2;
	if (version != SOCKS5_VERSION)
		return PIECE_WRONG;
	if (later)
		return socks5_address(begun);
	if (!client)
		return 2;
	uint8_t methods = rd_u8(&r);
	return known(&r, 2u + methods);
}

static uint16_t port_behind_address(struct bytes piece)
{
	struct reader r = reader_of(piece);

	rd_skip(&r, piece.len - 2);
	return rd_u16(&r);
}

enum road_step socks5_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct road_side *side = &s->side[road_end(s, client)];
	struct reader r = reader_of(piece);
	uint8_t version = rd_u8(&r), said = rd_u8(&r);
	bool later = side->stage == SOCKS5_LATER;

	(void)rest;
	side->stage = SOCKS5_LATER;
	if (!later)
		return !client && said == 0xff ? ROAD_OVER : ROAD_ON;
	if (version == SOCKS5_PASSWORD_VERSION)
		return !client && said ? ROAD_OVER : ROAD_ON;
	if (client) {
		s->asked = said == 1;
		s->wanted = attempt_is_tls_port(port_behind_address(piece));
		return s->asked ? ROAD_ON : ROAD_OVER;
	}
	if (s->asked && !said)
		return ROAD_THROUGH;
	s->refused = s->wanted;
	return ROAD_OVER;
}
