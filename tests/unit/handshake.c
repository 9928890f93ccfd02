#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "overhear/handshake.h"
#include "overhear/limits.h"

#include <stdlib.h>
#include <string.h>

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static bool reads(const struct handshake *h, struct text t, const char *want)
{
	return bytes_equal(handshake_text(h, t), bytes_of(want));
}

static void a_fresh_one_has_seen_nothing(void **state)
{
	struct handshake h;

	(void)state;
	memset(&h, 0x55, sizeof h);
	handshake_init(&h);
	assert_int_equal(h.cipher, -1);
	assert_int_equal(h.session_id_len, -1);
	assert_true(h.tls_ns == TIME_NONE);
	assert_int_equal(h.outcome, OUTCOME_UNSEEN);
	assert_int_equal(h.server_name.len, 0);
	assert_int_equal(h.vlan, VLAN_NONE);
	assert_null(h.client_hello);
	assert_int_equal(h.message_count, 0);
}

static void texts_stay_when_they_move_to_the_heap(void **state)
{
	struct handshake h;
	char longer[HANDSHAKE_TEXTS_INLINE + 1];

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	handshake_init(&h);
	struct text first = handshake_keep_text(&h, "first");
	assert_null(h.texts_heap);
	struct text second = handshake_keep_text(&h, longer);
	assert_non_null(h.texts_heap);
	assert_true(reads(&h, first, "first"));
	assert_true(reads(&h, second, longer));
	handshake_finish(&h);
}

static void a_text_can_be_kept_again_from_itself(void **state)
{
	struct handshake h;
	char room[120];

	(void)state;
	memset(room, 'y', sizeof room - 1);
	room[sizeof room - 1] = 0;
	handshake_init(&h);
	struct text t = handshake_keep_text(&h, room);
	for (int i = 0; i < 5; i++)
		t = handshake_keep(&h, handshake_text(&h, t), NULL);
	assert_true(reads(&h, t, room));
	handshake_finish(&h);
}

static void an_empty_text_is_none(void **state)
{
	struct handshake h;
	bool fits = false;

	(void)state;
	handshake_init(&h);
	assert_int_equal(handshake_keep(&h, (struct bytes){ NULL, 0 }, &fits).len, 0);
	assert_true(fits);
	assert_null(handshake_text(&h, TEXT_NONE).at);
}

static void texts_have_a_limit(void **state)
{
	struct handshake h;
	uint8_t *most = calloc(1, TEXT_BYTES_MAX + 1);
	bool fits = true;

	(void)state;
	handshake_init(&h);
	assert_int_equal(handshake_keep(&h, (struct bytes){ most, TEXT_BYTES_MAX + 1 }, &fits).len,
			 0);
	assert_false(fits);
	struct text all = handshake_keep(&h, (struct bytes){ most, TEXT_BYTES_MAX }, &fits);
	assert_true(fits);
	assert_int_equal(all.len, TEXT_BYTES_MAX);
	assert_int_equal(handshake_keep_text(&h, "a").len, 0);
	handshake_finish(&h);
	free(most);
}

static void messages_keep_their_order_up_to_the_limit(void **state)
{
	struct handshake h;

	(void)state;
	handshake_init(&h);
	for (uint32_t i = 0; i < MESSAGES_MAX; i++)
		assert_true(handshake_add_message(&h, (struct message){ .type = 1, .bytes = i }));
	assert_false(handshake_add_message(&h, (struct message){ .type = 1 }));
	for (uint16_t i = 0; i < MESSAGES_MAX; i++)
		assert_int_equal(handshake_message(&h, i)->bytes, i);
	assert_null(handshake_message(&h, MESSAGES_MAX));
	handshake_finish(&h);
	assert_int_equal(h.message_count, 0);
}

static void alerts_have_a_limit(void **state)
{
	struct handshake h;

	(void)state;
	handshake_init(&h);
	for (uint8_t i = 0; i < HANDSHAKE_ALERTS_MAX; i++)
		assert_true(handshake_add_alert(&h, (struct alert){ .description = i }));
	assert_false(handshake_add_alert(&h, (struct alert){ .description = 99 }));
	assert_int_equal(h.alerts[HANDSHAKE_ALERTS_MAX - 1].description, HANDSHAKE_ALERTS_MAX - 1);
}

static void every_limit_says_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		assert_true(limit_table[i].name[0]);
		assert_true(limit_table[i].reason[0]);
		assert_true(limit_table[i].value > 0);
	}
	assert_string_equal(limit_table[LIMIT_MESSAGES].name, "messages");
	assert_int_equal(limit_table[LIMIT_MESSAGES].value, MESSAGES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_one_has_seen_nothing),
		cmocka_unit_test(texts_stay_when_they_move_to_the_heap),
		cmocka_unit_test(a_text_can_be_kept_again_from_itself),
		cmocka_unit_test(an_empty_text_is_none),
		cmocka_unit_test(texts_have_a_limit),
		cmocka_unit_test(messages_keep_their_order_up_to_the_limit),
		cmocka_unit_test(alerts_have_a_limit),
		cmocka_unit_test(every_limit_says_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
