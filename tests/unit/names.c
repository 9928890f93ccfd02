#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/names.h"

#include <string.h>

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static bool matches(const char *pattern, const char *host)
{
	return name_matches(text(pattern), text(host));
}

static void case_does_not_matter(void **state)
{
	(void)state;
	assert_true(matches("WWW.Example.com", "www.eXample.COM"));
	assert_false(matches("www.example.com", "example.com"));
}

static void a_dot_at_the_hosts_end_is_part_of_it(void **state)
{
	(void)state;
	assert_false(matches("example.com", "example.com."));
	assert_false(matches("*.example.com", "www.example.com."));
	assert_false(matches("example.com", "example.com.."));
}

static void a_wildcard_is_one_whole_label(void **state)
{
	(void)state;
	assert_true(matches("*.example.com", "www.example.com"));
	assert_false(matches("*.example.com", "example.com"));
	assert_false(matches("*.example.com", "a.b.example.com"));
	assert_false(matches("*.example.com", ".example.com"));
	assert_false(matches("*.example.com", "a_b.example.com"));
	assert_true(matches("a_b.example.com", "a_b.example.com"));
}

static void a_wildcard_stands_alone_in_the_first_label(void **state)
{
	(void)state;
	assert_false(matches("w*.example.com", "www.example.com"));
	assert_false(matches("*w.example.com", "www.example.com"));
	assert_false(matches("www.*.com", "www.example.com"));
	assert_false(matches("*.*.com", "www.example.com"));
}

static void a_wildcard_needs_two_labels_behind_it(void **state)
{
	(void)state;
	assert_false(matches("*.com", "example.com"));
	assert_false(matches("*", "localhost"));
	assert_true(matches("*.co.uk", "example.co.uk"));
}

static void a_labels_are_compared_as_they_stand(void **state)
{
	(void)state;
	assert_true(matches("xn--bcher-kva.example.com", "XN--bcher-kva.example.com"));
	assert_true(matches("*.example.com", "xn--bcher-kva.example.com"));
}

static void a_nul_inside_a_name_never_matches(void **state)
{
	static const uint8_t cut[] = { 'a', '.', 'b', 0, '.', 'c' };

	(void)state;
	assert_false(name_matches((struct bytes){ cut, sizeof cut }, (struct bytes){ cut, sizeof cut }));
}

static void an_empty_name_never_matches(void **state)
{
	(void)state;
	assert_false(matches("", ""));
	assert_false(matches("example.com", ""));
	assert_false(matches("a..b", "a..b"));
}

static void a_label_may_be_longer_than_dns_has_them(void **state)
{
	char host[300];

	(void)state;
	memset(host, 'x', 260);
	memcpy(host + 260, ".example.com", sizeof ".example.com");
	assert_true(matches("*.example.com", host));
	assert_true(matches(host, host));
	assert_false(name_is_public(text(host)));
}

static void addresses_are_told_from_names(void **state)
{
	uint8_t address[16];

	(void)state;
	assert_int_equal(name_address(text("192.0.2.1"), address), 4);
	assert_int_equal(address[3], 1);
	assert_int_equal(name_address(text("2001:db8::1"), address), 16);
	assert_int_equal(name_address(text("example.com"), address), 0);
	assert_int_equal(name_address(text("1.2.3"), address), 0);
}

static void a_public_name_has_two_labels_and_a_public_end(void **state)
{
	(void)state;
	assert_true(name_is_public(text("www.example.com")));
	assert_true(name_is_public(text("example.de.")));
	assert_false(name_is_public(text("intranet")));
	assert_false(name_is_public(text("printer.local")));
	assert_false(name_is_public(text("db.corp.internal")));
	assert_false(name_is_public(text("example.TEST")));
	assert_false(name_is_public(text("192.0.2.1")));
}

static void a_domain_is_the_last_two_labels(void **state)
{
	(void)state;
	struct bytes domain = name_domain(text("a.b.example.com."));
	assert_int_equal(domain.len, strlen("example.com"));
	assert_memory_equal(domain.at, "example.com", domain.len);
	assert_int_equal(name_domain(text("localhost")).len, strlen("localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_does_not_matter),
		cmocka_unit_test(a_dot_at_the_hosts_end_is_part_of_it),
		cmocka_unit_test(a_wildcard_is_one_whole_label),
		cmocka_unit_test(a_wildcard_stands_alone_in_the_first_label),
		cmocka_unit_test(a_wildcard_needs_two_labels_behind_it),
		cmocka_unit_test(a_labels_are_compared_as_they_stand),
		cmocka_unit_test(a_nul_inside_a_name_never_matches),
		cmocka_unit_test(an_empty_name_never_matches),
		cmocka_unit_test(a_label_may_be_longer_than_dns_has_them),
		cmocka_unit_test(addresses_are_told_from_names),
		cmocka_unit_test(a_public_name_has_two_labels_and_a_public_end),
		cmocka_unit_test(a_domain_is_the_last_two_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
