#include "dissectors/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/hex.h"

static int start(void **state)
{
	*state = crypto_create();
	return 0;
}

static int stop(void **state)
{
	crypto_destroy(*state);
	return 0;
}

/* RFC 9001 appendix A.1. */
static void quic_initial_keys_follow_from_the_connection_id(void **state)
{
	static const uint8_t salt[] = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
					0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a };
	static const uint8_t id[] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };
	struct crypto *c = *state;
	struct bytes none = { NULL, 0 };
	uint8_t initial[HASH_LEN_MAX], client[HASH_LEN_MAX], key[16], iv[12], hp[16];

	assert_true(hkdf_extract(c, DIGEST_SHA256, (struct bytes){ salt, sizeof salt },
				 (struct bytes){ id, sizeof id }, initial));
	assert_hex(initial, "7db5df06e7a69e432496adedb00851923595221596ae2ae9fb8115c1e9ed0a44");
	assert_true(hkdf_expand_label(c, DIGEST_SHA256, (struct bytes){ initial, 32 }, LABEL_TLS13,
				      "client in", none, client, 32));
	assert_hex(client, "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
	struct bytes secret = { client, 32 };
	assert_true(hkdf_expand_label(c, DIGEST_SHA256, secret, LABEL_TLS13, "quic key", none, key,
				      16));
	assert_true(
		hkdf_expand_label(c, DIGEST_SHA256, secret, LABEL_TLS13, "quic iv", none, iv, 12));
	assert_true(
		hkdf_expand_label(c, DIGEST_SHA256, secret, LABEL_TLS13, "quic hp", none, hp, 16));
	assert_hex(key, "1f369613dd76d5467730efcbe3b1a22d");
	assert_hex(iv, "fa044b2f42a3fd3b46fb255c");
	assert_hex(hp, "9f50449e04a0e810283a1e9933adedd2");
}

/* RFC 9001 appendix A.2 and A.5. */
static void header_masks_are_those_of_the_rfc(void **state)
{
	uint8_t key[32], sample[16], mask[5];

	unhex("9f50449e04a0e810283a1e9933adedd2", key);
	unhex("d1b1c98dd7689fb8ec11d242b123dc9b", sample);
	assert_true(header_mask(*state, AEAD_AES_128_GCM, key, sample, mask));
	assert_hex(mask, "437b9aec36");
	unhex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4", key);
	unhex("5e5cd55c41f69080575d7999c25a5bfb", sample);
	assert_true(header_mask(*state, AEAD_CHACHA20_POLY1305, key, sample, mask));
	assert_hex(mask, "aefefe7d03");
}

/* RFC 9001 appendix A.5: a packet of one PING. */
static void a_chacha20_packet_opens_with_its_key_alone(void **state)
{
	uint8_t key[32], iv[12], nonce[12], header[4], sealed[17], out[17];

	unhex("c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8", key);
	unhex("e0459b3474bdd0e44a41c144", iv);
	unhex("4200bff4", header);
	unhex("655e5cd55c41f69080575d7999c25a5bfb", sealed);
	aead_nonce(iv, 654360564, nonce);
	assert_hex(nonce, "e0459b3474bdd0e46d417eb0");
	struct bytes in = { sealed, sizeof sealed }, ad = { header, sizeof header };
	assert_true(aead_open(*state, AEAD_CHACHA20_POLY1305, key, nonce, ad, in, out));
	assert_int_equal(out[0], 1);
	sealed[16] ^= 1;
	assert_false(aead_open(*state, AEAD_CHACHA20_POLY1305, key, nonce, ad, in, out));
}

static void seal(const char *name, const uint8_t *key, const uint8_t *nonce, size_t tag_len,
		 struct bytes ad, struct bytes content, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int n;

	assert_true(EVP_EncryptInit_ex2(x, cipher, NULL, NULL, NULL));
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL);
	if (strstr(name, "CCM"))
		EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, NULL);
	assert_true(EVP_EncryptInit_ex2(x, NULL, key, nonce, NULL));
	if (strstr(name, "CCM"))
		assert_true(EVP_EncryptUpdate(x, NULL, &n, NULL, (int)content.len));
	assert_true(EVP_EncryptUpdate(x, NULL, &n, ad.at, (int)ad.len));
	assert_true(EVP_EncryptUpdate(x, out, &n, content.at, (int)content.len));
	assert_true(EVP_EncryptFinal_ex(x, out + content.len, &n));
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, (int)tag_len, out + content.len);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(cipher);
}

