#include "dissectors/hello.h"

#include "base/xmalloc.h"
#include "dissectors/extension.h"
#include "dissectors/ja.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

/* The key of a hello:
 *   u8 kind, u8 whole, u16 legacy_version, vec16 cipher suites (u16 or, for SSL 2.0, u24 each), vec8 compression methods,
 *   u8 has extensions, then each extension: u16 type, and vec16 content where extension_in_key().
 * A ServerHello has one cipher suite and one compression method. */

enum { SCSV_RENEGOTIATION = 0x00ff, SCSV_FALLBACK = 0x5600 };

static void add_u8(struct buffer *b, uint8_t value)
{
	buffer_add(b, &value, 1);
}

static void add_u16(struct buffer *b, size_t value)
{
	add_u8(b, (uint8_t)(value >> 8));
	add_u8(b, (uint8_t)value);
}

static void key_begin(struct buffer *key, enum hello_kind kind, uint16_t version)
{
	buffer_clear(key);
	add_u8(key, (uint8_t)kind);
	add_u8(key, 0);
	add_u16(key, version);
}

static void key_lists(struct buffer *key, struct bytes ciphers, struct bytes compressions)
{
	add_u16(key, ciphers.len);
	buffer_add(key, ciphers.at, ciphers.len);
	add_u8(key, (uint8_t)compressions.len);
	buffer_add(key, compressions.at, compressions.len);
}

/* What is left of a vector whose length may promise more than is there. */
static struct reader vec_or_rest(struct reader *r, size_t promised)
{
	size_t left = rd_left(r);

	if (promised <= left)
		return rd_child(r, promised);
	struct reader rest = reader_of(rd_rest(r));
	rest.bad = r->bad = true;
	return rest;
}

static void read_suites(struct client_hello *out, struct bytes ciphers)
{
	struct reader r = reader_of(ciphers);

	while (rd_more(&r)) {
		uint16_t suite = rd_u16(&r);

		out->has_fallback_scsv |= suite == SCSV_FALLBACK;
		out->has_renegotiation_scsv |= suite == SCSV_RENEGOTIATION;
	}
}

static bool read_extensions(struct reader *r, bool from_server, struct hello_facts *facts, struct buffer *key)
{
	struct reader list = vec_or_rest(r, rd_u16(r));
	bool whole = !list.bad;

	while (rd_left(&list) >= 4) {
		uint16_t type = rd_u16(&list);
		struct reader content = vec_or_rest(&list, rd_u16(&list));

		if (content.bad) {
			/* Cut in the middle: a name may still be whole; a key made of half a list would not be. */
			struct buffer nowhere = { 0 };

			extension_read(type, content, from_server, facts, &nowhere);
			buffer_finish(&nowhere);
			return false;
		}
		extension_read(type, content, from_server, facts, key);
	}
	return whole && rd_done(&list);
}

bool client_hello_parse(struct bytes body, enum hello_kind kind, struct client_hello *out, struct buffer *key)
{
	struct reader r = reader_of(body);

	*out = (struct client_hello){ .legacy_version = rd_u16(&r), .random = rd_take(&r, 32) };
	if (r.bad)
		return false;
	key_begin(key, kind, out->legacy_version);
	struct reader session_id = rd_vec8(&r);
	out->session_id = rd_rest(&session_id);
	if (kind == HELLO_CLIENT_DTLS) {
		struct reader cookie = rd_vec8(&r);

		out->cookie = rd_rest(&cookie);
	}
	struct reader ciphers = vec_or_rest(&r, rd_u16(&r));
	struct bytes suites = rd_rest(&ciphers);
	read_suites(out, suites);
	struct reader compressions = rd_vec8(&r);
	key_lists(key, suites, rd_rest(&compressions));
	bool whole = !r.bad && suites.len % 2 == 0;
	/* RFC 5246 section 7.4.1.2: extensions may be absent altogether. */
	add_u8(key, rd_more(&r));
	if (rd_more(&r))
		whole = read_extensions(&r, false, &out->facts, key) && whole;
	out->whole = whole && rd_done(&r);
	key->at[1] = out->whole;
	return true;
}

bool server_hello_parse(struct bytes body, struct server_hello *out, struct buffer *key)
{
	struct reader r = reader_of(body);

	*out = (struct server_hello){ .legacy_version = rd_u16(&r), .random = rd_take(&r, 32) };
	if (r.bad)
		return false;
	key_begin(key, HELLO_SERVER, out->legacy_version);
	/* Drafts 16 to 21 of TLS 1.3 send neither session id nor compression method. */
	bool short_form = out->legacy_version >> 8 == 0x7f && (out->legacy_version & 0xff) < 22;
	struct reader session_id = { 0 };
	if (!short_form)
		session_id = rd_vec8(&r);
	out->session_id = rd_rest(&session_id);
	struct bytes cipher = rd_take(&r, 2);
	struct reader c = reader_of(cipher);
	out->cipher = rd_u16(&c);
	struct bytes compression = short_form ? (struct bytes){ NULL, 0 } : rd_take(&r, 1);
	out->compression = compression.len ? compression.at[0] : 0;
	key_lists(key, cipher, compression);
	out->whole = !r.bad;
	out->has_extensions = rd_more(&r);
	add_u8(key, out->has_extensions);
	if (out->has_extensions)
		out->whole = read_extensions(&r, true, &out->facts, key) && out->whole && rd_done(&r);
	key->at[1] = out->whole;
	return cipher.len == 2;
}

