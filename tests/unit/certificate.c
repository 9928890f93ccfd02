#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/certificate.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* --- DER, made by hand --- */

static void add_tlv(struct buffer *out, uint8_t tag, const void *at, size_t len)
{
	uint8_t head[4] = { tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len };

	if (len < 128) {
		head[1] = (uint8_t)len;
		buffer_add(out, head, 2);
	} else {
		buffer_add(out, head, 4);
	}
	buffer_add(out, at, len);
}

static void add_wrapped(struct buffer *out, uint8_t tag, struct buffer *inside)
{
	add_tlv(out, tag, inside->at, inside->len);
	buffer_finish(inside);
}

#define OID_ED25519	"\x2b\x65\x70"
#define OID_ML_DSA_65	"\x60\x86\x48\x01\x65\x03\x04\x03\x12"
#define OID_UNKNOWN	"\x2a\x03\x04"
#define OID_COMMON_NAME "\x55\x04\x03"
#define OID_ALT_NAME	"\x55\x1d\x11"
#define OID_BASIC	"\x55\x1d\x13"
#define OID_POLICIES	"\x55\x1d\x20"
#define OID_SCTS	"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"

struct wish {
	const char *serial;
	const char *algorithm;	      /* content of the OID of signature and key */
	const char *issuer, *subject; /* common names */
	size_t subject_len;	      /* 0: up to the NUL */
	uint8_t string_type;	      /* 0: UTF8String */
	const char *not_after;
	bool version1;
	const struct buffer *extensions; /* a sequence's content */
};

static void add_oid_sequence(struct buffer *out, const char *oid)
{
	struct buffer b = { 0 };

	add_tlv(&b, 0x06, oid, strlen(oid));
	add_wrapped(out, 0x30, &b);
}

static void add_name(struct buffer *out, const char *text, size_t len, uint8_t type)
{
	struct buffer attribute = { 0 }, set = { 0 }, name = { 0 };

	add_tlv(&attribute, 0x06, OID_COMMON_NAME, 3);
	add_tlv(&attribute, type ? type : 0x0c, text, len ? len : strlen(text));
	add_wrapped(&set, 0x30, &attribute);
	add_wrapped(&name, 0x31, &set);
	add_wrapped(out, 0x30, &name);
}

static void add_bit_string(struct buffer *out)
{
	uint8_t bits[33] = { 0, 1, 2, 3 };

	add_tlv(out, 0x03, bits, sizeof bits);
}

static void add_to_be_signed(struct buffer *out, const struct wish *w)
{
	struct buffer b = { 0 }, validity = { 0 }, key = { 0 }, wrap = { 0 };
	const char *after = w->not_after ? w->not_after : "20490101000000Z";

	if (!w->version1)
		buffer_add(&b, "\xa0\x03\x02\x01\x02", 5);
	add_tlv(&b, 0x02, w->serial ? w->serial : "\x01", strlen(w->serial ? w->serial : "\x01"));
	add_oid_sequence(&b, w->algorithm ? w->algorithm : OID_ED25519);
	add_name(&b, w->issuer ? w->issuer : "issuer", 0, 0);
	add_tlv(&validity, 0x17, "240229123456Z", 13);
	add_tlv(&validity, 0x18, after, strlen(after));
	add_wrapped(&b, 0x30, &validity);
	add_name(&b, w->subject ? w->subject : "subject", w->subject_len, w->string_type);
	add_oid_sequence(&key, w->algorithm ? w->algorithm : OID_ED25519);
	add_bit_string(&key);
	add_wrapped(&b, 0x30, &key);
	if (w->extensions) {
		add_tlv(&wrap, 0x30, w->extensions->at, w->extensions->len);
		add_wrapped(&b, 0xa3, &wrap);
	}
	add_wrapped(out, 0x30, &b);
}

static void add_extension(struct buffer *out, const char *oid, const void *value, size_t len)
{
	struct buffer b = { 0 };

	add_tlv(&b, 0x06, oid, strlen(oid));
	add_tlv(&b, 0x04, value, len);
	add_wrapped(out, 0x30, &b);
}