static const struct {
	enum aead aead;
	const char *name;
} aeads[] = {
	{ AEAD_AES_128_GCM, "AES-128-GCM" },
	{ AEAD_AES_256_GCM, "AES-256-GCM" },
	{ AEAD_AES_128_CCM, "AES-128-CCM" },
	{ AEAD_AES_256_CCM, "AES-256-CCM" },
	{ AEAD_AES_128_CCM_8, "AES-128-CCM" },
	{ AEAD_AES_256_CCM_8, "AES-256-CCM" },
	{ AEAD_CHACHA20_POLY1305, "ChaCha20-Poly1305" },
	{ AEAD_ARIA_128_GCM, "ARIA-128-GCM" },
	{ AEAD_ARIA_256_GCM, "ARIA-256-GCM" },
};

static void every_aead_opens_what_it_sealed_and_nothing_else(void **state)
{
	static const uint8_t key[32] = "a key of thirty-two bytes, sure", nonce[12] = "nonce";
	struct bytes ad = { (const uint8_t *)"header", 6 },
		     content = { (const uint8_t *)"a handshake message", 19 };

	for (size_t i = 0; i < sizeof aeads / sizeof *aeads; i++) {
		size_t tag_len = aead_tag_len(aeads[i].aead);
		uint8_t sealed[64], out[64];
		struct bytes in = { sealed, content.len + tag_len };

		seal(aeads[i].name, key, nonce, tag_len, ad, content, sealed);
		assert_true(aead_open(*state, aeads[i].aead, key, nonce, ad, in, out));
		assert_memory_equal(out, content.at, content.len);
		/* In place, as callers do. */
		memcpy(out, sealed, in.len);
		assert_true(aead_open(*state, aeads[i].aead, key, nonce, ad,
				      (struct bytes){ out, in.len }, out));
		assert_memory_equal(out, content.at, content.len);
		for (size_t at = 0; at < in.len; at++) {
			sealed[at] ^= 0x40;
			assert_false(aead_open(*state, aeads[i].aead, key, nonce, ad, in, out));
			sealed[at] ^= 0x40;
		}
		for (size_t cut = 0; cut < in.len; cut++)
			assert_false(aead_open(*state, aeads[i].aead, key, nonce, ad,
					       (struct bytes){ sealed, cut }, out));
	}
}

/* RFC 6229, key of 40 bits. */
static void rc4_gives_the_stream_of_its_vectors(void **state)
{
	static const uint8_t key[] = { 1, 2, 3, 4, 5 }, zeroes[32] = { 0 };
	uint8_t out[32];
	struct rc4 r;

	(void)state;
	rc4_init(&r, (struct bytes){ key, sizeof key });
	rc4_apply(&r, (struct bytes){ zeroes, 5 }, out);
	rc4_apply(&r, (struct bytes){ zeroes, 27 }, out + 5);
	assert_hex(out, "b2396305f03dc027ccc3524a0a1118a86982944f18fc82d589c403a47a0d0919");
}

/* RFC 2202 case 2, RFC 4231 case 2, and a key of no bytes. */
static void hmac_takes_its_message_in_parts(void **state)
{
	struct bytes parts[] = { { (const uint8_t *)"what do ya want ", 16 },
				 { (const uint8_t *)"for nothing?", 12 } };
	struct bytes key = { (const uint8_t *)"Jefe", 4 };
	uint8_t out[HASH_LEN_MAX];

	assert_true(hmac_bytes(*state, DIGEST_MD5, key, parts, 2, out));
	assert_hex(out, "750c783e6ab0b503eaa86e310a5db738");
	assert_true(hmac_bytes(*state, DIGEST_SHA256, key, parts, 2, out));
	assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_true(hmac_bytes(*state, DIGEST_SHA256, (struct bytes){ NULL, 0 }, NULL, 0, out));
	assert_hex(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quic_initial_keys_follow_from_the_connection_id),
		cmocka_unit_test(header_masks_are_those_of_the_rfc),
		cmocka_unit_test(a_chacha20_packet_opens_with_its_key_alone),
		cmocka_unit_test(every_aead_opens_what_it_sealed_and_nothing_else),
		cmocka_unit_test(rc4_gives_the_stream_of_its_vectors),
		cmocka_unit_test(hmac_takes_its_message_in_parts),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
