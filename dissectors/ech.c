#include "dissectors/ech.h"

#include "base/xmalloc.h"
#include "dissectors/crypto.h"

#include <stdlib.h>
#include <string.h>

enum {
	EXTENSION_ECH = 0xfe0d, EXTENSION_OUTER = 0xfd00, CONFIG_VERSION = 0xfe0d,
	CLIENT_HELLO = 1, SERVER_HELLO = 2, MESSAGE_HASH = 254, OUTER = 0,
	HELLO_FIXED_LEN = 2 + RANDOM_LEN, CONFIRMATION_LEN = 8, CONFIRMATION_AT = HELLO_FIXED_LEN - CONFIRMATION_LEN,
	SUITE_ID_LEN = 4 + 3 * 2, INNER_LEN_MAX = 1 << 16,
};

struct inner_hello {
	struct buffer transcript;	/* of inner hellos, as far as the ServerHello confirms it */
	struct buffer inner;		/* the body of the last one */
	uint8_t inner_random[RANDOM_LEN];
	uint8_t key[KEY_LEN_MAX], nonce[NONCE_LEN];
	uint8_t aead;
	bool dtls;
	uint8_t opened;			/* hellos so far: each is sealed with the next number */
};

/* Content of the extension in an outer hello (RFC 9849 section 5), and where in the hello its payload stands. */
struct offer {
	uint16_t kdf, aead;
	struct bytes enc, payload;
	size_t payload_at;
};

void ech_destroy(struct inner_hello *e)
{
	if (!e)
		return;
	buffer_finish(&e->transcript);
	buffer_finish(&e->inner);
	crypto_wipe(e, sizeof *e);
	free(e);
}

/* ---- HPKE (RFC 9180) ---- */

/* Section 7.1: by the length of what is encapsulated. */
static uint16_t kem_of(size_t enc_len)
{
	static const struct {
		uint8_t enc_len;
		uint16_t kem;
	} kems[] = { { 32, 0x0020 }, { 56, 0x0021 }, { 65, 0x0010 }, { 97, 0x0011 }, { 133, 0x0012 } };

	for (size_t i = 0; i < sizeof kems / sizeof *kems; i++)
		if (kems[i].enc_len == enc_len)
			return kems[i].kem;
	return 0;
}

/* Sections 7.2 and 7.3. HKDF-SHA512, which no configuration asks for, is left out. */
static bool algorithms(const struct offer *o, enum digest *digest, enum aead *aead)
{
	static const enum aead aeads[] = { AEAD_NONE, AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };

	if (o->kdf < 1 || o->kdf > 2 || o->aead < 1 || o->aead >= sizeof aeads / sizeof *aeads)
		return false;
	*digest = o->kdf == 1 ? DIGEST_SHA256 : DIGEST_SHA384;
	*aead = aeads[o->aead];
	return true;
}

struct hpke {
	struct crypto *crypto;
	enum digest digest;
	uint8_t suite_id[SUITE_ID_LEN];
};

static void put_u16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static bool labeled_extract(const struct hpke *h, struct bytes salt, const char *label, struct bytes ikm,
			    uint8_t out[HASH_LEN_MAX])
{
	struct buffer input = { 0 };

	buffer_add(&input, "HPKE-v1", 7);
	buffer_add(&input, h->suite_id, sizeof h->suite_id);
	buffer_add(&input, label, strlen(label));
	buffer_add(&input, ikm.at, ikm.len);
	bool ok = hkdf_extract(h->crypto, h->digest, salt, buffer_bytes(&input), out);
	crypto_wipe(input.at, input.len);
	buffer_finish(&input);
	return ok;
}

/* One block of HKDF-Expand is enough for all that is asked for. */
static bool labeled_expand(const struct hpke *h, const uint8_t *prk, const char *label, struct bytes info,
			   uint8_t *out, size_t len)
{
	static const uint8_t first = 1;
	uint8_t length[2], block[HASH_LEN_MAX];
	struct bytes parts[] = { { length, 2 }, { (const uint8_t *)"HPKE-v1", 7 }, { h->suite_id, SUITE_ID_LEN },
				 { (const uint8_t *)label, strlen(label) }, info, { &first, 1 } };

	put_u16(length, (uint16_t)len);
	if (!hmac_bytes(h->crypto, h->digest, (struct bytes){ prk, digest_len(h->digest) }, parts, 6, block))
		return false;
	memcpy(out, block, len);
	crypto_wipe(block, sizeof block);
	return true;
}

