#include "dissectors/decrypt.h"

#include <string.h>

enum {
	EXPLICIT_NONCE_LEN = 8, PSEUDO_HEADER_LEN = 13, SAMPLE_LEN = 16, NUMBER_LEN_MAX = 2, CONNECTION_ID = 25,
	/* RFC 9146 section 5: eight more bytes, both types, the id and its length. */
	PSEUDO_HEADER_MAX = 8 + 1 + 1 + PSEUDO_HEADER_LEN + 255,
	UNIFIED_HEADER_MAX = 1 + 255 + 2 + 2,
};

/* RFC 8446 section 5.2: padding is zeroes behind the type. */
static bool take_inner_type(struct bytes inner, struct opened_record *out)
{
	size_t n = inner.len;

	while (n && !inner.at[n - 1])
		n--;
	if (!n)
		return false;
	out->type = inner.at[n - 1];
	out->content = (struct bytes){ inner.at, n - 1 };
	return true;
}

static bool open_tls13(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		       uint8_t *room, struct opened_record *out)
{
	uint8_t header[RECORD_HEADER_LEN] = { r->type, (uint8_t)(r->version >> 8),
					      (uint8_t)r->version, (uint8_t)(r->body.len >> 8),
					      (uint8_t)r->body.len };
	uint8_t nonce[NONCE_LEN];
	struct bytes associated = { header, k->no_header ? 0 : sizeof header };

	aead_nonce(k->iv, k->number, nonce);
	return aead_open(c, k->aead, k->key, nonce, associated, r->body, room) &&
	       take_inner_type((struct bytes){ room, r->body.len - aead_tag_len(k->aead) }, out);
}

/* ---- up to TLS 1.2 ---- */

struct pseudo_header {
	size_t len;
	uint8_t at[PSEUDO_HEADER_MAX];
};

static void put_number(struct pseudo_header *p, uint64_t n, unsigned bytes)
{
	while (bytes--)
		p->at[p->len++] = (uint8_t)(n >> 8 * bytes);
}

/* RFC 9146 sections 5.1 to 5.3. */
static void put_with_connection_id(struct pseudo_header *p, const struct record_keys *k, const struct sealed_record *r)
{
	put_number(p, UINT64_MAX, 8);
	put_number(p, CONNECTION_ID, 1);
	put_number(p, r->connection_id.len, 1);
	put_number(p, CONNECTION_ID, 1);
	put_number(p, r->version, 2);
	put_number(p, k->number, 8);
	if (r->connection_id.len)
		memcpy(p->at + p->len, r->connection_id.at, r->connection_id.len);
	p->len += r->connection_id.len;
}

/* What MACs and AEADs cover besides the content (RFC 5246 section 6.2.3). */
static void pseudo_header(struct pseudo_header *p, const struct record_keys *k, const struct sealed_record *r,
			  size_t len)
{
	p->len = 0;
	if (r->has_connection_id) {
		put_with_connection_id(p, k, r);
	} else {
		put_number(p, k->number, 8);
		put_number(p, r->type, 1);
		put_number(p, r->version, 2);
	}
	put_number(p, len, 2);
}

static struct bytes pseudo_bytes(const struct pseudo_header *p)
{
	return (struct bytes){ p->at, p->len };
}

static bool open_aead(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		      uint8_t *room, struct opened_record *out)
{
	struct pseudo_header associated;
	uint8_t nonce[NONCE_LEN];
	struct reader body = reader_of(r->body);
	size_t tag = aead_tag_len(k->aead);

	if (k->protection == PROTECTION_AEAD_EXPLICIT) {
		struct bytes part = rd_take(&body, EXPLICIT_NONCE_LEN);

		if (!part.len)
			return false;
		memcpy(nonce, k->iv, NONCE_LEN - EXPLICIT_NONCE_LEN);
		memcpy(nonce + NONCE_LEN - EXPLICIT_NONCE_LEN, part.at, part.len);
	} else {
		aead_nonce(k->iv, k->number, nonce);
	}
	struct bytes sealed = rd_rest(&body);
	if (sealed.len < tag)
		return false;
	pseudo_header(&associated, k, r, sealed.len - tag);
	out->type = r->type;
	out->content = (struct bytes){ room, sealed.len - tag };
	return aead_open(c, k->aead, k->key, nonce, pseudo_bytes(&associated), sealed, room);
}

