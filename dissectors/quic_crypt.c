#include "dissectors/quic_crypt.h"

#include "overhear/chunk.h"

#include <string.h>

enum { SAMPLE_LEN = 16, SAMPLE_AT = 4, MASK_LEN = 5, INITIAL_SECRET_LEN = 32, RESERVED_BITS = 0x0c };

/* ---- keys ---- */

static bool derive(struct crypto *c, const struct quic_version *v, enum aead aead,
		   enum digest digest, struct bytes secret, struct quic_keys *keys)
{
	static const struct bytes none;
	size_t len = aead_key_len(aead);

	*keys = (struct quic_keys){ .aead = (uint8_t)aead };
	return hkdf_expand_label(c, digest, secret, LABEL_TLS13,
				 v->is_v2 ? "quicv2 key" : "quic key", none, keys->key, len) &&
	       hkdf_expand_label(c, digest, secret, LABEL_TLS13, v->is_v2 ? "quicv2 iv" : "quic iv",
				 none, keys->iv, NONCE_LEN) &&
	       hkdf_expand_label(c, digest, secret, LABEL_TLS13, v->is_v2 ? "quicv2 hp" : "quic hp",
				 none, keys->hp, len);
}

bool quic_keys_initial(struct crypto *c, const struct quic_version *v, struct bytes dcid,
		       struct quic_keys keys[2])
{
	static const char *const labels[2] = {
		[SENDER_CLIENT] = "client in", [SENDER_SERVER] = "server in"
	};
	static const struct bytes none;
	uint8_t common[HASH_LEN_MAX], secret[INITIAL_SECRET_LEN];
	struct bytes salt = { v->salt, QUIC_SALT_LEN }, from = { common, INITIAL_SECRET_LEN },
		     to = { secret, sizeof secret };

	if (!hkdf_extract(c, DIGEST_SHA256, salt, dcid, common))
		return false;
	for (int i = 0; i < 2; i++) {
		if (!hkdf_expand_label(c, DIGEST_SHA256, from, LABEL_TLS13, labels[i], none, secret,
				       sizeof secret) ||
		    !derive(c, v, AEAD_AES_128_GCM, DIGEST_SHA256, to, &keys[i]))
			return false;
	}
	return true;
}

bool quic_keys_from_secret(struct crypto *c, const struct quic_version *v, uint16_t suite,
			   struct bytes secret, struct quic_keys *keys)
{
	enum aead aead;
	enum digest digest;

	return aead_of_tls13_suite(suite, &aead, &digest) && secret.len == digest_len(digest) &&
	       derive(c, v, aead, digest, secret, keys);
}

bool quic_keys_update(struct crypto *c, const struct quic_version *v, uint16_t suite, struct quic_generation *g)
{
	static const struct bytes none;
	struct quic_generation next = { .secret_len = g->secret_len };
	struct bytes from = { g->secret, g->secret_len }, to = { next.secret, next.secret_len };
	enum aead aead;
	enum digest digest;

	if (!aead_of_tls13_suite(suite, &aead, &digest) ||
	    !hkdf_expand_label(c, digest, from, LABEL_TLS13, v->is_v2 ? "quicv2 ku" : "quic ku", none, next.secret,
			       next.secret_len) ||
	    !derive(c, v, aead, digest, to, &next.keys))
		return false;
	memcpy(next.keys.hp, g->keys.hp, sizeof next.keys.hp);
	*g = next;
	crypto_wipe(&next, sizeof next);
	return true;
}

/* ---- opening ---- */

/* RFC 9000 appendix A.3: the full number that is nearest to the one expected. */
static int64_t full_number(int64_t largest, uint64_t truncated, unsigned bytes)
{
	uint64_t window = UINT64_C(1) << 8 * bytes, expected = (uint64_t)(largest + 1);
	uint64_t candidate = (expected & ~(window - 1)) | truncated;

	if (candidate + window / 2 <= expected && candidate < (UINT64_C(1) << 62) - window)
		return (int64_t)(candidate + window);
	if (candidate > expected + window / 2 && candidate >= window)
		return (int64_t)(candidate - window);
	return (int64_t)candidate;
}

