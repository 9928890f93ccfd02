#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/hello.h"
#include "tests/unit/wire.h"

static const uint8_t SUITES[] = { 0x13, 0x01, 0xc0, 0x2f, 0x56, 0x00 };

/* A hello with a name, two protocols, two groups and a key share, whose parts the tests look at. */
static void build(struct buffer *body)
{
	static const uint8_t alpn[] = { 0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
	static const uint8_t groups[] = { 0, 4, 0x11, 0xec, 0, 29 };
	static const uint8_t share[] = { 0, 6, 0, 29, 0, 2, 0xaa, 0xbb };
	static const uint8_t versions[] = { 4, 3, 4, 3, 3 };
	struct buffer x = { 0 };

	wire_server_name(&x, "a.test");
	wire_extension(&x, EXTENSION_ALPN, alpn, sizeof alpn);
	wire_extension(&x, EXTENSION_SUPPORTED_GROUPS, groups, sizeof groups);
	wire_extension(&x, EXTENSION_KEY_SHARE, share, sizeof share);
	wire_extension(&x, EXTENSION_SUPPORTED_VERSIONS, versions, sizeof versions);
	wire_client_hello(body, SUITES, sizeof SUITES, &x);
	buffer_finish(&x);
}

static void a_hello_gives_its_facts_and_its_lists(void **state)
{
	struct buffer body = { 0 }, key = { 0 };
	struct client_hello ch;

	(void)state;
	build(&body);
	assert_true(client_hello_parse(buffer_bytes(&body), HELLO_CLIENT, &ch, &key));
	assert_true(ch.whole);
	assert_true(ch.has_fallback_scsv);
	assert_memory_equal(ch.facts.server_name.at, "a.test", 6);
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_int_equal(h->version_highest, 0x0304);
	assert_int_equal(h->offers[OFFER_CIPHER].count, 3);
	assert_int_equal(h->offers[OFFER_CIPHER].codes[1], 0xc02f);
	assert_int_equal(h->offers[OFFER_ALPN].count, 2);
	assert_memory_equal(h->offers[OFFER_ALPN].names[1].at, "http/1.1", 8);
	assert_int_equal(h->offers[OFFER_GROUP].codes[0], 0x11ec);
	assert_int_equal(h->offers[OFFER_KEY_SHARE].count, 1);
	assert_int_equal(h->offers[OFFER_EXTENSION].codes[0], EXTENSION_SERVER_NAME);
	assert_int_equal(h->ja3[32], 0);
	assert_int_equal(strlen(h->ja3), 32);
	hello_free(h);
	buffer_finish(&body);
	buffer_finish(&key);
}

static void keys_do_not_differ_by_random_and_key_material(void **state)
{
	struct buffer one = { 0 }, other = { 0 }, key = { 0 }, key_other = { 0 };
	struct client_hello ch;

	(void)state;
	build(&one);
	build(&other);
	other.at[5] ^= 0xff;			/* in the random */
	uint8_t *share = memmem(other.at, other.len, "\xaa\xbb", 2);
	assert_non_null(share);
	share[0] = 0xcc;			/* in the key share's key */
	client_hello_parse(buffer_bytes(&one), HELLO_CLIENT, &ch, &key);
	client_hello_parse(buffer_bytes(&other), HELLO_CLIENT, &ch, &key_other);
	assert_true(bytes_equal(buffer_bytes(&key), buffer_bytes(&key_other)));
	buffer_finish(&one);
	buffer_finish(&other);
	buffer_finish(&key);
	buffer_finish(&key_other);
}

static void a_cut_hello_is_read_as_far_as_it_goes_and_has_no_fingerprint(void **state)
{
	struct buffer body = { 0 }, key = { 0 };
	struct client_hello ch;

	(void)state;
	build(&body);
	for (size_t cut = 0; cut < body.len; cut++) {
		bool readable = client_hello_parse((struct bytes){ body.at, cut }, HELLO_CLIENT, &ch, &key);

		assert_int_equal(readable, cut >= 34);
		if (!readable)
			continue;
		/* Extensions may be absent: cut right behind the compression methods, it is a whole hello of another kind. */
		assert_int_equal(ch.whole, cut == 34 + 1 + 2 + sizeof SUITES + 2);
		struct hello *h = hello_from_key(buffer_bytes(&key));
		assert_int_equal(h->ja3[0] != 0, ch.whole);
		hello_free(h);
	}
	buffer_finish(&body);
	buffer_finish(&key);
}

static void a_broken_alpn_costs_only_the_alpn(void **state)
{
	static const uint8_t lie[] = { 0, 9, 2, 'h', '2' };
	struct buffer x = { 0 }, body = { 0 }, key = { 0 };
	struct client_hello ch;

	(void)state;
	wire_extension(&x, EXTENSION_ALPN, lie, sizeof lie);
	wire_server_name(&x, "b.test");
	wire_client_hello(&body, SUITES, sizeof SUITES, &x);
	assert_true(client_hello_parse(buffer_bytes(&body), HELLO_CLIENT, &ch, &key));
	assert_memory_equal(ch.facts.server_name.at, "b.test", 6);
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_int_equal(h->offers[OFFER_ALPN].count, 0);
	assert_int_equal(h->offers[OFFER_EXTENSION].count, 2);
	hello_free(h);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&key);
}