/* RFC 6101 section 5.2.3.1: no version, and pads in the place of HMAC's. */
static bool mac_ssl3(struct crypto *c, const struct record_keys *k, const uint8_t *header,
		     struct bytes content, uint8_t out[HASH_LEN_MAX])
{
	size_t pad = k->digest == DIGEST_MD5 ? 48 : 40, len = digest_len(k->digest);
	uint8_t pad1[48], pad2[48], inner[HASH_LEN_MAX];

	memset(pad1, 0x36, sizeof pad1);
	memset(pad2, 0x5c, sizeof pad2);
	struct bytes first[] = { { k->mac, len }, { pad1, pad }, { header, 9 }, { header + 11, 2 },
				 content };
	struct bytes second[] = { { k->mac, len }, { pad2, pad }, { inner, len } };
	return digest_bytes(c, k->digest, first, 5, inner) &&
	       digest_bytes(c, k->digest, second, 3, out);
}

static bool mac_fits(struct crypto *c, const struct record_keys *k, const struct sealed_record *r,
		     struct bytes content, struct bytes mac)
{
	struct pseudo_header header;
	uint8_t expected[HASH_LEN_MAX];

	pseudo_header(&header, k, r, content.len);
	struct bytes parts[] = { pseudo_bytes(&header), content };
	bool made = k->ssl3 ? mac_ssl3(c, k, header.at, content, expected) :
			      hmac_bytes(c, k->digest, (struct bytes){ k->mac, digest_len(k->digest) },
					 parts, 2, expected);
	return made && bytes_equal(mac, (struct bytes){ expected, digest_len(k->digest) });
}

/* The content and its MAC apart. */
static bool split_mac(struct bytes whole, size_t mac_len, struct bytes *content, struct bytes *mac)
{
	struct reader r = reader_of(whole);

	if (whole.len < mac_len)
		return false;
	*content = rd_take(&r, whole.len - mac_len);
	*mac = rd_rest(&r);
	return true;
}

/* RFC 5246 section 6.2.3.2; SSL 3.0's padding may hold anything. */
static bool strip_padding(const struct record_keys *k, struct bytes *plain)
{
	uint8_t n = plain->len ? plain->at[plain->len - 1] : 0;

	if (plain->len < (size_t)n + 1)
		return false;
	for (size_t i = plain->len - n - 1; i < plain->len && !k->ssl3; i++)
		if (plain->at[i] != n)
			return false;
	plain->len -= (size_t)n + 1;
	return true;
}

static bool open_cbc(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		     uint8_t *room, struct opened_record *out)
{
	size_t mac_len = digest_len(k->digest), block = block_len(k->block);
	struct bytes sealed = r->body, mac = { NULL, 0 };

	if (k->encrypt_then_mac &&
	    (!split_mac(r->body, mac_len, &sealed, &mac) || !mac_fits(c, k, r, sealed, mac)))
		return false;
	struct reader body = reader_of(sealed);
	const uint8_t *iv = k->explicit_iv ? rd_take(&body, block).at : k->iv;
	struct bytes blocks = rd_rest(&body);
	if (!iv || !cbc_open(c, k->block, k->key, iv, blocks, room))
		return false;
	struct bytes plain = { room, blocks.len };
	if (!strip_padding(k, &plain))
		return false;
	if (!k->encrypt_then_mac && (!split_mac(plain, mac_len, &plain, &mac) ||
				     !mac_fits(c, k, r, plain, mac)))
		return false;
	out->type = r->type;
	out->content = plain;
	return true;
}

static bool open_stream(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
			uint8_t *room, struct opened_record *out)
{
	struct bytes plain = { room, r->body.len }, mac;

	/* Where it does not fit, record_skip() goes over the same bytes. */
	struct rc4 stream;
	if (k->rc4) {
		stream = *k->rc4;
		rc4_apply(&stream, r->body, room);
	} else if (r->body.len)
		memcpy(room, r->body.at, r->body.len);
	out->type = r->type;
	if (!split_mac(plain, digest_len(k->digest), &out->content, &mac) ||
	    !mac_fits(c, k, r, out->content, mac))
		return false;
	if (k->rc4)
		*k->rc4 = stream;
	return true;
}