static struct buffer make(const struct wish *w)
{
	struct buffer whole = { 0 }, out = { 0 };

	add_to_be_signed(&whole, w);
	add_oid_sequence(&whole, w->algorithm ? w->algorithm : OID_ED25519);
	add_bit_string(&whole);
	add_wrapped(&out, 0x30, &whole);
	return out;
}

static struct certificate parse(struct wish w, struct limit_counts *limits)
{
	struct buffer der = make(&w);
	struct certificate c;

	certificate_parse(buffer_bytes(&der), &c, limits);
	buffer_finish(&der);
	return c;
}

/* --- facts --- */

static void plain_fields_are_read(void **state)
{
	struct certificate c =
		parse((struct wish){ .issuer = "the issuer", .subject = "www.example.org" }, NULL);

	(void)state;
	assert_true(c.parsed);
	assert_string_equal(c.subject, "CN=www.example.org");
	assert_string_equal(c.issuer, "CN=the issuer");
	assert_string_equal(c.serial, "01");
	assert_string_equal(c.not_before, "2024-02-29T12:34:56Z");
	assert_string_equal(c.not_after, "2049-01-01T00:00:00Z");
	assert_string_equal(c.key_type, "Ed25519");
	assert_int_equal(c.key_bits, 256);
	assert_string_equal(c.signature_algorithm, "ED25519");
	assert_null(c.curve);
	assert_null(c.san);
	assert_null(c.policy);
	assert_int_equal(c.is_ca, 0);
	assert_int_equal(c.self_signed, 0);
	assert_int_equal(c.sct_count, 0);
	certificate_finish(&c);
}

static void serials_are_hex_and_negative_ones_say_so(void **state)
{
	struct certificate positive = parse((struct wish){ .serial = "\x0a\xbc\xde" }, NULL);
	struct certificate negative = parse((struct wish){ .serial = "\xff\x01" }, NULL);

	(void)state;
	assert_string_equal(positive.serial, "0abcde");
	assert_string_equal(negative.serial, "-ff");
	certificate_finish(&positive);
	certificate_finish(&negative);
}

static void names_hide_nothing(void **state)
{
	struct certificate nul = parse((struct wish){ .subject = "a\0b", .subject_len = 3 }, NULL);
	struct certificate comma = parse((struct wish){ .subject = "a,b+c" }, NULL);
	struct certificate umlaut = parse((struct wish){ .subject = "b\xc3\xbc"
								    "cher" },
					  NULL);
	struct certificate override = parse((struct wish){ .subject = "\xe2\x80\xae" }, NULL);

	(void)state;
	assert_string_equal(nul.subject, "CN=a\\00b");
	assert_string_equal(comma.subject, "CN=a\\,b\\+c");
	assert_string_equal(umlaut.subject, "CN=b\xc3\xbc"
					    "cher");
	assert_string_equal(override.subject, "CN=\\xe2\\x80\\xae");
	certificate_finish(&nul);
	certificate_finish(&comma);
	certificate_finish(&umlaut);
	certificate_finish(&override);
}

static void a_name_that_is_no_text_is_shown_as_hex(void **state)
{
	struct certificate c =
		parse((struct wish){ .subject = "\x01\xfe", .string_type = 0x03 }, NULL);

	(void)state;
	assert_true(c.parsed);
	assert_string_equal(c.subject, "CN=#030201FE");
	certificate_finish(&c);
}

static void times_that_cannot_be_are_left_out(void **state)
{
	struct certificate c = parse((struct wish){ .not_after = "20491301000000Z" }, NULL);
	struct certificate last = parse((struct wish){ .not_after = "99991231235959Z" }, NULL);

	(void)state;
	assert_string_equal(c.not_after, "");
	assert_string_equal(c.not_before, "2024-02-29T12:34:56Z");
	assert_string_equal(last.not_after, "9999-12-31T23:59:59Z");
	certificate_finish(&c);
	certificate_finish(&last);
}

