#include "dissectors/messages.h"

#include "dissectors/hello.h"
#include "overhear/handshake.h"
#include "registry/registry.h"

#include <openssl/sha.h>
#include <string.h>

enum { NAMED_CURVE = 3, VERSION_TLS12 = 0x0303, VERSION_DTLS12 = 0xfefd };

/* TLS 1.2 alone says how it signed (RFC 5246 section 4.7); before, the suite does. */
static void read_scheme(struct reader *r, uint16_t version, struct server_key_exchange *out)
{
	if ((version == VERSION_TLS12 || version == VERSION_DTLS12) && rd_left(r) >= 4)
		out->signature_scheme = rd_u16(r);
}

static uint32_t bits_of(struct bytes number)
{
	struct reader r = reader_of(number);
	uint8_t first = 0;

	while (rd_more(&r) && !first)
		first = rd_u8(&r);
	if (!first)
		return 0;
	uint32_t bits = (uint32_t)rd_left(&r) * 8;
	for (; first; first >>= 1)
		bits++;
	return bits;
}

/* SHA-256 of the primes of RFC 7919 appendix A, which all begin with the digits of e. */
static const struct {
	uint16_t group;
	uint8_t sha256[SHA256_DIGEST_LENGTH];
} known_primes[] = {
	{ 0x0100, { 0x9c, 0xd3, 0xb7, 0xf3, 0x36, 0x87, 0x2f, 0x46, 0xc0, 0x94, 0x28,
		    0xd1, 0xbb, 0xc1, 0x98, 0x77, 0xa4, 0xd4, 0x40, 0x51, 0x2c, 0xda,
		    0x8d, 0x1c, 0x1c, 0xf0, 0xcd, 0x6e, 0x33, 0x69, 0x89, 0x66 } },
	{ 0x0101, { 0x0e, 0xaf, 0x67, 0xdb, 0x3a, 0x83, 0x91, 0x56, 0xd5, 0x01, 0x34,
		    0x94, 0xa5, 0x31, 0x8a, 0x77, 0x2b, 0x56, 0x97, 0xd2, 0x70, 0xd7,
		    0x21, 0xf3, 0x7f, 0x09, 0x2e, 0xfc, 0x69, 0xea, 0x5a, 0x17 } },
	{ 0x0102, { 0x46, 0x48, 0x41, 0x42, 0x24, 0xac, 0x88, 0x1b, 0x3d, 0x0d, 0xc5,
		    0x9b, 0x46, 0x6f, 0x96, 0xd0, 0x6a, 0x55, 0x82, 0x78, 0x77, 0x68,
		    0x07, 0x79, 0x7e, 0xcf, 0x1f, 0x66, 0xff, 0x39, 0x7b, 0x3e } },
	{ 0x0103, { 0x22, 0x7a, 0xc9, 0x06, 0x6b, 0x3d, 0xdd, 0x9e, 0x19, 0x36, 0x70,
		    0xcd, 0xa2, 0x38, 0x8f, 0xa8, 0x84, 0xf6, 0x5b, 0xa0, 0xcf, 0x98,
		    0xb7, 0x42, 0xd1, 0xfe, 0x77, 0xa6, 0x68, 0x7c, 0x79, 0xc7 } },
	{ 0x0104, { 0x77, 0x0b, 0x14, 0xef, 0xaf, 0x6f, 0x04, 0x99, 0x29, 0xc5, 0x23,
		    0x11, 0x3b, 0x3f, 0xa9, 0x9a, 0x8d, 0x11, 0xda, 0xb1, 0xb1, 0x8a,
		    0xf3, 0x60, 0x95, 0x90, 0x12, 0x20, 0x75, 0xd1, 0x98, 0x33 } },
};

/* The group whose prime this is; -1 where it is a server's own. */
static int32_t group_of(struct bytes prime)
{
	static const uint8_t e[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xad, 0xf8, 0x54, 0x58, 0xa2, 0xbb, 0x4a, 0x9a };
	uint8_t sha256[SHA256_DIGEST_LENGTH];

	if (prime.len < sizeof e || memcmp(prime.at, e, sizeof e))
		return -1;
	SHA256(prime.at, prime.len, sha256);
	for (size_t i = 0; i < sizeof known_primes / sizeof known_primes[0]; i++) {
		if (!memcmp(sha256, known_primes[i].sha256, sizeof sha256))
			return known_primes[i].group;
	}
	return -1;
}

static bool read_finite_field(struct reader *r, struct server_key_exchange *out)
{
	struct reader prime = rd_vec16(r), generator = rd_vec16(r), public = rd_vec16(r);

	(void)generator;
	(void)public;
	if (r->bad)
		return false;
	struct bytes p = rd_rest(&prime);
	out->dh_bits = (int32_t)bits_of(p);
	out->named_group = group_of(p);
	return true;
}

static bool read_elliptic(struct reader *r, struct server_key_exchange *out)
{
	if (rd_u8(r) != NAMED_CURVE)
		return false;
	out->named_group = rd_u16(r);
	(void)rd_vec8(r);
	return !r->bad;
}

bool server_key_exchange_parse(struct bytes body, uint16_t cipher, uint16_t version,
			       struct server_key_exchange *out)
{
	const struct suite *suite = registry_suite(cipher);
	struct reader r = reader_of(body);
	bool ok = false;

