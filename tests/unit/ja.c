#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/hello.h"
#include "tests/unit/wire.h"

static struct hello *hello_of(struct buffer *body, enum hello_kind kind)
{
	struct buffer key = { 0 };
	struct client_hello ch;

	assert_true(client_hello_parse(buffer_bytes(body), kind, &ch, &key));
	struct hello *h = hello_from_key(buffer_bytes(&key));
	buffer_finish(&key);
	return h;
}

static void no_extensions_leave_empty_parts(void **state)
{
	static const uint8_t suites[] = { 0, 0x2f };
	struct buffer body = { 0 };

	(void)state;
	wire_client_hello(&body, suites, sizeof suites, NULL);
	struct hello *h = hello_of(&body, HELLO_CLIENT);
	/* MD5 of "771,47,,,"; SHA-256 of "002f" */
	assert_string_equal(h->ja3, "fde4273625b2ac63bd01d9c500dac91b");
	assert_string_equal(h->ja4, "t12i010000_ba72b8082249_000000000000");
	hello_free(h);
	buffer_finish(&body);
}

static void grease_is_left_out_also_among_signature_schemes(void **state)
{
	static const uint8_t suites[] = { 0x0a, 0x0a, 0x13, 0x01 }, plain_suites[] = { 0x13, 0x01 };
	static const uint8_t schemes[] = { 0, 4, 0x2a, 0x2a, 4, 3 }, plain_schemes[] = { 0, 2, 4, 3 };
	struct buffer x = { 0 }, plain_x = { 0 }, body = { 0 }, plain = { 0 };

	(void)state;
	wire_extension(&x, 0x3a3a, "", 0);
	wire_extension(&x, EXTENSION_SIGNATURE_ALGORITHMS, schemes, sizeof schemes);
	wire_extension(&plain_x, EXTENSION_SIGNATURE_ALGORITHMS, plain_schemes, sizeof plain_schemes);
	wire_client_hello(&body, suites, sizeof suites, &x);
	wire_client_hello(&plain, plain_suites, sizeof plain_suites, &plain_x);
	struct hello *h = hello_of(&body, HELLO_CLIENT), *p = hello_of(&plain, HELLO_CLIENT);
	assert_string_equal(h->ja4, p->ja4);
	assert_string_equal(h->ja3, p->ja3);
	hello_free(h);
	hello_free(p);
	buffer_finish(&x);
	buffer_finish(&plain_x);
	buffer_finish(&body);
	buffer_finish(&plain);
}

static void the_order_of_extensions_changes_ja3_but_not_ja4(void **state)
{
	static const uint8_t suites[] = { 0x13, 0x01 };
	struct buffer x = { 0 }, y = { 0 }, one = { 0 }, other = { 0 };

	(void)state;
	wire_extension(&x, 23, "", 0);
	wire_extension(&x, 35, "", 0);
	wire_extension(&y, 35, "", 0);
	wire_extension(&y, 23, "", 0);
	wire_client_hello(&one, suites, sizeof suites, &x);
	wire_client_hello(&other, suites, sizeof suites, &y);
	struct hello *a = hello_of(&one, HELLO_CLIENT), *b = hello_of(&other, HELLO_CLIENT);
	assert_string_equal(a->ja4, b->ja4);
	assert_string_not_equal(a->ja3, b->ja3);
	hello_free(a);
	hello_free(b);
	buffer_finish(&x);
	buffer_finish(&y);
	buffer_finish(&one);
	buffer_finish(&other);
}

static void carriers_have_letters_of_their_own(void **state)
{
	static const uint8_t suites[] = { 0x13, 0x01 };
	struct buffer body = { 0 };

	(void)state;
	wire_client_hello(&body, suites, sizeof suites, NULL);
	struct hello *t = hello_of(&body, HELLO_CLIENT), *q = hello_of(&body, HELLO_CLIENT_QUIC);
	assert_int_equal(t->ja4[0], 't');
	assert_int_equal(q->ja4[0], 'q');
	hello_free(t);
	hello_free(q);
	buffer_finish(&body);
}

static void an_alpn_that_is_no_text_shows_in_hex(void **state)
{
	static const uint8_t suites[] = { 0x13, 0x01 };
	static const uint8_t alpn[] = { 0, 3, 2, 0xab, 0xcd };
	struct buffer x = { 0 }, body = { 0 };

	(void)state;
	wire_extension(&x, EXTENSION_ALPN, alpn, sizeof alpn);
	wire_client_hello(&body, suites, sizeof suites, &x);
	struct hello *h = hello_of(&body, HELLO_CLIENT);
	assert_memory_equal(h->ja4, "t12i0101ad", 10);
	hello_free(h);
	buffer_finish(&x);
	buffer_finish(&body);
}

/* The highest number counts, as JA4's authors have it: a draft's is larger than TLS 1.3's, and is then unknown. */
static void a_draft_is_an_unknown_version(void **state)
{
	static const uint8_t suites[] = { 0x13, 0x01 };
	static const uint8_t versions[] = { 4, 0x7f, 0x1c, 3, 4 };
	struct buffer x = { 0 }, body = { 0 };

	(void)state;
	wire_extension(&x, EXTENSION_SUPPORTED_VERSIONS, versions, sizeof versions);
	wire_client_hello(&body, suites, sizeof suites, &x);
	struct hello *h = hello_of(&body, HELLO_CLIENT);
	assert_memory_equal(h->ja4, "t00i", 4);
	assert_int_equal(h->version_highest, 0x0304);
	hello_free(h);
	buffer_finish(&x);
	buffer_finish(&body);
}

static void ja3s_is_of_version_suite_and_extensions(void **state)
{
	struct buffer x = { 0 }, body = { 0 }, key = { 0 };
	struct server_hello sh;

	(void)state;
	wire_extension(&x, 65281, "", 1);
	wire_server_hello(&body, 0xc02f, &x);
	assert_true(server_hello_parse(buffer_bytes(&body), &sh, &key));
	struct hello *h = hello_from_key(buffer_bytes(&key));
	/* MD5 of "771,49199,65281" */
	assert_string_equal(h->ja3, "fbe78c619e7ea20046131294ad087f05");
	hello_free(h);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_extensions_leave_empty_parts),
		cmocka_unit_test(grease_is_left_out_also_among_signature_schemes),
		cmocka_unit_test(the_order_of_extensions_changes_ja3_but_not_ja4),
		cmocka_unit_test(carriers_have_letters_of_their_own),
		cmocka_unit_test(an_alpn_that_is_no_text_shows_in_hex),
		cmocka_unit_test(a_draft_is_an_unknown_version),
		cmocka_unit_test(ja3s_is_of_version_suite_and_extensions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
