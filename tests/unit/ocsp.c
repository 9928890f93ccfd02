#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/ocsp.h"

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { THIS_UPDATE = 1700000000, NEXT_UPDATE = 1700086400 };

/* SignedCertificateTimestampList of two: version, 32 bytes of log id, time, no extensions, then a
 * signature of one byte. */
static void two_scts(uint8_t list[2 + 2 * 50])
{
	memset(list, 0, 2 + 2 * 50);
	list[1] = 2 * 50;
	for (int i = 0; i < 2; i++) {
		uint8_t *at = list + 2 + i * 50;

		at[1] = 48;
		at[2 + 43] = 4; /* SHA-256, ECDSA */
		at[2 + 44] = 3;
		at[2 + 46] = 1;
	}
}

static void add_scts(OCSP_SINGLERESP *single)
{
	uint8_t list[2 + 2 * 50];
	ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new(), *outer = ASN1_OCTET_STRING_new();
	unsigned char *der = NULL;

	two_scts(list);
	ASN1_OCTET_STRING_set(inner, list, sizeof list);
	int len = i2d_ASN1_OCTET_STRING(inner, &der);
	ASN1_OCTET_STRING_set(outer, der, len);
	X509_EXTENSION *x = X509_EXTENSION_create_by_NID(NULL, NID_ct_cert_scts, 0, outer);
	OCSP_SINGLERESP_add_ext(single, x, -1);
	X509_EXTENSION_free(x);
	ASN1_OCTET_STRING_free(inner);
	ASN1_OCTET_STRING_free(outer);
	OPENSSL_free(der);
}

static void add_answer(OCSP_BASICRESP *basic, X509 *issuer, int status, bool scts)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, THIS_UPDATE), *to = ASN1_TIME_set(NULL, NEXT_UPDATE);
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, issuer, issuer);
	OCSP_SINGLERESP *single = OCSP_basic_add1_status(
		basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to);

	assert_non_null(single);
	if (scts)
		add_scts(single);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

static X509 *an_issuer(EVP_PKEY *key)
{
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"responder", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 60);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* A signed response; with `refusal` the responder gives none (RFC 6960 section 2.3). */
static size_t a_response(uint8_t **der, int status, bool scts, int refusal)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *issuer = an_issuer(key);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();

	add_answer(basic, issuer, status, scts);
	assert_true(OCSP_basic_sign(basic, issuer, key, EVP_sha256(), NULL, 0));
	OCSP_RESPONSE *response = OCSP_response_create(refusal, refusal ? NULL : basic);
	*der = NULL;
	int len = i2d_OCSP_RESPONSE(response, der);
	assert_true(len > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	X509_free(issuer);
	EVP_PKEY_free(key);
	return (size_t)len;
}

static void status_is(int status, uint8_t want)
{
	uint8_t *der;
	size_t len = a_response(&der, status, false, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	struct ocsp_response r;

	assert_true(ocsp_response_parse((struct bytes){ der, len }, &r));
	assert_int_equal(r.status, want);
	assert_int_equal(r.this_update_s, THIS_UPDATE);
	assert_int_equal(r.next_update_s, NEXT_UPDATE);
	assert_int_equal(r.sct_count, 0);
	OPENSSL_free(der);
}

static void the_status_and_its_times_are_read(void **state)
{
	(void)state;
	status_is(V_OCSP_CERTSTATUS_GOOD, OCSP_GOOD);
	status_is(V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED);
	status_is(V_OCSP_CERTSTATUS_UNKNOWN, OCSP_UNKNOWN);
}

static void a_responder_that_refuses_has_no_status(void **state)
{
	uint8_t *der;
	size_t len = a_response(&der, V_OCSP_CERTSTATUS_GOOD, false, OCSP_RESPONSE_STATUS_TRYLATER);
	struct ocsp_response r;

	(void)state;
	assert_true(ocsp_response_parse((struct bytes){ der, len }, &r));
	assert_int_equal(r.status, OCSP_UNSEEN);
	assert_true(r.this_update_s == TIME_NONE);
	OPENSSL_free(der);
}

static void its_timestamps_join_those_of_the_handshake(void **state)
{
	struct ocsp_memory memory = { 0 };
	struct handshake h;
	uint8_t *der;
	size_t len =
		a_response(&der, V_OCSP_CERTSTATUS_GOOD, true, OCSP_RESPONSE_STATUS_SUCCESSFUL);

	(void)state;
	handshake_init(&h);
	h.ocsp_response = handshake_keep(&h, (struct bytes){ der, len }, NULL);
	h.sct_count = 3;
	ocsp_tell(&memory, &h);
	assert_int_equal(h.ocsp_status, OCSP_GOOD);
	assert_int_equal(h.sct_count, 3 + 2);
	/* Told once, it is not counted again. */
	ocsp_tell(&memory, &h);
	assert_int_equal(h.sct_count, 3 + 2);
	handshake_finish(&h);
	OPENSSL_free(der);
}

static void other_responses_in_the_same_place_do_not_mix(void **state)
{
	struct ocsp_memory memory = { 0 };
	struct handshake h;

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t *der;
		size_t len =
			a_response(&der, i % 2 ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
				   false, OCSP_RESPONSE_STATUS_SUCCESSFUL);

		handshake_init(&h);
		h.ocsp_response = handshake_keep(&h, (struct bytes){ der, len }, NULL);
		ocsp_tell(&memory, &h);
		assert_int_equal(h.ocsp_status, i % 2 ? OCSP_REVOKED : OCSP_GOOD);
		handshake_finish(&h);
		OPENSSL_free(der);
	}
}

static void a_cut_response_says_nothing(void **state)
{
	uint8_t *der;
	size_t len =
		a_response(&der, V_OCSP_CERTSTATUS_GOOD, true, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	struct ocsp_response r;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		assert_false(ocsp_response_parse((struct bytes){ der, cut }, &r));
		assert_int_equal(r.status, OCSP_UNSEEN);
	}
	OPENSSL_free(der);
}

static void no_staple_no_status(void **state)
{
	struct ocsp_memory memory = { 0 };
	struct handshake h;

	(void)state;
	handshake_init(&h);
	ocsp_tell(&memory, &h);
	assert_int_equal(h.ocsp_status, OCSP_UNSEEN);
	assert_int_equal(h.sct_count, -1);
	handshake_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_and_its_times_are_read),
		cmocka_unit_test(a_responder_that_refuses_has_no_status),
		cmocka_unit_test(its_timestamps_join_those_of_the_handshake),
		cmocka_unit_test(other_responses_in_the_same_place_do_not_mix),
		cmocka_unit_test(a_cut_response_says_nothing),
		cmocka_unit_test(no_staple_no_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
