#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#include <string.h>

static void expect(void (*add)(struct buffer *, struct bytes), const char *in, size_t len,
		   const char *want)
{
	struct buffer out = { 0 };

	add(&out, (struct bytes){ (const uint8_t *)in, len });
	assert_string_equal(buffer_text(&out), want);
	buffer_finish(&out);
}

#define SAFE(in, want) expect(text_add_safe, in, sizeof in - 1, want)

static void letters_of_any_script_stay(void **state)
{
	(void)state;
	SAFE("example.org", "example.org");
	SAFE("b\xc3\xbc"
	     "cher.example",
	     "b\xc3\xbc"
	     "cher.example");
	SAFE("\xe4\xbe\x8b\xe3\x81\x88", "\xe4\xbe\x8b\xe3\x81\x88");
	SAFE("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	SAFE("a\\b", "a\\b");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	SAFE("a\0b", "a\\x00b");
	SAFE("\x1b[31m\n", "\\x1b[31m\\x0a");
	SAFE("\x7f", "\\x7f");
	SAFE("\xc2\x9b", "\\xc2\\x9b");
}

static void what_is_no_utf8_is_escaped_byte_by_byte(void **state)
{
	(void)state;
	SAFE("\xff\xfe", "\\xff\\xfe");
	SAFE("\xc3", "\\xc3");
	SAFE("\xc3(", "\\xc3(");
	SAFE("\xc0\xaf", "\\xc0\\xaf");
	SAFE("\xed\xa0\x80", "\\xed\\xa0\\x80");
	SAFE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	SAFE("\xe2\x82", "\\xe2\\x82");
}

static void what_cannot_be_seen_is_escaped(void **state)
{
	(void)state;
	SAFE("a\xe2\x80\xae"
	     "b",
	     "a\\xe2\\x80\\xaeb");
	SAFE("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
	SAFE("\xe2\x80\x8b", "\\xe2\\x80\\x8b");
	SAFE("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
	SAFE("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81");
	SAFE("\xf0\x9f\xbf\xbe", "\\xf0\\x9f\\xbf\\xbe");
}

static void json_quotes_and_backslashes_are_doubled(void **state)
{
	(void)state;
	expect(text_add_json, "a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	expect(text_add_json, "\n", 1, "\"\\\\x0a\"");
	expect(text_add_json, "", 0, "\"\"");
}

static void hex_is_lower_case(void **state)
{
	(void)state;
	expect(text_add_hex, "\x00\xab\xff", 3, "00abff");
}

static void address_is(const uint8_t at[16], const char *want)
{
	char out[46];

	text_address(at, out);
	assert_string_equal(out, want);
}

static void addresses_are_as_rfc_5952_wants(void **state)
{
	(void)state;
	address_is((const uint8_t[16]){ [10] = 0xff, 0xff, 192, 0, 2, 1 }, "192.0.2.1");
	address_is((const uint8_t[16]){ [10] = 0xff, 0xff, 255, 10, 0, 100 }, "255.10.0.100");
	address_is((const uint8_t[16]){ 0 }, "::");
	address_is((const uint8_t[16]){ [15] = 1 }, "::1");
	address_is((const uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, "2001:db8::1");
	address_is((const uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8 }, "2001:db8::");
}

static void one_zero_group_is_not_shortened(void **state)
{
	static const uint8_t one[16] = {
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1
	};

	(void)state;
	address_is(one, "2001:db8:0:1:1:1:1:1");
}

static void the_first_of_two_equal_runs_is_shortened(void **state)
{
	static const uint8_t two[16] = {
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1
	};
	static const uint8_t longer_last[16] = { 0x20, 0x01, 0, 0, 0, 0, 0, 1,
						 0,    0,    0, 0, 0, 0, 0, 1 };

	(void)state;
	address_is(two, "2001:db8::1:0:0:1");
	address_is(longer_last, "2001:0:0:1::1");
}

static void a_run_at_either_end_keeps_both_colons(void **state)
{
	static const uint8_t front[16] = { [4] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	static const uint8_t back[16] = { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6 };

	(void)state;
	address_is(front, "::102:304:506:708:90a:b0c");
	address_is(back, "1:2:3:4:5:6::");
}

static void time_is(int64_t ns, const char *want)
{
	char out[40];

	text_time(ns, out);
	assert_string_equal(out, want);
}

static void times_have_nine_digits_and_z(void **state)
{
	(void)state;
	time_is(0, "1970-01-01T00:00:00.000000000Z");
	time_is(1709210096123456789, "2024-02-29T12:34:56.123456789Z");
	time_is(951782400000000000, "2000-02-29T00:00:00.000000000Z");
	time_is(-1, "1969-12-31T23:59:59.999999999Z");
	time_is(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
	time_is(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_of_any_script_stay),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(what_is_no_utf8_is_escaped_byte_by_byte),
		cmocka_unit_test(what_cannot_be_seen_is_escaped),
		cmocka_unit_test(json_quotes_and_backslashes_are_doubled),
		cmocka_unit_test(hex_is_lower_case),
		cmocka_unit_test(addresses_are_as_rfc_5952_wants),
		cmocka_unit_test(one_zero_group_is_not_shortened),
		cmocka_unit_test(the_first_of_two_equal_runs_is_shortened),
		cmocka_unit_test(a_run_at_either_end_keeps_both_colons),
		cmocka_unit_test(times_have_nine_digits_and_z),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
