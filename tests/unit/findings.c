#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/findings.h"
#include "tests/unit/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_kind_has_all_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++) {
		const struct finding_kind *k = &finding_kinds[i];

		assert_non_null(k->code);
		assert_in_range(k->severity, SEVERITY_ERROR, SEVERITY_NOTICE);
		assert_true(k->title[0]);
		assert_int_equal(k->remedy[strlen(k->remedy) - 1], '.');
		assert_non_null(k->reference);
		assert_non_null(k->scope);
	}
}

static void a_code_is_small_letters_and_hyphens_and_stands_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++) {
		assert_int_equal(strspn(finding_kinds[i].code, "abcdefghijklmnopqrstuvwxyz-"), strlen(finding_kinds[i].code));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(finding_kinds[i].code, finding_kinds[k].code);
	}
}

/* Run with the path of docs/findings.md: `ninja findings.md` makes it anew. */
static void the_document_is_current(void **state)
{
	(void)state;
	assert_document("FINDINGS_DOCUMENT", findings_add_document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_all_its_words),
		cmocka_unit_test(a_code_is_small_letters_and_hyphens_and_stands_once),
		cmocka_unit_test(the_document_is_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