/* Section 5.1, mode_base; the info of RFC 9849 section 6.1. */
static bool derive(struct inner_hello *e, const struct hpke *h, struct bytes shared, struct bytes config)
{
	const struct bytes none = { (const uint8_t *)"", 0 };
	uint8_t context[1 + 2 * HASH_LEN_MAX] = { 0 }, secret[HASH_LEN_MAX];
	size_t hash = digest_len(h->digest);
	struct bytes whole = { context, 1 + 2 * hash };
	struct buffer info = { 0 };

	buffer_add(&info, "tls ech", 8);
	buffer_add(&info, config.at, config.len);
	bool ok = labeled_extract(h, none, "psk_id_hash", none, context + 1) &&
		  labeled_extract(h, none, "info_hash", buffer_bytes(&info), context + 1 + hash) &&
		  labeled_extract(h, shared, "secret", none, secret) &&
		  labeled_expand(h, secret, "key", whole, e->key, aead_key_len(e->aead)) &&
		  labeled_expand(h, secret, "base_nonce", whole, e->nonce, NONCE_LEN);
	crypto_wipe(secret, sizeof secret);
	buffer_finish(&info);
	return ok;
}

static bool make_keys(struct inner_hello *e, struct tls_env *env, const struct offer *o, struct bytes shared,
		      struct bytes config)
{
	struct hpke h = { .crypto = env->crypto, .suite_id = "HPKE" };
	uint16_t kem = kem_of(o->enc.len);
	enum aead aead;

	if (!kem || !algorithms(o, &h.digest, &aead))
		return false;
	put_u16(h.suite_id + 4, kem);
	put_u16(h.suite_id + 6, o->kdf);
	put_u16(h.suite_id + 8, o->aead);
	e->aead = (uint8_t)aead;
	return derive(e, &h, shared, config);
}

/* ---- the outer hello ---- */

/* Goes to where the extensions begin. */
static void skip_to_extensions(struct reader *r, bool dtls)
{
	rd_skip(r, HELLO_FIXED_LEN);
	(void)rd_vec8(r);
	if (dtls)
		(void)rd_vec8(r);
	(void)rd_vec16(r);
	(void)rd_vec8(r);
}

static bool read_offer(struct reader *r, size_t hello_len, struct offer *out)
{
	bool outer = rd_u8(r) == OUTER;

	out->kdf = rd_u16(r);
	out->aead = rd_u16(r);
	rd_skip(r, 1);
	uint16_t len = rd_u16(r);
	out->enc = rd_take(r, len);
	len = rd_u16(r);
	out->payload_at = hello_len - rd_left(r);
	out->payload = rd_take(r, len);
	return outer && len && !r->bad;
}

static bool find_offer(struct bytes hello, bool dtls, struct offer *out)
{
	struct reader r = reader_of(hello);

	skip_to_extensions(&r, dtls);
	rd_skip(&r, 2);
	while (rd_more(&r)) {
		uint16_t type = rd_u16(&r), len = rd_u16(&r);

		if (type == EXTENSION_ECH)
			return read_offer(&r, hello.len, out);
		rd_skip(&r, len);
	}
	return false;
}

/* RFC 9849 section 5.2: the outer hello, zeroes for the payload, is what is authenticated. */
static bool open_payload(struct inner_hello *e, struct tls_env *env, struct bytes hello, const struct offer *o,
			 struct buffer *plain)
{
	struct buffer associated = { 0 };
	uint8_t nonce[NONCE_LEN];

	buffer_add(&associated, hello.at, hello.len);
	memset(associated.at + o->payload_at, 0, o->payload.len);
	aead_nonce(e->nonce, e->opened, nonce);
	buffer_clear(plain);
	uint8_t *room = buffer_reserve(plain, o->payload.len);
	bool ok = aead_open(env->crypto, e->aead, e->key, nonce, buffer_bytes(&associated), o->payload, room);
	buffer_finish(&associated);
	if (ok)
		plain->len = o->payload.len - aead_tag_len(e->aead);
	return ok;
}