bool ssl2_client_hello_parse(struct bytes message, struct client_hello *out, struct buffer *key)
{
	struct reader r = reader_of(message);

	rd_skip(&r, 1);
	*out = (struct client_hello){ .legacy_version = rd_u16(&r) };
	uint16_t ciphers_len = rd_u16(&r), session_len = rd_u16(&r), challenge_len = rd_u16(&r);
	struct bytes ciphers = rd_take(&r, ciphers_len);
	out->session_id = rd_take(&r, session_len);
	out->random = rd_take(&r, challenge_len);
	if (r.bad || ciphers_len % 3 || challenge_len < 16 || challenge_len > 32)
		return false;
	key_begin(key, HELLO_SSL2_CLIENT, out->legacy_version);
	key_lists(key, ciphers, (struct bytes){ NULL, 0 });
	add_u8(key, 0);
	out->whole = rd_done(&r);
	key->at[1] = out->whole;
	struct reader kinds = reader_of(ciphers);
	while (rd_more(&kinds)) {
		uint32_t kind = rd_u24(&kinds);

		out->has_fallback_scsv |= kind == SCSV_FALLBACK;
		out->has_renegotiation_scsv |= kind == SCSV_RENEGOTIATION;
	}
	return true;
}

bool ssl2_server_hello_parse(struct bytes message, struct ssl2_server_hello *out)
{
	struct reader r = reader_of(message);

	rd_skip(&r, 1);
	out->session_hit = rd_u8(&r);
	rd_skip(&r, 1);
	out->version = rd_u16(&r);
	uint16_t certificate_len = rd_u16(&r), ciphers_len = rd_u16(&r), connection_id_len = rd_u16(&r);
	out->certificate = rd_take(&r, certificate_len);
	out->ciphers = rd_take(&r, ciphers_len);
	out->connection_id = rd_take(&r, connection_id_len);
	return !r.bad;
}