typedef bool opener(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		    uint8_t *room, struct opened_record *out);
static opener *const openers[] = {
	[PROTECTION_TLS13] = open_tls13,
	[PROTECTION_AEAD_EXPLICIT] = open_aead,
	[PROTECTION_AEAD_XOR] = open_aead,
	[PROTECTION_CBC] = open_cbc,
	[PROTECTION_STREAM] = open_stream,
};

/* CBC up to TLS 1.0 goes on from the last block of the record before. */
static void keep_last_block(struct record_keys *k, struct bytes body)
{
	size_t block = k->protection == PROTECTION_CBC && !k->explicit_iv ? block_len(k->block) : 0;
	struct reader r = reader_of(body);

	if (!block || body.len < block)
		return;
	rd_skip(&r, body.len - block);
	memcpy(k->iv, rd_rest(&r).at, block);
}

bool record_open(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		 uint8_t *room, struct opened_record *out)
{
	struct bytes sealed = r->body;

	if (!k->protection || !openers[k->protection](c, k, r, room, out))
		return false;
	/* RFC 7366: the MAC comes behind the last block. */
	if (k->encrypt_then_mac && k->protection == PROTECTION_CBC)
		sealed.len -= digest_len(k->digest);
	keep_last_block(k, sealed);
	k->number++;
	return !r->has_connection_id || take_inner_type(out->content, out);
}

/* ---- DTLS 1.3 ---- */

/* RFC 9147 section 4.2.2: the number nearest to the expected one that ends so. */
static uint64_t full_number(uint64_t expected, uint64_t low, unsigned bytes)
{
	uint64_t window = UINT64_C(1) << 8 * bytes, candidate = (expected & ~(window - 1)) | low;

	if (candidate + window / 2 <= expected)
		return candidate + window;
	if (candidate > expected + window / 2 && candidate >= window)
		return candidate - window;
	return candidate;
}

/* RFC 9147 section 4.2.3: copies the header, its number in the clear. */
static bool clear_number(struct crypto *c, const struct record_keys *k, const struct sealed_dtls13 *r,
			 uint8_t header[UNIFIED_HEADER_MAX], uint64_t *low)
{
	struct reader body = reader_of(r->body);
	struct bytes sample = rd_take(&body, SAMPLE_LEN);
	uint8_t mask[5];

	if (!sample.len || r->header.len > UNIFIED_HEADER_MAX || r->number_len > NUMBER_LEN_MAX ||
	    (size_t)r->number_at + r->number_len > r->header.len ||
	    !header_mask(c, k->aead, k->number_key, sample.at, mask))
		return false;
	memcpy(header, r->header.at, r->header.len);
	*low = 0;
	for (unsigned i = 0; i < r->number_len; i++) {
		header[r->number_at + i] ^= mask[i];
		*low = *low << 8 | header[r->number_at + i];
	}
	return true;
}

bool record_open_dtls13(struct crypto *c, struct record_keys *k, const struct sealed_dtls13 *r,
			uint8_t *room, struct opened_record *out)
{
	uint8_t header[UNIFIED_HEADER_MAX], nonce[NONCE_LEN];
	uint64_t low;

	if (!k->dtls13 || !clear_number(c, k, r, header, &low))
		return false;
	uint64_t number = full_number(k->number, low, r->number_len);
	aead_nonce(k->iv, number, nonce);
	if (!aead_open(c, k->aead, k->key, nonce, (struct bytes){ header, r->header.len }, r->body, room))
		return false;
	if (number >= k->number)
		k->number = number + 1;
	return take_inner_type((struct bytes){ room, r->body.len - aead_tag_len(k->aead) }, out);
}

void record_skip(struct record_keys *k, struct bytes body, size_t len)
{
	size_t mac_len = k->encrypt_then_mac ? digest_len(k->digest) : 0;

	k->number++;
	if (body.len >= mac_len)
		body.len -= mac_len;
	keep_last_block(k, body);
	if (k->rc4)
		rc4_skip(k->rc4, len);
}
