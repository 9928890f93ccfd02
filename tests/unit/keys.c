/* Keys and the records that they open: vectors of RFC 8448, and records sealed here with OpenSSL. */
#include "dissectors/decrypt.h"
#include "dissectors/keylog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

static struct record_keys traffic_keys(struct crypto *c, const char *secret)
{
	struct record_keys k;
	uint8_t bytes[32];

	unhex(secret, bytes);
	assert_true(keys_from_traffic_secret(c, 0x0304, 0x1301, (struct bytes){ bytes, 32 }, &k));
	return k;
}

/* RFC 8448 section 3. */
static const char client_handshake[] =
	"b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
static const char client_application[] =
	"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char client_finished[] =
	"75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1ca"
	"eacab6867d726c40546";
static const char client_close[] = "c9872760655666b74d7ff1153efd6db6d0b0e3";

static bool open_one(struct crypto *c, struct record_keys *k, const char *body, uint8_t *room,
		     struct opened_record *out)
{
	uint8_t bytes[256];
	size_t n = unhex(body, bytes);
	struct sealed_record r = { .type = 23, .version = 0x0303, .body = { bytes, n } };

	return record_open(c, k, &r, room, out);
}

static void traffic_keys_are_those_of_rfc_8448(void **state)
{
	struct record_keys k = traffic_keys(*state, client_handshake);

	assert_hex(k.key, "dbfaa693d1762c5b666af5d950258d01");
	assert_hex(k.iv, "5bd3c71b836e0b76bb73265f");
	k = traffic_keys(*state, client_application);
	assert_hex(k.key, "17422dda596ed5d9acd890e3c63f5051");
	assert_hex(k.iv, "5b78923dee08579033e523d9");
}