static void the_first_of_two_names_counts(void **state)
{
	struct buffer x = { 0 }, body = { 0 }, key = { 0 };
	struct client_hello ch;

	(void)state;
	wire_server_name(&x, "first.test");
	wire_server_name(&x, "second.test");
	wire_client_hello(&body, SUITES, sizeof SUITES, &x);
	client_hello_parse(buffer_bytes(&body), HELLO_CLIENT, &ch, &key);
	assert_int_equal(ch.facts.server_name.len, 10);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&key);
}

static void a_server_hello_gives_its_choices(void **state)
{
	static const uint8_t version[] = { 3, 4 };
	static const uint8_t share[] = { 0x11, 0xec, 0, 2, 1, 2 };
	struct buffer x = { 0 }, body = { 0 }, key = { 0 };
	struct server_hello sh;

	(void)state;
	wire_extension(&x, EXTENSION_SUPPORTED_VERSIONS, version, sizeof version);
	wire_extension(&x, EXTENSION_KEY_SHARE, share, sizeof share);
	wire_server_hello(&body, 0x1302, &x);
	assert_true(server_hello_parse(buffer_bytes(&body), &sh, &key));
	assert_true(sh.whole);
	assert_int_equal(server_hello_version(&sh), 0x0304);
	assert_int_equal(sh.cipher, 0x1302);
	assert_int_equal(sh.facts.selected_group, 0x11ec);
	assert_false(server_hello_is_retry(&sh));
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&key);
}

static void an_sslv2_hello_has_suites_of_three_bytes(void **state)
{
	static const uint8_t hello[] = { 1, 3, 1, 0, 6, 0, 0, 0, 16, 1, 0, 0x80, 0, 0xc0, 0x2f,
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct buffer key = { 0 };
	struct client_hello ch;

	(void)state;
	assert_true(ssl2_client_hello_parse((struct bytes){ hello, sizeof hello }, &ch, &key));
	assert_int_equal(ch.random.len, 16);
	struct hello *h = hello_from_key(buffer_bytes(&key));
	assert_int_equal(h->offers[OFFER_CIPHER].codes[0], 0x010080);
	assert_int_equal(h->offers[OFFER_CIPHER].codes[1], 0xc02f);
	assert_int_equal(h->ja3[0], 0);
	hello_free(h);
	for (size_t cut = 0; cut < sizeof hello; cut++)
		assert_false(ssl2_client_hello_parse((struct bytes){ hello, cut }, &ch, &key));
	buffer_finish(&key);
}

static void drafts_are_tls_1_3(void **state)
{
	(void)state;
	assert_true(version_is_tls13(0x0304));
	assert_true(version_is_tls13(0x7f1c));
	assert_true(version_is_tls13(0xfefc));
	assert_false(version_is_tls13(0x0303));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_gives_its_facts_and_its_lists),
		cmocka_unit_test(keys_do_not_differ_by_random_and_key_material),
		cmocka_unit_test(a_cut_hello_is_read_as_far_as_it_goes_and_has_no_fingerprint),
		cmocka_unit_test(a_broken_alpn_costs_only_the_alpn),
		cmocka_unit_test(the_first_of_two_names_counts),
		cmocka_unit_test(a_server_hello_gives_its_choices),
		cmocka_unit_test(an_sslv2_hello_has_suites_of_three_bytes),
		cmocka_unit_test(drafts_are_tls_1_3),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