static void post_quantum_keys_are_named(void **state)
{
	struct certificate c = parse(
		(struct wish){ .algorithm = OID_ML_DSA_65, .issuer = "same", .subject = "same" },
		NULL);

	(void)state;
	assert_string_equal(c.key_type, "ML-DSA-65");
	assert_string_equal(c.signature_algorithm, "ML-DSA-65");
	assert_int_equal(c.key_bits, 1952 * 8);
	assert_int_equal(c.self_signed, -1);
	assert_true(c.has_spki);
	certificate_finish(&c);
}

static void unknown_algorithms_are_numbers(void **state)
{
	struct certificate c = parse((struct wish){ .algorithm = OID_UNKNOWN }, NULL);

	(void)state;
	assert_string_equal(c.key_type, "1.2.3.4");
	assert_string_equal(c.signature_algorithm, "1.2.3.4");
	assert_int_equal(c.key_bits, -1);
	certificate_finish(&c);
}

static void alternative_names_keep_their_order(void **state)
{
	struct buffer names = { 0 }, value = { 0 }, extensions = { 0 };

	(void)state;
	add_tlv(&names, 0x82, "b.example", 9);
	add_tlv(&names, 0x87, "\xc0\x00\x02\x01", 4);
	add_tlv(&names, 0x81, "me@a.example", 12);
	add_tlv(&names, 0x86, "urn:x", 5);
	add_tlv(&names, 0x82, "a\0\"\xff", 4);
	add_tlv(&names, 0x87, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	add_tlv(&names, 0x87, "\x01\x02\x03", 3);
	add_tlv(&names, 0x88, "\x2a\x03", 2);
	add_wrapped(&value, 0x30, &names);
	add_extension(&extensions, OID_ALT_NAME, value.at, value.len);
	struct certificate c = parse((struct wish){ .extensions = &extensions }, NULL);
	assert_string_equal(c.san, "[\"dns:b.example\",\"ip:192.0.2.1\",\"email:me@a.example\","
				   "\"uri:urn:x\",\"dns:a\\\\x00\\\"\\\\xff\","
				   "\"ip:2001:db8::1\",\"ip:#010203\",\"rid:1.2.3\"]");
	certificate_finish(&c);
	buffer_finish(&value);
	buffer_finish(&extensions);
}

static void many_names_are_cut_and_counted(void **state)
{
	struct buffer names = { 0 }, value = { 0 }, extensions = { 0 };
	struct limit_counts limits = { 0 };

	(void)state;
	for (int i = 0; i < CERTIFICATE_NAMES_MAX + 1; i++)
		add_tlv(&names, 0x82, "a.example", 9);
	add_wrapped(&value, 0x30, &names);
	add_extension(&extensions, OID_ALT_NAME, value.at, value.len);
	struct certificate c = parse((struct wish){ .extensions = &extensions }, &limits);
	assert_int_equal(strlen(c.san), CERTIFICATE_NAMES_MAX * strlen("\"dns:a.example\",") + 1);
	assert_int_equal(limits.bitten[LIMIT_CERTIFICATE_NAMES], 1);
	certificate_finish(&c);
	buffer_finish(&value);
	buffer_finish(&extensions);
}

static void a_long_name_is_cut_and_counted(void **state)
{
	struct limit_counts limits = { 0 };
	struct buffer name = { 0 }, der = { 0 }, out = { 0 };

	(void)state;
	memset(buffer_reserve(&name, 60000), '\\', 60000);
	add_name(&der, (const char *)name.at, 60000, 0);
	certificate_add_name(&out, buffer_bytes(&der), &limits);
	assert_int_equal(out.len, CERTIFICATE_TEXT_BYTES_MAX);
	assert_int_equal(limits.bitten[LIMIT_CERTIFICATE_TEXT_BYTES], 1);
	buffer_finish(&name);
	buffer_finish(&der);
	buffer_finish(&out);
}

static void strings_within_strings_are_read_to_a_depth_and_counted_beyond(void **state)
{
	(void)state;
	for (int depth = DER_DEPTH_MAX; depth <= DER_DEPTH_MAX + 1; depth++) {
		struct limit_counts limits = { 0 };
		struct buffer name = { 0 };

		add_tlv(&name, 0x0c, "deep", 4);
		for (int i = 0; i < depth; i++) {
			struct buffer outer = { 0 };

			add_wrapped(&outer, 0x2c, &name);
			name = outer;
		}
		/* The outermost is the attribute's own: add_name() gives it its tag. */
		struct wish w = { .subject = (const char *)name.at, .subject_len = name.len, .string_type = 0x2c };
		struct certificate c = parse(w, &limits);

		assert_int_equal(c.parsed, depth <= DER_DEPTH_MAX);
		assert_int_equal(limits.bitten[LIMIT_DER_DEPTH], depth > DER_DEPTH_MAX);
		certificate_finish(&c);
		buffer_finish(&name);
	}
}

static void a_name_alone_is_text_or_hex(void **state)
{
	struct buffer der = { 0 }, out = { 0 };

	(void)state;
	add_name(&der, "An Authority", 0, 0);
	certificate_add_name(&out, buffer_bytes(&der), NULL);
	assert_string_equal(buffer_text(&out), "CN=An Authority");
	buffer_clear(&out);
	certificate_add_name(&out, (struct bytes){ (const uint8_t *)"\x01\xab", 2 }, NULL);
	assert_string_equal(buffer_text(&out), "01ab");
	buffer_finish(&der);
	buffer_finish(&out);
}

static void the_stricter_policy_counts(void **state)
{
	static const uint8_t domain[] = { 0x30, 0x0a, 0x30, 0x08, 0x06, 0x06,
					  0x67, 0x81, 0x0c, 0x01, 0x02, 0x01 };
	static const uint8_t both[] = { 0x30, 0x13, 0x30, 0x08, 0x06, 0x06, 0x67,
					0x81, 0x0c, 0x01, 0x02, 0x01, 0x30, 0x07,
					0x06, 0x05, 0x67, 0x81, 0x0c, 0x01, 0x01 };
	struct buffer one = { 0 }, two = { 0 };

	(void)state;
	add_extension(&one, OID_POLICIES, domain, sizeof domain);
	add_extension(&two, OID_POLICIES, both, sizeof both);
	struct certificate dv = parse((struct wish){ .extensions = &one }, NULL);
	struct certificate ev = parse((struct wish){ .extensions = &two }, NULL);
	assert_string_equal(dv.policy, "DV");
	assert_string_equal(ev.policy, "EV");
	certificate_finish(&dv);
	certificate_finish(&ev);
	buffer_finish(&one);
	buffer_finish(&two);
}

static void timestamps_are_counted(void **state)
{
	static const uint8_t two[] = { 0x04, 0x09, 0, 7, 0, 2, 'a', 'b', 0, 1, 'c' };
	static const uint8_t lie[] = { 0x04, 0x05, 0, 3, 0, 9, 'a' };
	struct buffer good = { 0 }, bad = { 0 };

	(void)state;
	add_extension(&good, OID_SCTS, two, sizeof two);
	add_extension(&bad, OID_SCTS, lie, sizeof lie);
	struct certificate counted = parse((struct wish){ .extensions = &good }, NULL);
	struct certificate odd = parse((struct wish){ .extensions = &bad }, NULL);
	assert_int_equal(counted.sct_count, 2);
	assert_int_equal(odd.sct_count, -1);
	certificate_finish(&counted);
	certificate_finish(&odd);
	buffer_finish(&good);
	buffer_finish(&bad);
}

static void authorities_say_so(void **state)
{
	static const uint8_t yes[] = { 0x30, 0x03, 0x01, 0x01, 0xff }, broken[] = { 0x30, 0x03, 0x02 };
	struct buffer said = { 0 }, garbled = { 0 };

	(void)state;
	add_extension(&said, OID_BASIC, yes, sizeof yes);
	add_extension(&garbled, OID_BASIC, broken, sizeof broken);
	struct certificate ca = parse((struct wish){ .extensions = &said }, NULL);
	struct certificate old = parse((struct wish){ .version1 = true }, NULL);
	struct certificate odd = parse((struct wish){ .extensions = &garbled }, NULL);
	assert_int_equal(ca.is_ca, 1);
	assert_int_equal(old.is_ca, 0);
	assert_int_equal(odd.is_ca, -1);
	certificate_finish(&ca);
	certificate_finish(&old);
	certificate_finish(&odd);
	buffer_finish(&said);
	buffer_finish(&garbled);
}

/* A certificate signed by `signer` with the key `key`, both on the curve `curve`. */
static struct bytes sign(EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;

	X509_set_version(x, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
				   (const unsigned char *)"self", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	int len = i2d_X509(x, &der);
	assert_true(len > 0);
	X509_free(x);
	return (struct bytes){ der, (size_t)len };
}

static void a_signature_tells_the_self_signed(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	struct bytes own = sign(key, key), lent = sign(key, other);
	struct certificate c, d;

	(void)state;
	certificate_parse(own, &c, NULL);
	certificate_parse(lent, &d, NULL);
	assert_int_equal(c.self_signed, 1);
	assert_int_equal(d.self_signed, 0);
	assert_string_equal(c.key_type, "EC");
	assert_string_equal(c.curve, "secp256r1");
	assert_int_equal(c.key_bits, 256);
	assert_string_equal(c.signature_algorithm, "ecdsa-with-SHA256");
	certificate_finish(&c);
	certificate_finish(&d);
	OPENSSL_free((void *)(uintptr_t)own.at);
	OPENSSL_free((void *)(uintptr_t)lent.at);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void the_key_is_hashed_with_its_algorithm(void **state)
{
	struct buffer key = { 0 }, info = { 0 };
	uint8_t want[32];

	(void)state;
	add_oid_sequence(&key, OID_ED25519);
	add_bit_string(&key);
	add_wrapped(&info, 0x30, &key);
	SHA256(info.at, info.len, want);
	struct certificate c = parse((struct wish){ 0 }, NULL);
	assert_true(c.has_spki);
	assert_memory_equal(c.spki_sha256, want, sizeof want);
	certificate_finish(&c);
	buffer_finish(&info);
}

static void a_cut_one_is_not_parsed(void **state)
{
	struct buffer der = make(&(struct wish){ 0 });
	struct certificate c;

	(void)state;
	for (size_t cut = 0; cut < der.len; cut++) {
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, der.at, cut);
		certificate_parse((struct bytes){ copy, cut }, &c, NULL);
		assert_false(c.parsed);
		assert_null(c.subject);
		assert_int_equal(c.key_bits, -1);
		certificate_finish(&c);
		free(copy);
	}
	buffer_add(&der, "x", 1);
	certificate_parse(buffer_bytes(&der), &c, NULL);
	assert_false(c.parsed);
	certificate_finish(&c);
	buffer_finish(&der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_fields_are_read),
		cmocka_unit_test(serials_are_hex_and_negative_ones_say_so),
		cmocka_unit_test(names_hide_nothing),
		cmocka_unit_test(a_name_that_is_no_text_is_shown_as_hex),
		cmocka_unit_test(times_that_cannot_be_are_left_out),
		cmocka_unit_test(post_quantum_keys_are_named),
		cmocka_unit_test(unknown_algorithms_are_numbers),
		cmocka_unit_test(alternative_names_keep_their_order),
		cmocka_unit_test(many_names_are_cut_and_counted),
		cmocka_unit_test(a_long_name_is_cut_and_counted),
		cmocka_unit_test(strings_within_strings_are_read_to_a_depth_and_counted_beyond),
		cmocka_unit_test(a_name_alone_is_text_or_hex),
		cmocka_unit_test(the_stricter_policy_counts),
		cmocka_unit_test(timestamps_are_counted),
		cmocka_unit_test(authorities_say_so),
		cmocka_unit_test(a_signature_tells_the_self_signed),
		cmocka_unit_test(the_key_is_hashed_with_its_algorithm),
		cmocka_unit_test(a_cut_one_is_not_parsed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