static void the_finished_of_rfc_8448_opens(void **state)
{
	struct record_keys k = traffic_keys(*state, client_handshake);
	struct opened_record r;
	uint8_t room[64];

	assert_true(open_one(*state, &k, client_finished, room, &r));
	assert_int_equal(r.type, 22);
	assert_int_equal(r.content.len, 36);
	assert_hex(r.content.at, "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
	assert_int_equal(k.number, 1);
}

static void the_alert_of_rfc_8448_opens_as_the_second_record_only(void **state)
{
	struct record_keys k = traffic_keys(*state, client_application);
	struct opened_record r;
	uint8_t room[64];

	assert_false(open_one(*state, &k, client_close, room, &r));
	assert_int_equal(k.number, 0);
	record_skip(&k, (struct bytes){ NULL, 0 }, 67);
	assert_true(open_one(*state, &k, client_close, room, &r));
	assert_int_equal(r.type, 21);
	assert_hex(r.content.at, "0100");
}

static void a_secret_of_another_length_than_its_hash_gives_no_keys(void **state)
{
	struct record_keys k;
	uint8_t bytes[48] = { 1 };

	assert_false(keys_from_traffic_secret(*state, 0x0304, 0x1302, (struct bytes){ bytes, 32 }, &k));
	assert_true(keys_from_traffic_secret(*state, 0x0304, 0x1302, (struct bytes){ bytes, 48 }, &k));
	assert_false(keys_from_traffic_secret(*state, 0x0304, 0xc02f, (struct bytes){ bytes, 32 }, &k));
}

static void an_update_changes_key_and_starts_counting_anew(void **state)
{
	struct record_keys k = traffic_keys(*state, client_application), before = k;
	uint8_t expected[32];

	k.number = 7;
	assert_true(keys_update(*state, &k));
	assert_int_equal(k.number, 0);
	assert_memory_not_equal(k.key, before.key, 16);
	/* HKDF-Expand of one block: HMAC(secret, length, label, context, 1). */
	static const uint8_t info[] = "\0\x20\x11tls13 traffic upd\0\1";
	HMAC(EVP_sha256(), before.secret, 32, info, sizeof info - 1, expected, NULL);
	assert_memory_equal(k.secret, expected, 32);
}

/* ---- SSL 3.0 to TLS 1.2: what OpenSSL sealed with the keys derived here opens, and nothing else ---- */

static const struct {
	uint16_t version, suite;
	bool encrypt_then_mac;
	const char *cipher; /* as OpenSSL calls it; NULL: none; "RC4" is ours */
	const char *mac;
} suites[] = {
	{ 0x0303, 0xc02f, false, "AES-128-GCM", NULL },
	{ 0x0303, 0xc030, false, "AES-256-GCM", NULL },
	{ 0x0303, 0xc09e, false, "AES-128-CCM", NULL },
	{ 0x0303, 0xc0a1, false, "AES-256-CCM", NULL },
	{ 0x0303, 0xc0ae, false, "AES-128-CCM", NULL },
	{ 0x0303, 0xcca8, false, "ChaCha20-Poly1305", NULL },
	{ 0x0303, 0xc060, false, "ARIA-128-GCM", NULL },
	{ 0x0303, 0xc061, false, "ARIA-256-GCM", NULL },
	{ 0x0303, 0xc013, false, "AES-128-CBC", "SHA1" },
	{ 0x0303, 0xc027, true, "AES-128-CBC", "SHA256" },
	{ 0x0303, 0xc028, true, "AES-256-CBC", "SHA384" },
	{ 0x0303, 0xc028, false, "AES-256-CBC", "SHA384" },
	{ 0x0303, 0xc076, false, "CAMELLIA-128-CBC", "SHA256" },
	{ 0x0303, 0x0088, true, "CAMELLIA-256-CBC", "SHA1" },
	{ 0x0303, 0xc03c, false, "ARIA-128-CBC", "SHA256" },
	{ 0x0302, 0x000a, false, "DES-EDE3-CBC", "SHA1" },
	{ 0x0302, 0x0035, true, "AES-256-CBC", "SHA1" },
	{ 0x0301, 0x002f, false, "AES-128-CBC", "SHA1" },
	{ 0x0301, 0x000a, true, "DES-EDE3-CBC", "SHA1" },
	{ 0x0301, 0x0005, false, "RC4", "SHA1" },
	{ 0x0301, 0x0004, false, "RC4", "MD5" },
	{ 0x0303, 0x003b, false, NULL, "SHA256" },
	{ 0x0302, 0x0002, false, NULL, "SHA1" },
	{ 0xfefd, 0xc02b, false, "AES-128-GCM", NULL },
	{ 0xfeff, 0x002f, false, "AES-128-CBC", "SHA1" },
};

static const uint8_t master[48] = "forty-eight bytes of a master secret, no more.";
static const uint8_t client_random[32] = "the client's random", server_random[32] = "the server's";

static struct session session_of(size_t which)
{
	return (struct session){ .version = suites[which].version, .suite = suites[which].suite,
				 .encrypt_then_mac = suites[which].encrypt_then_mac,
				 .client_random = client_random, .server_random = server_random };
}

static void pseudo_header(uint8_t out[13], uint64_t number, uint8_t type, uint16_t version, size_t len)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(number >> 8 * (7 - i));
	out[8] = type;
	out[9] = (uint8_t)(version >> 8);
	out[10] = (uint8_t)version;
	out[11] = (uint8_t)(len >> 8);
	out[12] = (uint8_t)len;
}

