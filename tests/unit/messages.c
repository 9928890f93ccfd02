#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/hello.h"
#include "dissectors/messages.h"
#include "tests/unit/wire.h"

#include <openssl/bn.h>
#include <openssl/dh.h>
#include <openssl/evp.h>

enum { TLS12 = 0x0303, TLS10 = 0x0301, TLS13 = 0x0304 };
enum {
	ECDHE_RSA = 0xc02f,
	DHE_RSA = 0x009e,
	ECDHE_PSK = 0xc037,
	PSK = 0x00a8,
	ECDH_ANON = 0xc018,
	DH_ANON = 0x00a6,
	STATIC_RSA = 0x009c
};

/* ---- ServerKeyExchange ---- */

static const uint8_t curve[] = { 3, 0, 29, 2, 9, 9 }; /* named_curve, x25519, a key of two bytes */
static const uint8_t signature[] = { 4, 1, 0, 1,
				     7 }; /* rsa_pkcs1_sha256, a signature of one byte */

static struct server_key_exchange parsed(uint16_t cipher, uint16_t version,
					 const struct buffer *body)
{
	struct server_key_exchange out;

	assert_true(server_key_exchange_parse(buffer_bytes(body), cipher, version, &out));
	return out;
}

static void an_elliptic_one_names_its_curve_and_since_tls12_its_signature(void **state)
{
	struct buffer body = { 0 };

	(void)state;
	buffer_add(&body, curve, sizeof curve);
	buffer_add(&body, signature, sizeof signature);
	struct server_key_exchange new = parsed(ECDHE_RSA, TLS12, &body),
				   old = parsed(ECDHE_RSA, TLS10, &body);
	assert_int_equal(new.named_group, 29);
	assert_int_equal(new.signature_scheme, 0x0401);
	assert_int_equal(new.dh_bits, -1);
	assert_int_equal(old.named_group, 29);
	assert_int_equal(old.signature_scheme, -1);
	buffer_finish(&body);
}

static void a_hint_stands_before_the_curve_of_a_psk(void **state)
{
	struct buffer body = { 0 };

	(void)state;
	wire_vec(&body, 2, "hint", 4);
	buffer_add(&body, curve, sizeof curve);
	assert_int_equal(parsed(ECDHE_PSK, TLS12, &body).named_group, 29);
	buffer_finish(&body);
}

static void nobody_signs_for_an_anonymous_server(void **state)
{
	struct buffer body = { 0 };

	(void)state;
	buffer_add(&body, curve, sizeof curve);
	buffer_add(&body, signature, sizeof signature);
	struct server_key_exchange out = parsed(ECDH_ANON, TLS12, &body);
	assert_int_equal(out.named_group, 29);
	assert_int_equal(out.signature_scheme, -1);
	buffer_finish(&body);
}

static void add_prime(struct buffer *body, const void *prime, size_t len)
{
	wire_vec(body, 2, prime, len);
	wire_vec(body, 2, "\2", 1);
	wire_vec(body, 2, "\5", 1);
}

static void a_primes_bits_are_counted_without_its_leading_zeros(void **state)
{
	static const uint8_t prime[] = { 0, 0, 0x05, 0xff }; /* 3 + 8 bits */
	struct buffer body = { 0 };

	(void)state;
	add_prime(&body, prime, sizeof prime);
	struct server_key_exchange out = parsed(DH_ANON, TLS12, &body);
	assert_int_equal(out.dh_bits, 11);
	assert_int_equal(out.named_group, -1);
	buffer_finish(&body);
}

static size_t known_prime(const char *name, uint8_t *out, size_t room)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *parameters = NULL;
	BIGNUM *p = NULL;

	assert_true(EVP_PKEY_paramgen_init(context) > 0);
	assert_true(EVP_PKEY_CTX_set_group_name(context, name) > 0);
	assert_true(EVP_PKEY_paramgen(context, &parameters) > 0);
	assert_true(EVP_PKEY_get_bn_param(parameters, "p", &p));
	assert_true((size_t)BN_num_bytes(p) <= room);
	size_t len = (size_t)BN_bn2bin(p, out);
	BN_free(p);
	EVP_PKEY_free(parameters);
	EVP_PKEY_CTX_free(context);
	return len;
}

static void the_primes_of_rfc7919_are_known_by_name(void **state)
{
	static const struct {
		const char *name;
		int32_t group, bits;
	} known[] = {
		{ "ffdhe2048", 0x100, 2048 }, { "ffdhe3072", 0x101, 3072 },
		{ "ffdhe4096", 0x102, 4096 }, { "ffdhe6144", 0x103, 6144 },
		{ "ffdhe8192", 0x104, 8192 }, { "modp_2048", -1, 2048 },
	};
	uint8_t prime[1024];

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t len = known_prime(known[i].name, prime, sizeof prime);
		struct buffer body = { 0 };

		add_prime(&body, prime, len);
		buffer_add(&body, signature, sizeof signature);
		struct server_key_exchange out = parsed(DHE_RSA, TLS12, &body);
		assert_int_equal(out.named_group, known[i].group);
		assert_int_equal(out.dh_bits, known[i].bits);
		assert_int_equal(out.signature_scheme, 0x0401);
		/* One bit makes it somebody's own. */
		body.at[2 + 100] ^= 1;
		assert_int_equal(parsed(DHE_RSA, TLS12, &body).named_group, -1);
		buffer_finish(&body);
	}
}