/* ---- the inner hello (RFC 9849 section 5.1) ---- */

static void add_u16(struct buffer *b, size_t value)
{
	uint8_t two[2];

	put_u16(two, (uint16_t)value);
	buffer_add(b, two, sizeof two);
}

static void add_vec16(struct buffer *b, struct bytes content)
{
	add_u16(b, content.len);
	buffer_add(b, content.at, content.len);
}

static void add_vec8(struct buffer *b, struct bytes content)
{
	uint8_t len = (uint8_t)content.len;

	buffer_add(b, &len, 1);
	buffer_add(b, content.at, content.len);
}

/* The extensions named, from the outer hello and in its order; a list that is not in that order names none. */
static bool add_outer_extensions(struct buffer *out, struct reader content, struct reader *outer)
{
	struct reader names = rd_vec8(&content);

	while (rd_more(&names)) {
		uint16_t wanted = rd_u16(&names), type = 0;
		struct reader found = { 0 };

		do {
			type = rd_u16(outer);
			found = rd_vec16(outer);
		} while (!outer->bad && type != wanted);
		if (outer->bad || names.bad || wanted == EXTENSION_ECH || out->len > INNER_LEN_MAX)
			return false;
		add_u16(out, type);
		add_vec16(out, rd_rest(&found));
	}
	return rd_done(&names) && rd_done(&content);
}

static bool expand_extensions(struct buffer *out, struct reader inner, struct bytes hello, bool dtls)
{
	struct reader r = reader_of(hello);

	skip_to_extensions(&r, dtls);
	struct reader outer = rd_vec16(&r);
	while (rd_more(&inner)) {
		uint16_t type = rd_u16(&inner);
		struct reader content = rd_vec16(&inner);

		if (inner.bad)
			return false;
		if (type == EXTENSION_OUTER) {
			if (!add_outer_extensions(out, content, &outer))
				return false;
			continue;
		}
		add_u16(out, type);
		add_vec16(out, rd_rest(&content));
	}
	return !inner.bad && out->len <= UINT16_MAX;
}

bool ech_decode(struct buffer *out, struct bytes encoded, struct bytes hello, bool dtls)
{
	struct reader r = reader_of(encoded), first = reader_of(hello);
	struct buffer extensions = { 0 };

	rd_skip(&first, HELLO_FIXED_LEN);
	struct reader session = rd_vec8(&first);
	buffer_clear(out);
	struct bytes fixed = rd_take(&r, HELLO_FIXED_LEN);
	buffer_add(out, fixed.at, fixed.len);
	(void)rd_vec8(&r);
	add_vec8(out, rd_rest(&session));
	if (dtls) {
		struct reader cookie = rd_vec8(&r);

		add_vec8(out, rd_rest(&cookie));
	}
	struct reader suites = rd_vec16(&r), compressions = rd_vec8(&r);
	add_vec16(out, rd_rest(&suites));
	add_vec8(out, rd_rest(&compressions));
	struct reader list = rd_vec16(&r);
	bool ok = !r.bad && expand_extensions(&extensions, list, hello, dtls);
	add_vec16(out, buffer_bytes(&extensions));
	buffer_finish(&extensions);
	return ok;
}

/* ---- the transcript ---- */

static void add_message(struct buffer *transcript, uint8_t type, struct bytes body)
{
	uint8_t header[4] = { type, (uint8_t)(body.len >> 16), (uint8_t)(body.len >> 8), (uint8_t)body.len };

	buffer_add(transcript, header, sizeof header);
	buffer_add(transcript, body.at, body.len);
}

static bool hash_of(struct tls_env *env, enum digest digest, const struct buffer *transcript, uint8_t out[HASH_LEN_MAX])
{
	struct bytes all = buffer_bytes(transcript);

	return digest_bytes(env->crypto, digest, &all, 1, out);
}

/* ---- what the exchange asks ---- */

/* Whoever looks for secrets is asked only where a hello offers ECH at all. */
static struct bytes find(const struct tls_env *env, const uint8_t random[RANDOM_LEN], enum secret_kind kind)
{
	struct bytes secret = keylog_find(env->keylog, random, kind);

