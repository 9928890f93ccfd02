/* Tests of src/app/lanes.c: what several pipelines tell comes to the writer in one order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "app/lanes.h"

enum { LANES = 3 };

static void put_at(struct lanes *l, size_t lane, struct handshake *h, uint64_t moment, uint64_t connection)
{
	*h = (struct handshake){ .moment = moment, .connection_id = connection };
	lane_put(lanes_each(l, lane), h);
}

static struct handshake *next_handshake(struct lanes *l)
{
	struct parcel p = lanes_next(l, 0);

	return p.kind == PARCEL_HANDSHAKE ? p.handshake : NULL;
}

static int create(void **state)
{
	*state = lanes_create(LANES, false);
	lanes_begin(*state);
	return 0;
}

static int destroy(void **state)
{
	lanes_destroy(*state);
	return 0;
}

static void handshakes_come_in_the_order_of_their_moments(void **state)
{
	struct lanes *l = *state;
	struct handshake h[4];

	put_at(l, 2, &h[0], moment_of(5, MOMENT_PACKET), 1);
	put_at(l, 0, &h[1], moment_of(7, MOMENT_PACKET), 2);
	put_at(l, 1, &h[2], moment_of(6, MOMENT_PACKET), 3);
	put_at(l, 2, &h[3], moment_of(8, MOMENT_PACKET), 1);
	for (size_t i = 0; i < LANES; i++)
		lane_pass(lanes_each(l, i), moment_of(9, MOMENT_PASSED));
	assert_ptr_equal(next_handshake(l), &h[0]);
	assert_ptr_equal(next_handshake(l), &h[2]);
	assert_ptr_equal(next_handshake(l), &h[1]);
	assert_ptr_equal(next_handshake(l), &h[3]);
	assert_int_equal(lanes_next(l, 0).kind, PARCEL_NONE);
}

static void what_one_moment_ends_comes_in_the_order_of_connections(void **state)
{
	struct lanes *l = *state;
	struct handshake h[3];

	put_at(l, 0, &h[0], moment_of(5, MOMENT_FLOWS), 30);
	put_at(l, 1, &h[1], moment_of(5, MOMENT_FLOWS), 10);
	put_at(l, 2, &h[2], moment_of(5, MOMENT_FLOWS), 20);
	for (size_t i = 0; i < LANES; i++)
		lane_end(lanes_each(l, i));
	assert_ptr_equal(next_handshake(l), &h[1]);
	assert_ptr_equal(next_handshake(l), &h[2]);
	assert_ptr_equal(next_handshake(l), &h[0]);
	assert_int_equal(lanes_next(l, 0).kind, PARCEL_END);
}

static void nobody_is_overtaken_by_haste(void **state)
{
	struct lanes *l = *state;
	struct handshake late, early;

	put_at(l, 0, &late, moment_of(9, MOMENT_PACKET), 1);
	lane_pass(lanes_each(l, 0), moment_of(9, MOMENT_PASSED));
	lane_pass(lanes_each(l, 1), moment_of(9, MOMENT_PASSED));
	assert_null(next_handshake(l));
	lane_pass(lanes_each(l, 2), moment_of(3, MOMENT_PASSED));
	assert_null(next_handshake(l));
	put_at(l, 2, &early, moment_of(4, MOMENT_PACKET), 2);
	assert_ptr_equal(next_handshake(l), &early);
	assert_null(next_handshake(l));
	lane_end(lanes_each(l, 2));
	assert_ptr_equal(next_handshake(l), &late);
}

static void lookups_come_one_by_one_before_what_followed_them(void **state)
{
	struct lanes *l = *state;
	struct lookup_batch *batch = calloc(1, sizeof *batch);
	struct handshake between;

	batch->count = 2;
	batch->each[0].moment = moment_of(2, MOMENT_PACKET);
	batch->each[1].moment = moment_of(6, MOMENT_PACKET);
	lane_put_lookups(lanes_each(l, 0), batch);
	put_at(l, 1, &between, moment_of(4, MOMENT_PACKET), 1);
	for (size_t i = 0; i < LANES; i++)
		lane_pass(lanes_each(l, i), moment_of(9, MOMENT_PASSED));
	assert_int_equal(lanes_next(l, 0).lookup->moment, moment_of(2, MOMENT_PACKET));
	assert_ptr_equal(next_handshake(l), &between);
	assert_int_equal(lanes_next(l, 0).lookup->moment, moment_of(6, MOMENT_PACKET));
}

static void attempts_wait_for_company(void **state)
{
	struct lanes *l = *state;
	struct attempt_event e = { .server_port = 443, .moment = moment_of(3, MOMENT_SYNS), .place = 2 };
	struct handshake h;

	lane_put_attempt(lanes_each(l, 0), &e);
	for (size_t i = 1; i < LANES; i++)
		lane_end(lanes_each(l, i));
	assert_int_equal(lanes_next(l, 0).kind, PARCEL_NONE);
	put_at(l, 0, &h, moment_of(3, MOMENT_PACKET), 1);
	struct parcel first = lanes_next(l, 0);
	assert_int_equal(first.kind, PARCEL_ATTEMPT);
	assert_int_equal(first.attempt->server_port, 443);
	assert_ptr_equal(next_handshake(l), &h);
}

static void handshakes_go_back_to_their_own_lane(void **state)
{
	struct lanes *l = *state;
	struct handshake h;

	put_at(l, 1, &h, moment_of(1, MOMENT_PACKET), 1);
	for (size_t i = 0; i < LANES; i++)
		lane_end(lanes_each(l, i));
	struct parcel p = lanes_next(l, 0);
	lane_give_back(p.lane, p.handshake);
	assert_null(lane_take_back(lanes_each(l, 0)));
	assert_ptr_equal(lane_take_back(lanes_each(l, 1)), &h);
	assert_null(lane_take_back(lanes_each(l, 1)));
}

/* Bites LIMIT_WAITING_HANDSHAKES: nobody takes what comes, as while another program holds the database. */
static void live_what_finds_no_room_is_dropped_and_counted(void **state)
{
	struct lanes *l = lanes_create(1, true);
	struct lane *lane = lanes_each(l, 0);
	struct handshake h = { 0 };
	struct attempt_event e = { 0 };

	(void)state;
	lanes_begin(l);
	for (int i = 0; i < WAITING_HANDSHAKES_MAX; i++)
		assert_true(lane_put(lane, &h));
	assert_int_equal(lanes_dropped(l), 0);
	assert_int_equal(lanes_waiting(l), WAITING_HANDSHAKES_MAX);
	for (int i = 0; i < 3; i++)
		assert_false(lane_put(lane, &h));
	for (int i = 0; i < 1000; i++)
		lane_put_attempt(lane, &e);
	lane_put_lookups(lane, calloc(1, sizeof(struct lookup_batch)));
	lane_pass(lane, moment_of(1, MOMENT_PACKET));
	assert_int_equal(lanes_dropped(l), 3);
	/* What is taken makes room. */
	assert_non_null(next_handshake(l));
	assert_non_null(next_handshake(l));
	assert_true(lane_put(lane, &h));
	assert_int_equal(lanes_dropped(l), 3);
	lanes_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(handshakes_come_in_the_order_of_their_moments, create, destroy),
		cmocka_unit_test_setup_teardown(what_one_moment_ends_comes_in_the_order_of_connections, create, destroy),
		cmocka_unit_test_setup_teardown(nobody_is_overtaken_by_haste, create, destroy),
		cmocka_unit_test_setup_teardown(lookups_come_one_by_one_before_what_followed_them, create, destroy),
		cmocka_unit_test_setup_teardown(attempts_wait_for_company, create, destroy),
		cmocka_unit_test_setup_teardown(handshakes_go_back_to_their_own_lane, create, destroy),
		cmocka_unit_test(live_what_finds_no_room_is_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