static void a_cut_key_exchange_fails(void **state)
{
	static const uint8_t prime[] = { 5, 0xff };
	struct server_key_exchange out;
	struct buffer body = { 0 };

	(void)state;
	add_prime(&body, prime, sizeof prime);
	for (size_t cut = 0; cut < body.len; cut++)
		assert_false(server_key_exchange_parse((struct bytes){ body.at, cut }, DHE_RSA,
						       TLS12, &out));
	for (size_t cut = 0; cut < sizeof curve; cut++)
		assert_false(server_key_exchange_parse((struct bytes){ curve, cut }, ECDHE_RSA,
						       TLS12, &out));
	buffer_finish(&body);
}

static void explicit_curves_and_suites_without_a_key_exchange_give_nothing(void **state)
{
	static const uint8_t explicit_prime[] = { 1, 0, 29, 1, 9 };
	struct server_key_exchange out;

	(void)state;
	assert_false(server_key_exchange_parse(
		(struct bytes){ explicit_prime, sizeof explicit_prime }, ECDHE_RSA, TLS12, &out));
	assert_false(server_key_exchange_parse((struct bytes){ curve, sizeof curve }, STATIC_RSA,
					       TLS12, &out));
	assert_false(server_key_exchange_parse((struct bytes){ curve, sizeof curve }, 0xfefe, TLS12,
					       &out));
	assert_int_equal(out.named_group, -1);
}

/* ---- CertificateStatus and timestamps ---- */

static void a_staple_is_the_response_of_the_leaf(void **state)
{
	static const uint8_t one[] = { 1, 0, 0, 2, 0x30, 0 };
	static const uint8_t many[] = { 2, 0, 0, 9, 0, 0, 2, 0x30, 0, 0, 0, 1, 0x31 };
	struct bytes response;

	(void)state;
	assert_true(certificate_status_parse((struct bytes){ one, sizeof one }, &response));
	assert_int_equal(response.len, 2);
	assert_ptr_equal(response.at, one + 4);
	assert_true(certificate_status_parse((struct bytes){ many, sizeof many }, &response));
	assert_int_equal(response.len, 2);
	assert_ptr_equal(response.at, many + 7);
	for (size_t cut = 0; cut < sizeof one; cut++)
		assert_false(certificate_status_parse((struct bytes){ one, cut }, &response));
}

static void an_empty_or_unknown_staple_is_none(void **state)
{
	static const uint8_t empty[] = { 1, 0, 0, 0 }, unknown[] = { 3, 0, 0, 1, 9 };
	struct bytes response;

	(void)state;
	assert_false(certificate_status_parse((struct bytes){ empty, sizeof empty }, &response));
	assert_false(
		certificate_status_parse((struct bytes){ unknown, sizeof unknown }, &response));
	assert_null(response.at);
}

static void timestamps_are_counted(void **state)
{
	static const uint8_t two[] = { 0, 7, 0, 1, 9, 0, 2, 9, 9 };

	(void)state;
	assert_int_equal(sct_list_count((struct bytes){ two, sizeof two }), 2);
	assert_int_equal(sct_list_count((struct bytes){ (const uint8_t *)"\0\0", 2 }), 0);
	for (size_t cut = 0; cut < sizeof two; cut++)
		assert_int_equal(sct_list_count((struct bytes){ two, cut }), -1);
}

static void a_certificates_extensions_carry_staple_and_timestamps(void **state)
{
	struct buffer extensions = { 0 }, list = { 0 };
	struct certificate_entry entry;

	(void)state;
	wire_extension(&extensions, EXTENSION_STATUS_REQUEST, "\1\0\0\2\x30\0", 6);
	wire_extension(&extensions, EXTENSION_SCT, "\0\3\0\1\11", 5);
	wire_vec(&list, 3, "\x30\0", 2);
	wire_vec(&list, 2, extensions.at, extensions.len);
	certificate_entry_parse(buffer_bytes(&list), &entry);
	assert_int_equal(entry.ocsp_response.len, 2);
	assert_int_equal(sct_list_count(entry.scts), 1);
	/* The second certificate's are not the leaf's. */
	buffer_clear(&list);
	wire_vec(&list, 3, "\x30\0", 2);
	wire_vec(&list, 2, "", 0);
	wire_vec(&list, 3, "\x30\0", 2);
	wire_vec(&list, 2, extensions.at, extensions.len);
	certificate_entry_parse(buffer_bytes(&list), &entry);
	assert_null(entry.ocsp_response.at);
	assert_null(entry.scts.at);
	buffer_finish(&extensions);
	buffer_finish(&list);
}