	*out = (struct server_key_exchange){ -1, -1, -1 };
	if (!suite)
		return false;
	uint8_t kx = suite->key_exchange;
	/* RFC 4279 section 2: the PSK kinds begin with a hint. */
	if (kx == KEY_EXCHANGE_PSK || kx == KEY_EXCHANGE_DHE_PSK || kx == KEY_EXCHANGE_ECDHE_PSK ||
	    kx == KEY_EXCHANGE_RSA_PSK)
		(void)rd_vec16(&r);
	if (kx == KEY_EXCHANGE_ECDHE || kx == KEY_EXCHANGE_ECDHE_PSK)
		ok = read_elliptic(&r, out);
	else if (kx == KEY_EXCHANGE_DHE || kx == KEY_EXCHANGE_DHE_PSK)
		ok = read_finite_field(&r, out);
	else if (kx == KEY_EXCHANGE_ANONYMOUS && body.len && body.at[0] == NAMED_CURVE)
		ok = read_elliptic(&r, out);
	else if (kx == KEY_EXCHANGE_ANONYMOUS)
		ok = read_finite_field(&r, out);
	if (ok && (kx == KEY_EXCHANGE_ECDHE || kx == KEY_EXCHANGE_DHE))
		read_scheme(&r, version, out);
	return ok;
}

bool certificate_status_parse(struct bytes body, struct bytes *response)
{
	enum { OCSP = 1, OCSP_MULTI = 2 };
	struct reader r = reader_of(body);
	uint8_t type = rd_u8(&r);

	*response = (struct bytes){ NULL, 0 };
	if (type != OCSP && type != OCSP_MULTI)
		return false;
	if (type == OCSP_MULTI)
		r = rd_vec24(&r);
	struct reader first = rd_vec24(&r);
	if (r.bad || first.bad)
		return false;
	*response = rd_rest(&first);
	return response->len != 0;
}

int32_t sct_list_count(struct bytes list)
{
	struct reader outer = reader_of(list);
	struct reader r = rd_vec16(&outer);
	int32_t count = 0;

	while (rd_more(&r)) {
		(void)rd_vec16(&r);
		count++;
	}
	return r.bad || outer.bad ? -1 : count;
}

void certificate_entry_parse(struct bytes list, struct certificate_entry *out)
{
	struct reader r = reader_of(list);

	*out = (struct certificate_entry){ { NULL, 0 }, { NULL, 0 } };
	(void)rd_vec24(&r);
	struct reader extensions = rd_vec16(&r);
	while (rd_more(&extensions)) {
		uint16_t type = rd_u16(&extensions);
		struct reader content = rd_vec16(&extensions);

		if (content.bad)
			break;
		if (type == EXTENSION_STATUS_REQUEST)
			certificate_status_parse(rd_rest(&content), &out->ocsp_response);
		else if (type == EXTENSION_SCT)
			out->scts = rd_rest(&content);
	}
}

bool new_session_ticket_parse(struct bytes body, bool tls13, struct new_session_ticket *out)
{
	struct reader r = reader_of(body);

	out->lifetime_s = rd_u32(&r);
	if (tls13) {
		rd_skip(&r, 4);
		(void)rd_vec8(&r);
	}
	struct reader ticket = rd_vec16(&r);
	out->ticket = rd_rest(&ticket);
	return !r.bad;
}

static void add_u16(struct buffer *b, size_t value)
{
	uint8_t two[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	buffer_add(b, two, sizeof two);
}

/* As an extension of the key, vec16 content around the vector. */
static void add_list(struct buffer *key, uint16_t type, struct bytes list)
{
	add_u16(key, type);
	add_u16(key, list.len + 2);
	add_u16(key, list.len);
	buffer_add(key, list.at, list.len);
}

static void begin_request_key(struct buffer *key, uint16_t version)
{
	static const uint8_t no_lists[] = { 0, 0, 0,
					    1 }; /* no suites, no compression methods, extensions */
	uint8_t head[] = { HELLO_CERTIFICATE_REQUEST, 1, (uint8_t)(version >> 8),
			   (uint8_t)version };

	buffer_clear(key);
	buffer_add(key, head, sizeof head);
	buffer_add(key, no_lists, sizeof no_lists);
}

/* Since TLS 1.3 the lists are extensions (RFC 8446 section 4.3.2). */
static bool request_key_tls13(struct bytes body, uint16_t version, struct buffer *key)
{
	struct reader r = reader_of(body);

	(void)rd_vec8(&r);
	struct reader extensions = rd_vec16(&r);
	if (r.bad)
		return false;
	begin_request_key(key, version);
	while (rd_more(&extensions)) {
		uint16_t type = rd_u16(&extensions);
		struct reader content = rd_vec16(&extensions);
		struct bytes b = rd_rest(&content);

		if (content.bad || (type != EXTENSION_SIGNATURE_ALGORITHMS &&
				    type != EXTENSION_CERTIFICATE_AUTHORITIES))
			continue;
		add_u16(key, type);
		add_u16(key, b.len);
		buffer_add(key, b.at, b.len);
	}
	return true;
}

bool certificate_request_key(struct bytes body, uint16_t version, struct buffer *key)
{
	struct reader r = reader_of(body);

	if (version_is_tls13(version))
		return request_key_tls13(body, version, key);
	(void)rd_vec8(&r);
	struct reader schemes = { 0 };
	if (version == VERSION_TLS12 || version == VERSION_DTLS12)
		schemes = rd_vec16(&r);
	struct reader names = rd_vec16(&r);
	if (r.bad || rd_left(&names) > UINT16_MAX - 2 || rd_left(&schemes) > UINT16_MAX - 2)
		return false;
	begin_request_key(key, version);
	if (rd_more(&schemes))
		add_list(key, EXTENSION_SIGNATURE_ALGORITHMS, rd_rest(&schemes));
	if (rd_more(&names))
		add_list(key, EXTENSION_CERTIFICATE_AUTHORITIES, rd_rest(&names));
	return true;
}