static size_t seal_aead(size_t which, const struct record_keys *k, struct bytes content,
			uint8_t *out)
{
	bool ccm = strstr(suites[which].cipher, "CCM"), chacha = strstr(suites[which].cipher, "ChaCha");
	int tag = (int)aead_tag_len(k->aead), n;
	uint8_t nonce[12], header[13];
	size_t explicit_len = chacha ? 0 : 8;

	pseudo_header(header, k->number, 22, suites[which].version, content.len);
	if (chacha) {
		aead_nonce(k->iv, k->number, nonce);
	} else {
		memcpy(nonce, k->iv, 4);
		memcpy(nonce + 4, "explicit", 8);
		memcpy(out, "explicit", 8);
	}
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, suites[which].cipher, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex2(x, cipher, NULL, NULL, NULL);
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL);
	if (ccm)
		EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, tag, NULL);
	EVP_EncryptInit_ex2(x, NULL, k->key, nonce, NULL);
	if (ccm)
		EVP_EncryptUpdate(x, NULL, &n, NULL, (int)content.len);
	EVP_EncryptUpdate(x, NULL, &n, header, sizeof header);
	EVP_EncryptUpdate(x, out + explicit_len, &n, content.at, (int)content.len);
	EVP_EncryptFinal_ex(x, out + explicit_len + content.len, &n);
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, tag, out + explicit_len + content.len);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(cipher);
	return explicit_len + content.len + (size_t)tag;
}

static size_t add_mac(size_t which, const struct record_keys *k, uint8_t *at, size_t len)
{
	const EVP_MD *md = EVP_get_digestbyname(suites[which].mac);
	uint8_t whole[13 + 256];

	pseudo_header(whole, k->number, 22, suites[which].version, len);
	memcpy(whole + 13, at, len);
	HMAC(md, k->mac, EVP_MD_get_size(md), whole, 13 + len, at + len, NULL);
	return len + (size_t)EVP_MD_get_size(md);
}

static size_t seal_cbc(size_t which, const struct record_keys *k, struct bytes content, uint8_t *out)
{
	size_t block = block_len(k->block), iv_len = k->explicit_iv ? block : 0;
	uint8_t plain[256], iv[16];
	size_t len = content.len;
	int n;

	memcpy(plain, content.at, len);
	if (!suites[which].encrypt_then_mac)
		len = add_mac(which, k, plain, len);
	uint8_t padding = (uint8_t)(block - 1 - len % block);
	memset(plain + len, padding, padding + 1u);
	len += padding + 1u;
	memcpy(iv, k->explicit_iv ? (const uint8_t *)"an iv, explicit." : k->iv, block);
	memcpy(out, iv, iv_len);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, suites[which].cipher, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex2(x, cipher, k->key, iv, NULL);
	EVP_CIPHER_CTX_set_padding(x, 0);
	EVP_EncryptUpdate(x, out + iv_len, &n, plain, (int)len);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(cipher);
	len += iv_len;
	return suites[which].encrypt_then_mac ? add_mac(which, k, out, len) : len;
}

static size_t seal(size_t which, const struct record_keys *k, struct rc4 *stream,
		   struct bytes content, uint8_t *out)
{
	if (!suites[which].mac)
		return seal_aead(which, k, content, out);
	if (suites[which].cipher && strcmp(suites[which].cipher, "RC4"))
		return seal_cbc(which, k, content, out);
	memcpy(out, content.at, content.len);
	size_t len = add_mac(which, k, out, content.len);
	if (suites[which].cipher)
		rc4_apply(stream, (struct bytes){ out, len }, out);
	return len;
}

static const struct bytes content = { (const uint8_t *)"\x14\0\0\x0ctwelve bytes", 16 };

static void every_suite_opens_what_openssl_sealed(void **state)
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		struct session s = session_of(i);
		struct record_keys k[2];
		uint8_t sealed[256], room[256];
		struct opened_record out;
		struct rc4 stream = { 0 };

		assert_true(keys_from_master(*state, &s, (struct bytes){ master, 48 }, k));
		if (k[0].rc4)
			stream = *k[0].rc4;
		/* Three in a row: numbers, chained blocks and streams go on. */
		for (int n = 0; n < 3; n++) {
			size_t len = seal(i, &k[0], &stream, content, sealed);
			struct sealed_record r = { .type = 22, .version = suites[i].version,
						   .body = { sealed, len } };

			if (n == 1) {
				record_skip(&k[0], r.body, len);
				continue;
			}
			assert_true(record_open(*state, &k[0], &r, room, &out));
			assert_int_equal(out.type, 22);
			assert_int_equal(out.content.len, content.len);
			assert_memory_equal(out.content.at, content.at, content.len);
		}
		record_keys_finish(&k[0]);
		record_keys_finish(&k[1]);
	}
}

