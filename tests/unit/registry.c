#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/registry.h"

#include "overhear/handshake.h"

#include <string.h>

static const char *name_of(enum registry_kind kind, uint32_t code)
{
	static char room[16];

	return registry_name(kind, code, room);
}

static void known_numbers_have_their_registered_names(void **state)
{
	static const struct {
		enum registry_kind kind;
		uint32_t code;
		const char *name;
	} known[] = {
		{ REGISTRY_VERSION, 0x0304, "TLS 1.3" },
		{ REGISTRY_VERSION, 0x0002, "SSL 2.0" },
		{ REGISTRY_VERSION, 0xfefd, "DTLS 1.2" },
		{ REGISTRY_VERSION, 0x7f1c, "TLS 1.3 draft 28" },
		{ REGISTRY_CIPHER, 0x0000, "TLS_NULL_WITH_NULL_NULL" },
		{ REGISTRY_CIPHER, 0x1301, "TLS_AES_128_GCM_SHA256" },
		{ REGISTRY_CIPHER, 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
		{ REGISTRY_CIPHER, 0xd005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256" },
		{ REGISTRY_CIPHER, 0x080080, "SSL_CK_RC4_64_WITH_MD5" },
		{ REGISTRY_GROUP, 29, "x25519" },
		{ REGISTRY_GROUP, 4588, "X25519MLKEM768" },
		{ REGISTRY_GROUP, 25497, "X25519Kyber768Draft00" },
		{ REGISTRY_SIGNATURE_SCHEME, 0x0403, "ecdsa_secp256r1_sha256" },
		{ REGISTRY_SIGNATURE_SCHEME, 0x0301, "rsa_sha224" },
		{ REGISTRY_SIGNATURE_SCHEME, 0x0202, "dsa_sha1" },
		{ REGISTRY_SIGNATURE_SCHEME, 0x0905, "mldsa65" },
		{ REGISTRY_EXTENSION, 0, "server_name" },
		{ REGISTRY_EXTENSION, 16, "application_layer_protocol_negotiation" },
		{ REGISTRY_EXTENSION, 65037, "encrypted_client_hello" },
		{ REGISTRY_EXTENSION, 65281, "renegotiation_info" },
		{ REGISTRY_ALERT, 0, "close_notify" },
		{ REGISTRY_ALERT, 48, "unknown_ca" },
		{ REGISTRY_ALERT, 121, "ech_required" },
		{ REGISTRY_MESSAGE, 1, "client_hello" },
		{ REGISTRY_MESSAGE, 20, "finished" },
		{ REGISTRY_COMPRESSION, 64, "LZS" },
		{ REGISTRY_PSK_MODE, 1, "psk_dhe_ke" },
		{ REGISTRY_CERTIFICATE_COMPRESSION, 2, "brotli" },
		{ REGISTRY_ALERT_LEVEL, 2, "fatal" },
		{ REGISTRY_QUIC_VERSION, 1, "v1" },
		{ REGISTRY_QUIC_VERSION, 0x6b3343cf, "v2" },
		{ REGISTRY_QUIC_VERSION, 0xff00001d, "draft-29" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_string_equal(name_of(known[i].kind, known[i].code), known[i].name);
}

static void our_own_message_types_have_names(void **state)
{
	(void)state;
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_HELLO_RETRY_REQUEST),
			    "hello_retry_request");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_CHANGE_CIPHER_SPEC),
			    "change_cipher_spec");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_ALERT), "alert");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_ENCRYPTED), "encrypted");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_SSL2_CLIENT_HELLO), "client_hello");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_SSL2_SERVER_HELLO), "server_hello");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_ENCRYPTED_ALERT), "encrypted");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_APPLICATION_DATA),
			    "application_data");
	assert_string_equal(name_of(REGISTRY_MESSAGE, MESSAGE_HEARTBEAT), "heartbeat");
}

static void a_number_without_a_name_is_printed(void **state)
{
	(void)state;
	assert_string_equal(name_of(REGISTRY_CIPHER, 0x1234), "0x1234");
	assert_string_equal(name_of(REGISTRY_CIPHER, 0x0f0080), "0xf0080");
	assert_string_equal(name_of(REGISTRY_ALERT, 2), "0x0002");
	assert_string_equal(name_of(REGISTRY_QUIC_VERSION, 0x00abcdef), "0x00abcdef");
	assert_string_equal(name_of(REGISTRY_GROUP, UINT32_MAX), "0xffffffff");
}

static void grease_is_known_where_it_is_sown(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 16; n++) {
		uint32_t code = 0x0a0a + n * 0x1010;

		assert_string_equal(name_of(REGISTRY_CIPHER, code), "GREASE");
		assert_string_equal(name_of(REGISTRY_GROUP, code), "GREASE");
		assert_string_equal(name_of(REGISTRY_EXTENSION, code), "GREASE");
		assert_string_equal(name_of(REGISTRY_VERSION, code), "GREASE");
		assert_string_equal(name_of(REGISTRY_SIGNATURE_SCHEME, code), "GREASE");
	}
	/* RFC 8701 section 2 */
	for (uint32_t mode = 0x0b; mode <= 0xe4; mode += 0x1f)
		assert_string_equal(name_of(REGISTRY_PSK_MODE, mode), "GREASE");
}