	if (!secret.len && env->more_secrets && env->more_secrets(env->secrets_context, true))
		secret = keylog_find(env->keylog, random, kind);
	return secret;
}

static struct inner_hello *begin(struct tls_env *env, const uint8_t random[RANDOM_LEN], const struct offer *o)
{
	struct inner_hello *e;
	struct bytes shared = find(env, random, SECRET_ECH), config = keylog_find(env->keylog, random, SECRET_ECH_CONFIG);
	struct reader r = reader_of(config);

	if (!shared.len || rd_u16(&r) != CONFIG_VERSION)
		return NULL;
	e = xcalloc(1, sizeof *e);
	if (make_keys(e, env, o, shared, config))
		return e;
	ech_destroy(e);
	return NULL;
}

struct bytes ech_open(struct inner_hello **e, struct tls_env *env, const uint8_t random[RANDOM_LEN], struct bytes outer,
		      bool dtls)
{
	static const struct bytes none;
	struct buffer plain = { 0 };
	struct offer o;

	if (!find_offer(outer, dtls, &o))
		return none;
	if (!*e)
		*e = begin(env, random, &o);
	if (!*e)
		return none;
	(*e)->dtls = dtls;
	bool ok = open_payload(*e, env, outer, &o, &plain) && ech_decode(&(*e)->inner, buffer_bytes(&plain), outer, dtls);
	crypto_wipe(plain.at, plain.room);
	buffer_finish(&plain);
	if (!ok) {
		ech_destroy(*e);
		*e = NULL;
		return none;
	}
	(*e)->opened++;
	struct bytes inner = buffer_bytes(&(*e)->inner);
	struct reader r = reader_of(inner);
	rd_skip(&r, 2);
	memcpy((*e)->inner_random, rd_take(&r, RANDOM_LEN).at, RANDOM_LEN);
	add_message(&(*e)->transcript, CLIENT_HELLO, inner);
	return inner;
}

/* RFC 8446 section 4.4.1: the first hello goes on as its hash. */
void ech_retried(struct inner_hello *e, struct tls_env *env, uint16_t suite, struct bytes body)
{
	enum aead aead;
	enum digest digest;
	uint8_t hash[HASH_LEN_MAX];

	if (!e || !aead_of_tls13_suite(suite, &aead, &digest) || !hash_of(env, digest, &e->transcript, hash))
		return;
	buffer_clear(&e->transcript);
	add_message(&e->transcript, MESSAGE_HASH, (struct bytes){ hash, digest_len(digest) });
	add_message(&e->transcript, SERVER_HELLO, body);
}

/* RFC 9849 section 7.2: the end of the server's random is made from the inner hello. */
bool ech_accepted(struct inner_hello *e, struct tls_env *env, uint16_t suite, struct bytes body)
{
	enum aead aead;
	enum digest digest;
	struct reader r = reader_of(body);
	uint8_t hash[HASH_LEN_MAX], secret[HASH_LEN_MAX], expected[CONFIRMATION_LEN], zeroes[HASH_LEN_MAX] = { 0 };

	rd_skip(&r, CONFIRMATION_AT);
	struct bytes confirmation = rd_take(&r, CONFIRMATION_LEN);
	if (!confirmation.len || !aead_of_tls13_suite(suite, &aead, &digest))
		return false;
	size_t before = e->transcript.len, len = digest_len(digest);
	add_message(&e->transcript, SERVER_HELLO, body);
	memset(e->transcript.at + before + 4 + CONFIRMATION_AT, 0, CONFIRMATION_LEN);
	return hash_of(env, digest, &e->transcript, hash) &&
	       hkdf_extract(env->crypto, digest, (struct bytes){ zeroes, len },
			    (struct bytes){ e->inner_random, RANDOM_LEN }, secret) &&
	       hkdf_expand_label(env->crypto, digest, (struct bytes){ secret, len }, e->dtls ? LABEL_DTLS13 : LABEL_TLS13,
				 "ech accept confirmation", (struct bytes){ hash, len }, expected, sizeof expected) &&
	       bytes_equal(confirmation, (struct bytes){ expected, sizeof expected });
}