/* ---- NewSessionTicket ---- */

static void a_ticket_tells_its_lifetime(void **state)
{
	static const uint8_t old[] = { 0, 0, 0x1c, 0x20, 0, 2, 7, 8 };
	static const uint8_t new[] = { 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 0, 0, 2, 7, 8, 0, 0 };
	struct new_session_ticket t;

	(void)state;
	assert_true(new_session_ticket_parse((struct bytes){ old, sizeof old }, false, &t));
	assert_int_equal(t.lifetime_s, 7200);
	assert_int_equal(t.ticket.len, 2);
	assert_true(new_session_ticket_parse((struct bytes){ new, sizeof new }, true, &t));
	assert_int_equal(t.lifetime_s, 7200);
	assert_ptr_equal(t.ticket.at, new + 12);
	for (size_t cut = 0; cut < sizeof old; cut++)
		assert_false(new_session_ticket_parse((struct bytes){ old, cut }, false, &t));
}

/* ---- CertificateRequest ---- */

static void the_schemes_and_authorities_asked_for_become_lists(void **state)
{
	static const uint8_t body[] = { 1, 1, 0, 4, 4, 3, 8, 4, 0, 4, 0, 2, 0x30, 0 };
	struct buffer key = { 0 };

	(void)state;
	assert_true(certificate_request_key((struct bytes){ body, sizeof body }, TLS12, &key));
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_int_equal(h->offers[OFFER_SIGNATURE_SCHEME].count, 2);
	assert_int_equal(h->offers[OFFER_SIGNATURE_SCHEME].codes[1], 0x0804);
	assert_int_equal(h->offers[OFFER_CERTIFICATE_AUTHORITY].count, 1);
	assert_int_equal(h->offers[OFFER_CERTIFICATE_AUTHORITY].names[0].len, 2);
	hello_free(h);
	for (size_t cut = 0; cut < sizeof body; cut++)
		assert_false(certificate_request_key((struct bytes){ body, cut }, TLS12, &key));
	buffer_finish(&key);
}

static void before_tls12_no_schemes_are_asked_for(void **state)
{
	static const uint8_t body[] = { 1, 1, 0, 4, 0, 2, 0x30, 0 };
	struct buffer key = { 0 };

	(void)state;
	assert_true(certificate_request_key((struct bytes){ body, sizeof body }, TLS10, &key));
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_false(h->offers[OFFER_SIGNATURE_SCHEME].seen);
	assert_int_equal(h->offers[OFFER_CERTIFICATE_AUTHORITY].count, 1);
	hello_free(h);
	buffer_finish(&key);
}

static void since_tls13_the_lists_are_extensions(void **state)
{
	struct buffer extensions = { 0 }, body = { 0 }, key = { 0 };

	(void)state;
	wire_extension(&extensions, EXTENSION_SIGNATURE_ALGORITHMS, "\0\2\4\3", 4);
	wire_extension(&extensions, 0x1234, "odd", 3);
	wire_extension(&extensions, EXTENSION_CERTIFICATE_AUTHORITIES, "\0\4\0\2\x30\0", 6);
	wire_vec(&body, 1, "c", 1);
	wire_vec(&body, 2, extensions.at, extensions.len);
	assert_true(certificate_request_key(buffer_bytes(&body), TLS13, &key));
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_int_equal(h->offers[OFFER_SIGNATURE_SCHEME].codes[0], 0x0403);
	assert_int_equal(h->offers[OFFER_CERTIFICATE_AUTHORITY].count, 1);
	hello_free(h);
	assert_false(certificate_request_key((struct bytes){ body.at, body.len - 1 }, TLS13, &key));
	buffer_finish(&extensions);
	buffer_finish(&body);
	buffer_finish(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_elliptic_one_names_its_curve_and_since_tls12_its_signature),
		cmocka_unit_test(a_hint_stands_before_the_curve_of_a_psk),
		cmocka_unit_test(nobody_signs_for_an_anonymous_server),
		cmocka_unit_test(a_primes_bits_are_counted_without_its_leading_zeros),
		cmocka_unit_test(the_primes_of_rfc7919_are_known_by_name),
		cmocka_unit_test(a_cut_key_exchange_fails),
		cmocka_unit_test(explicit_curves_and_suites_without_a_key_exchange_give_nothing),
		cmocka_unit_test(a_staple_is_the_response_of_the_leaf),
		cmocka_unit_test(an_empty_or_unknown_staple_is_none),
		cmocka_unit_test(timestamps_are_counted),
		cmocka_unit_test(a_certificates_extensions_carry_staple_and_timestamps),
		cmocka_unit_test(a_ticket_tells_its_lifetime),
		cmocka_unit_test(the_schemes_and_authorities_asked_for_become_lists),
		cmocka_unit_test(before_tls12_no_schemes_are_asked_for),
		cmocka_unit_test(since_tls13_the_lists_are_extensions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