static void what_only_looks_like_grease_is_not(void **state)
{
	(void)state;
	assert_string_equal(name_of(REGISTRY_CIPHER, 0x0a1a), "0x0a1a");
	assert_string_equal(name_of(REGISTRY_CIPHER, 0x0b0b), "0x0b0b");
	assert_string_equal(name_of(REGISTRY_CIPHER, 0x1a0a1a), "0x1a0a1a");
	assert_string_equal(name_of(REGISTRY_ALERT, 0x0a0a), "0x0a0a");
	assert_string_equal(name_of(REGISTRY_PSK_MODE, 0x103), "0x0103");
}

static void every_entry_is_in_order_and_found_by_its_code(void **state)
{
	(void)state;
	for (enum registry_kind kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
		size_t count;
		const struct registry_entry *entries = registry_entries(kind, &count);

		assert_true(count > 0);
		for (size_t i = 0; i < count; i++) {
			assert_true(i == 0 || entries[i - 1].code < entries[i].code);
			assert_ptr_equal(registry_find(kind, entries[i].code), &entries[i]);
		}
	}
}

static void every_entry_says_what_it_means_and_where_that_stands(void **state)
{
	(void)state;
	for (enum registry_kind kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
		size_t count;
		const struct registry_entry *entries = registry_entries(kind, &count);

		for (size_t i = 0; i < count; i++) {
			assert_true(strlen(entries[i].name) > 0);
			assert_true(strlen(entries[i].reference) > 0);
			assert_true(strlen(entries[i].meaning) > 20);
			assert_int_equal(entries[i].meaning[strlen(entries[i].meaning) - 1], '.');
		}
	}
}

static void every_kind_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (enum registry_kind a = 0; a < REGISTRY_KIND_COUNT; a++)
		for (enum registry_kind b = 0; b < a; b++)
			assert_string_not_equal(registry_kind_name(a), registry_kind_name(b));
}

static void every_cipher_is_a_suite_and_every_group_a_group(void **state)
{
	size_t count;
	const struct registry_entry *entries = registry_entries(REGISTRY_CIPHER, &count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_non_null(registry_suite(entries[i].code));
		assert_int_equal(registry_suite(entries[i].code)->code, entries[i].code);
	}
	entries = registry_entries(REGISTRY_GROUP, &count);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(registry_group(entries[i].code));
		assert_int_equal(registry_group(entries[i].code)->code, entries[i].code);
	}
	assert_null(registry_suite(0x0a0a));
	assert_null(registry_group(0x0a0a));
}

