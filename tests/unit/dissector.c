#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/dissector.h"

#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }

/* What connections begin with, and the row that follows them. */
static const struct {
	const char *row;
	struct bytes first;
} beginnings[] = {
	{ "tls", BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3random") },
	{ "tls", BYTES("\x15\3\1\0\2\2\x28") },
	{ "starttls", BYTES("220 mail.example ESMTP\r\n") },
	{ "starttls", BYTES("* OK IMAP4rev1 ready\r\n") },
	{ "starttls", BYTES("+OK POP3 ready\r\n") },
	{ "starttls", BYTES("CONNECT www.example:443 HTTP/1.1\r\nHost: www.example\r\n\r\n") },
	{ "starttls", BYTES("\0\0\0\x08\x04\xd2\x16\x2f") },
	{ "starttls", BYTES("\5\1\0") },
	{ "openvpn_stream", BYTES("\0\x0e\x38sessionx\0\0\0\0\0") },
	{ "openvpn_stream", BYTES("\0\x2a\x38sessionxmac45678901234567890\0\0\0\1time\0\0\0\0\0") },
	{ "dns", BYTES("\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\4test\0\0\1\0\1") },
};

enum { BEGINNINGS = sizeof beginnings / sizeof beginnings[0] };

static void each_is_followed_by_its_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < BEGINNINGS; i++) {
		const struct dissector *d = dissector_for(true, beginnings[i].first);

		assert_non_null(d);
		assert_string_equal(d->name, beginnings[i].row);
		assert_false(dissector_wants_more(beginnings[i].first));
	}
}

/* However little comes at first. */
static void fewer_bytes_wait_or_are_told_rightly(void **state)
{
	(void)state;
	for (size_t i = 0; i < BEGINNINGS; i++) {
		for (size_t cut = 1; cut < beginnings[i].first.len; cut++) {
			struct bytes first = { beginnings[i].first.at, cut };

			if (dissector_wants_more(first))
				continue;
			assert_non_null(dissector_for(true, first));
			assert_string_equal(dissector_for(true, first)->name, beginnings[i].row);
		}
	}
}

static void what_waits_is_told_apart_before_enough_came(void **state)
{
	uint8_t zeroes[DISSECTOR_ENOUGH] = { 0 };

	(void)state;
	assert_true(dissector_wants_more((struct bytes){ zeroes, 1 }));
	assert_false(dissector_wants_more((struct bytes){ zeroes, sizeof zeroes }));
	assert_null(dissector_for(true, (struct bytes){ zeroes, sizeof zeroes }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_followed_by_its_row),
		cmocka_unit_test(fewer_bytes_wait_or_are_told_rightly),
		cmocka_unit_test(what_waits_is_told_apart_before_enough_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