/* Copies the header with its protection removed; its length, or 0. */
static size_t unprotect(struct crypto *c, const struct quic_keys *keys, const struct quic_packet *p,
			uint8_t *out, uint64_t *truncated)
{
	struct reader r = reader_of(p->whole), sampled;
	uint8_t mask[MASK_LEN];
	struct bytes head = rd_take(&r, p->number_at);

	sampled = r;
	rd_skip(&sampled, SAMPLE_AT);
	struct bytes sample = rd_take(&sampled, SAMPLE_LEN);
	if (sampled.bad || !head.len ||
	    !header_mask(c, (enum aead)keys->aead, keys->hp, sample.at, mask))
		return 0;
	memcpy(out, head.at, head.len);
	out[0] ^= mask[0] & (p->type == QUIC_SHORT ? 0x1f : 0x0f);
	size_t len = 1u + (out[0] & 3);
	*truncated = 0;
	for (size_t i = 0; i < len; i++) {
		out[head.len + i] = (uint8_t)(rd_u8(&r) ^ mask[1 + i]);
		*truncated = *truncated << 8 | out[head.len + i];
	}
	return head.len + len;
}

bool quic_open(struct crypto *c, const struct quic_keys *keys, const struct quic_packet *p,
	       int64_t *largest, struct buffer *room, struct bytes *payload)
{
	struct reader r = reader_of(p->whole);
	uint8_t nonce[NONCE_LEN];
	uint64_t truncated;

	if (!keys->aead || p->cut)
		return false;
	buffer_clear(room);
	uint8_t *header = buffer_reserve(room, p->whole.len + SAMPLE_LEN);
	size_t header_len = unprotect(c, keys, p, header, &truncated);
	if (!header_len)
		return false;
	rd_skip(&r, header_len);
	struct bytes sealed = rd_rest(&r), associated = { header, header_len };
	if (sealed.len < aead_tag_len((enum aead)keys->aead))
		return false;
	int64_t full = full_number(*largest, truncated, (unsigned)(header_len - p->number_at));
	aead_nonce(keys->iv, (uint64_t)full, nonce);
	if (!aead_open(c, (enum aead)keys->aead, keys->key, nonce, associated, sealed,
		       header + header_len))
		return false;
	*payload = (struct bytes){ header + header_len,
				   sealed.len - aead_tag_len((enum aead)keys->aead) };
	if (full > *largest)
		*largest = full;
	return true;
}

bool quic_open_cut(struct crypto *c, const struct quic_keys *keys, const struct quic_packet *p,
		   int64_t largest, struct buffer *room, struct bytes *payload)
{
	struct reader r = reader_of(p->whole);
	uint8_t nonce[NONCE_LEN];
	uint64_t truncated;

	if (!keys->aead || !p->cut)
		return false;
	buffer_clear(room);
	uint8_t *header = buffer_reserve(room, p->whole.len + SAMPLE_LEN);
	size_t header_len = unprotect(c, keys, p, header, &truncated);
	if (!header_len || header[0] & RESERVED_BITS)
		return false;
	rd_skip(&r, header_len);
	struct bytes sealed = rd_rest(&r);
	aead_nonce(keys->iv, (uint64_t)full_number(largest, truncated, (unsigned)(header_len - p->number_at)), nonce);
	*payload = (struct bytes){ header + header_len, sealed.len };
	return aead_peek(c, (enum aead)keys->aead, keys->key, nonce, sealed, header + header_len);
}

/* The tag is over the Retry behind the DCID that it answers. */
static bool retry_tag_fits(struct crypto *c, const struct quic_packet *p, struct bytes original,
			   struct buffer *room)
{
	struct reader r = reader_of(p->whole);
	uint8_t len = (uint8_t)original.len;

	if (rd_left(&r) < QUIC_TAG_LEN)
		return false;
	struct bytes retry = rd_take(&r, rd_left(&r) - QUIC_TAG_LEN), tag = rd_rest(&r);
	buffer_clear(room);
	buffer_add(room, &len, 1);
	buffer_add(room, original.at, original.len);
	buffer_add(room, retry.at, retry.len);
	uint8_t nothing[QUIC_TAG_LEN];
	return aead_open(c, AEAD_AES_128_GCM, p->known->retry_key, p->known->retry_nonce,
			 buffer_bytes(room), tag, nothing);
}

bool quic_retry_is_genuine(struct crypto *c, const struct quic_packet *p,
			   struct bytes original_dcid, struct buffer *room)
{
	if (p->known->retry_has_tag)
		return retry_tag_fits(c, p, original_dcid, room);
	struct reader r = reader_of(p->rest);
	uint8_t len = rd_u8(&r);
	return bytes_equal(rd_take(&r, len), original_dcid) && !r.bad;
}
