#include "dissectors/messages.h"

#include "dissectors/hello.h"
#include "overhear/handshake.h"
#include "registry/registry.h"

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

static bool read_finite_field(struct reader *r, struct server_key_exchange *out)
{
	struct reader prime = rd_vec16(r), generator = rd_vec16(r), public = rd_vec16(r);

	(void)generator;
	(void)public;
	if (r->bad)
		return false;
	out->dh_bits = (int32_t)bits_of(rd_rest(&prime));
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

bool server_key_exchange_parse(struct bytes body, uint16_t cipher, uint16_t version, struct server_key_exchange *out)
{
	const struct suite *suite = registry_suite(cipher);
	struct reader r = reader_of(body);
	bool ok = false;

	*out = (struct server_key_exchange){ -1, -1, -1 };
	if (!suite)
		return false;
	uint8_t kx = suite->key_exchange;
	/* RFC 4279 section 2: the PSK kinds begin with a hint. */
	if (kx == KEY_EXCHANGE_PSK || kx == KEY_EXCHANGE_DHE_PSK || kx == KEY_EXCHANGE_ECDHE_PSK || kx == KEY_EXCHANGE_RSA_PSK)
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

bool certificate_request_key(struct bytes body, uint16_t version, struct buffer *key)
{
	static const uint8_t no_lists[] = { 0, 0, 0, 1 };	/* no suites, no compression methods, extensions */
	struct reader r = reader_of(body);

	(void)rd_vec8(&r);
	struct reader schemes = { 0 };
	if (version == VERSION_TLS12 || version == VERSION_DTLS12)
		schemes = rd_vec16(&r);
	struct reader names = rd_vec16(&r);
	if (r.bad || rd_left(&names) > UINT16_MAX - 2 || rd_left(&schemes) > UINT16_MAX - 2)
		return false;
	uint8_t head[] = { HELLO_CERTIFICATE_REQUEST, 1, (uint8_t)(version >> 8), (uint8_t)version };
	buffer_clear(key);
	buffer_add(key, head, sizeof head);
	buffer_add(key, no_lists, sizeof no_lists);
	if (rd_more(&schemes))
		add_list(key, EXTENSION_SIGNATURE_ALGORITHMS, rd_rest(&schemes));
	if (rd_more(&names))
		add_list(key, EXTENSION_CERTIFICATE_AUTHORITIES, rd_rest(&names));
	return true;
}