static void a_suite_is_made_of_what_its_name_says(void **state)
{
	static const struct suite expected[] = {
		{ 0x0005, KEY_EXCHANGE_RSA, "RSA", "RC4_128", "SHA", 128, SUITE_RC4 },
		{ 0x0014, KEY_EXCHANGE_DHE, "RSA", "DES40_CBC", "SHA", 40,
		  SUITE_FORWARD_SECRET | SUITE_EXPORT | SUITE_DES | SUITE_CBC },
		{ 0x0018, KEY_EXCHANGE_ANONYMOUS, "anonymous", "RC4_128", "MD5", 128,
		  SUITE_FORWARD_SECRET | SUITE_ANONYMOUS | SUITE_RC4 | SUITE_MD5 },
		{ 0x002c, KEY_EXCHANGE_PSK, "PSK", "NULL", "SHA", 0, SUITE_NULL },
		{ 0x00ad, KEY_EXCHANGE_RSA_PSK, "PSK", "AES_256_GCM", "SHA384", 256,
		  SUITE_AEAD | SUITE_SHA384 },
		{ 0x00ff, 0, "", "", "", 0, SUITE_SIGNALLING },
		{ 0x1302, 0, "", "AES_256_GCM", "SHA384", 256,
		  SUITE_AEAD | SUITE_FORWARD_SECRET | SUITE_TLS13 | SUITE_SHA384 },
		{ 0x1305, 0, "", "AES_128_CCM_8", "SHA256", 128,
		  SUITE_AEAD | SUITE_FORWARD_SECRET | SUITE_TLS13 | SUITE_CCM | SUITE_CCM_8 },
		{ 0xc004, KEY_EXCHANGE_ECDH, "ECDSA", "AES_128_CBC", "SHA", 128, SUITE_CBC },
		{ 0xc012, KEY_EXCHANGE_ECDHE, "RSA", "3DES_EDE_CBC", "SHA", 168,
		  SUITE_FORWARD_SECRET | SUITE_3DES | SUITE_CBC },
		{ 0xc0ae, KEY_EXCHANGE_ECDHE, "ECDSA", "AES_128_CCM_8", "SHA256", 128,
		  SUITE_AEAD | SUITE_FORWARD_SECRET | SUITE_CCM | SUITE_CCM_8 },
		{ 0xcca8, KEY_EXCHANGE_ECDHE, "RSA", "CHACHA20_POLY1305", "SHA256", 256,
		  SUITE_AEAD | SUITE_FORWARD_SECRET | SUITE_CHACHA20 },
		{ 0xe013, 0, "SM2", "SM4_CBC", "SM3", 128, SUITE_CBC },
		{ 0x020080, KEY_EXCHANGE_RSA, "RSA", "RC4_128_EXPORT40", "MD5", 40,
		  SUITE_EXPORT | SUITE_RC4 | SUITE_MD5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		const struct suite *suite = registry_suite(expected[i].code);

		assert_non_null(suite);
		assert_int_equal(suite->key_exchange, expected[i].key_exchange);
		assert_string_equal(suite->authentication, expected[i].authentication);
		assert_string_equal(suite->encryption, expected[i].encryption);
		assert_string_equal(suite->mac, expected[i].mac);
		assert_int_equal(suite->key_bits, expected[i].key_bits);
		assert_int_equal(suite->flags, expected[i].flags);
	}
}

/* Said twice, once by the flags and once by the name: the two must agree for every suite. */
static void flags_and_names_of_suites_agree(void **state)
{
	static const struct {
		uint32_t flag;
		const char *part;
	} pairs[] = {
		{ SUITE_EXPORT, "EXPORT" }, { SUITE_ANONYMOUS, "_anon_" }, { SUITE_RC4, "RC4_" },
		{ SUITE_MD5, "_MD5" }, { SUITE_CCM, "_CCM" }, { SUITE_CCM_8, "_CCM_8" },
		{ SUITE_CHACHA20, "CHACHA20" }, { SUITE_SHA384, "_SHA384" },
		{ SUITE_SIGNALLING, "_SCSV" },
	};
	size_t count;
	const struct registry_entry *entries = registry_entries(REGISTRY_CIPHER, &count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		uint32_t flags = registry_suite(entries[i].code)->flags;

		for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
			assert_int_equal((flags & pairs[p].flag) != 0,
					 strstr(entries[i].name, pairs[p].part) != NULL);
	}
}

static void the_strength_of_a_group_is_known(void **state)
{
	static const struct group expected[] = {
		{ 1, GROUP_ELLIPTIC, 163, true, false },		/* sect163k1 */
		{ 14, GROUP_ELLIPTIC, 571, true, false },		/* sect571r1: withdrawn */
		{ 19, GROUP_ELLIPTIC, 192, true, false },		/* secp192r1 */
		{ 21, GROUP_ELLIPTIC, 224, false, false },		/* secp224r1 */
		{ 23, GROUP_ELLIPTIC, 256, false, false },		/* secp256r1 */
		{ 256, GROUP_FINITE_FIELD, 2048, false, false },	/* ffdhe2048 */
		{ 513, GROUP_ML_KEM, 0, false, true },			/* MLKEM768 */
		{ 4588, GROUP_HYBRID, 255, false, true },		/* X25519MLKEM768 */
		{ 0xff01, GROUP_ELLIPTIC, 0, true, false },		/* explicit curves */
	};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		const struct group *group = registry_group(expected[i].code);

		assert_non_null(group);
		assert_int_equal(group->family, expected[i].family);
		assert_int_equal(group->bits, expected[i].bits);
		assert_int_equal(group->weak, expected[i].weak);
		assert_int_equal(group->post_quantum, expected[i].post_quantum);
	}
}

static void the_meaning_of_a_suite_says_whether_it_is_sound(void **state)
{
	(void)state;
	const char *rsa_rc4 = registry_find(REGISTRY_CIPHER, 0x0005)->meaning;
	const char *rsa_gcm = registry_find(REGISTRY_CIPHER, 0x009c)->meaning;
	const char *ecdhe_gcm = registry_find(REGISTRY_CIPHER, 0xc02f)->meaning;

	assert_non_null(strstr(rsa_rc4, "weak: RC4 is broken"));
	assert_non_null(strstr(rsa_gcm, "not forward secret"));
	assert_null(strstr(rsa_gcm, "weak"));
	assert_non_null(strstr(ecdhe_gcm, "; forward secret."));
	assert_null(strstr(ecdhe_gcm, "weak"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_numbers_have_their_registered_names),
		cmocka_unit_test(our_own_message_types_have_names),
		cmocka_unit_test(a_number_without_a_name_is_printed),
		cmocka_unit_test(grease_is_known_where_it_is_sown),
		cmocka_unit_test(what_only_looks_like_grease_is_not),
		cmocka_unit_test(every_entry_is_in_order_and_found_by_its_code),
		cmocka_unit_test(every_entry_says_what_it_means_and_where_that_stands),
		cmocka_unit_test(every_kind_has_a_word_of_its_own),
		cmocka_unit_test(every_cipher_is_a_suite_and_every_group_a_group),
		cmocka_unit_test(a_suite_is_made_of_what_its_name_says),
		cmocka_unit_test(flags_and_names_of_suites_agree),
		cmocka_unit_test(the_strength_of_a_group_is_known),
		cmocka_unit_test(the_meaning_of_a_suite_says_whether_it_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