static void no_suite_opens_what_is_changed_or_cut(void **state)
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		struct session s = session_of(i);
		struct record_keys k[2];
		uint8_t sealed[256], room[256];
		struct opened_record out;
		struct rc4 stream = { 0 };

		assert_true(keys_from_master(*state, &s, (struct bytes){ master, 48 }, k));
		if (k[0].rc4)
			stream = *k[0].rc4;
		size_t len = seal(i, &k[0], &stream, content, sealed);
		struct sealed_record r = { .type = 22, .version = suites[i].version, .body = { sealed, len } };
		for (size_t at = 0; at < len; at++) {
			sealed[at] ^= 1;
			assert_false(record_open(*state, &k[0], &r, room, &out));
			sealed[at] ^= 1;
		}
		for (r.body.len = 0; r.body.len < len; r.body.len++)
			assert_false(record_open(*state, &k[0], &r, room, &out));
		/* Untouched by all that: it opens still. */
		assert_true(record_open(*state, &k[0], &r, room, &out));
		assert_false(record_open(*state, &k[1], &r, room, &out));
		record_keys_finish(&k[0]);
		record_keys_finish(&k[1]);
	}
}

static void a_suite_that_is_not_known_gives_no_keys(void **state)
{
	struct session s = session_of(0);
	struct record_keys k[2];

	s.suite = 0x1301;
	assert_false(keys_from_master(*state, &s, (struct bytes){ master, 48 }, k));
	s.suite = 0xffee;
	assert_false(keys_from_master(*state, &s, (struct bytes){ master, 48 }, k));
	assert_int_equal(k[0].protection, PROTECTION_NONE);
}

/* RFC 5246 sections 5 and 8.1, written out with HMAC. */
static void a_master_secret_follows_from_the_premaster_secret(void **state)
{
	struct session s = session_of(0);
	uint8_t seed[13 + 64], a[2][32], block[32 + 77], expected[64], got[48];
	static const uint8_t premaster[48] = { 3, 3, 1, 2, 3 };

	memcpy(seed, "master secret", 13);
	memcpy(seed + 13, client_random, 32);
	memcpy(seed + 45, server_random, 32);
	HMAC(EVP_sha256(), premaster, 48, seed, sizeof seed, a[0], NULL);
	HMAC(EVP_sha256(), premaster, 48, a[0], 32, a[1], NULL);
	for (int i = 0; i < 2; i++) {
		memcpy(block, a[i], 32);
		memcpy(block + 32, seed, sizeof seed);
		HMAC(EVP_sha256(), premaster, 48, block, sizeof block, expected + 32 * i, NULL);
	}
	assert_true(keys_master(*state, &s, (struct bytes){ premaster, 48 }, got));
	assert_memory_equal(got, expected, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_keys_are_those_of_rfc_8448),
		cmocka_unit_test(the_finished_of_rfc_8448_opens),
		cmocka_unit_test(the_alert_of_rfc_8448_opens_as_the_second_record_only),
		cmocka_unit_test(a_secret_of_another_length_than_its_hash_gives_no_keys),
		cmocka_unit_test(an_update_changes_key_and_starts_counting_anew),
		cmocka_unit_test(every_suite_opens_what_openssl_sealed),
		cmocka_unit_test(no_suite_opens_what_is_changed_or_cut),
		cmocka_unit_test(a_suite_that_is_not_known_gives_no_keys),
		cmocka_unit_test(a_master_secret_follows_from_the_premaster_secret),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