bool server_hello_is_retry(const struct server_hello *sh)
{
	static const uint8_t retry[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	return bytes_equal(sh->random, (struct bytes){ retry, sizeof retry });
}

uint16_t server_hello_version(const struct server_hello *sh)
{
	return sh->facts.selected_version ? sh->facts.selected_version : sh->legacy_version;
}

bool version_is_tls13(uint16_t version)
{
	/* 0x7fNN are the drafts, 0xfb17 and 0xfb1a a deployment's own names for drafts 23 and 26; 0xfefc is DTLS 1.3. */
	return version == 0x0304 || version >> 8 == 0x7f || version >> 8 == 0xfb || version == 0xfefc;
}

/* ---- from a key to the lists ---- */

struct key_view {
	enum hello_kind kind;
	bool whole, has_extensions;
	uint16_t version;
	struct reader ciphers, compressions, extensions;
};

static struct key_view key_open(struct bytes key)
{
	struct reader r = reader_of(key);
	struct key_view v = { .kind = rd_u8(&r), .whole = rd_u8(&r), .version = rd_u16(&r) };

	v.ciphers = rd_vec16(&r);
	v.compressions = rd_vec8(&r);
	v.has_extensions = rd_u8(&r);
	v.extensions = r;
	return v;
}

struct list_builder {
	struct buffer codes, names;
	bool seen;
};

static void add_code(struct list_builder *b, uint32_t code)
{
	buffer_add(&b->codes, &code, sizeof code);
}

static void add_codes(struct list_builder *b, struct reader r, size_t width)
{
	b->seen = true;
	while (rd_left(&r) >= width)
		add_code(b, (uint32_t)rd_uint(&r, width));
}

/* Each name is a view into the key, which the hello owns. */
static void add_names(struct list_builder *b, struct reader list, size_t length_width)
{
	b->seen = true;
	while (rd_more(&list)) {
		struct reader name = rd_child(&list, (size_t)rd_uint(&list, length_width));
		struct bytes n = rd_rest(&name);

		if (!name.bad)
			buffer_add(&b->names, &n, sizeof n);
	}
}

/* The lists inside one extension's content. A ServerHello has single values where a ClientHello has vectors. */
static void add_extension(struct list_builder lists[OFFER_KIND_COUNT], uint16_t type, struct reader c, bool from_server)
{
	switch (type) {
	case EXTENSION_SUPPORTED_GROUPS:
		add_codes(&lists[OFFER_GROUP], rd_vec16(&c), 2);
		break;
	case EXTENSION_SIGNATURE_ALGORITHMS:
		add_codes(&lists[OFFER_SIGNATURE_SCHEME], rd_vec16(&c), 2);
		break;
	case EXTENSION_ALPN:
		add_names(&lists[OFFER_ALPN], rd_vec16(&c), 1);
		break;
	case EXTENSION_SUPPORTED_VERSIONS:
		add_codes(&lists[OFFER_VERSION], from_server ? c : rd_vec8(&c), 2);
		break;
	case EXTENSION_PSK_MODES:
		add_codes(&lists[OFFER_PSK_MODE], rd_vec8(&c), 1);
		break;
	case EXTENSION_KEY_SHARE:
	case EXTENSION_KEY_SHARE_DRAFT:
		add_codes(&lists[OFFER_KEY_SHARE], c, 2);
		break;
	case EXTENSION_CERTIFICATE_AUTHORITIES:
		add_names(&lists[OFFER_CERTIFICATE_AUTHORITY], rd_vec16(&c), 2);
		break;
	default:
		break;
	}
}

static void build_lists(struct list_builder lists[OFFER_KIND_COUNT], struct key_view v)
{
	bool from_server = v.kind == HELLO_SERVER;

	add_codes(&lists[OFFER_CIPHER], v.ciphers, v.kind == HELLO_SSL2_CLIENT ? 3 : 2);
	add_codes(&lists[OFFER_COMPRESSION], v.compressions, 1);
	lists[OFFER_COMPRESSION].seen = lists[OFFER_COMPRESSION].codes.len != 0;
	lists[OFFER_EXTENSION].seen = v.has_extensions;
	while (rd_more(&v.extensions)) {
		uint16_t type = rd_u16(&v.extensions);

		add_code(&lists[OFFER_EXTENSION], type);
		if (extension_in_key(type, from_server))
			add_extension(lists, type, rd_vec16(&v.extensions), from_server);
	}
	if (v.kind == HELLO_CERTIFICATE_REQUEST) {
		/* Its lists stand in the key as extensions, but are no offer of any. */
		lists[OFFER_EXTENSION].seen = lists[OFFER_CIPHER].seen = false;
		lists[OFFER_EXTENSION].codes.len = 0;
		return;
	}
	/* Before supported_versions, the hello's own version was the offer. */
	if (!lists[OFFER_VERSION].seen) {
		lists[OFFER_VERSION].seen = true;
		add_code(&lists[OFFER_VERSION], v.version);
	}
}

/* DTLS counts its versions downwards (RFC 9147 section 5.3). */
static uint16_t highest_version(const struct list_builder *versions)
{
	const uint32_t *codes = (const uint32_t *)(const void *)versions->codes.at;
	uint16_t best = 0;
	uint32_t best_rank = 0;

	for (size_t i = 0; i < versions->codes.len / sizeof *codes; i++) {
		uint32_t code = codes[i];
		uint32_t rank = code >> 8 == 0xfe ? 0xfe00 | (0xff - (code & 0xff)) : code >> 8 == 0x7f ? 0x0303 : code;

		if (!registry_is_grease(code) && rank >= best_rank && code >> 8 != 0xfb) {
			best = (uint16_t)code;
			best_rank = rank;
		}
	}
	return best;
}

/* One block: the hello, the lists' numbers and names, and the key that names point into. */
struct hello *hello_from_key(struct bytes key)
{
	struct list_builder lists[OFFER_KIND_COUNT] = { 0 };
	uint8_t *copy = xmalloc(key.len);
	struct hello *h = xcalloc(1, sizeof *h);

	memcpy(copy, key.at, key.len);
	h->key = (struct bytes){ copy, key.len };
	struct key_view v = key_open(h->key);
	build_lists(lists, v);
	h->legacy_version = v.version;
	if (v.kind != HELLO_SERVER && v.kind != HELLO_CERTIFICATE_REQUEST)
		h->version_highest = highest_version(&lists[OFFER_VERSION]);
	for (size_t i = 0; i < OFFER_KIND_COUNT; i++) {
		bool named = lists[i].names.len != 0;

		h->offers[i].seen = lists[i].seen;
		h->offers[i].count = (uint32_t)(named ? lists[i].names.len / sizeof(struct bytes) : lists[i].codes.len / sizeof(uint32_t));
		/* The buffers' memory becomes the hello's. */
		h->offers[i].codes = (const uint32_t *)(const void *)lists[i].codes.at;
		h->offers[i].names = (const struct bytes *)(const void *)lists[i].names.at;
	}
	if (v.whole && v.kind != HELLO_CERTIFICATE_REQUEST)
		ja_fill(h, v.kind);
	return h;
}

void hello_free(struct hello *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < OFFER_KIND_COUNT; i++) {
		free((void *)(uintptr_t)h->offers[i].codes);
		free((void *)(uintptr_t)h->offers[i].names);
	}
	free((void *)(uintptr_t)h->key.at);
	free(h);
}
