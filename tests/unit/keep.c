#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "sinks/sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_NS INT64_C(86400000000000)

struct place {
	char folder[64], path[80];
	struct capture capture;
	struct sink *sink;
	struct error error;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->folder, "/tmp/overhear-test-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->path, sizeof p->path, "%s/t.db", p->folder);
	p->capture = (struct capture){ .source = "eth0", .kind = "interface", .sensor = "here", .started_ns = TIME_NONE, .ended_ns = TIME_NONE };
	if (!sqlite_sink.open(&p->sink, p->path, &p->error) || !sqlite_sink.begin(p->sink, &p->capture, &p->error))
		return -1;
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct place *p = *state;

	sqlite_sink.close(p->sink, NULL);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char path[100];

		snprintf(path, sizeof path, "%s%s", p->path, ends[i]);
		unlink(path);
	}
	rmdir(p->folder);
	free(p);
	return 0;
}

static int64_t ask(const struct place *p, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int64_t answer = -1;

	assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW)
		answer = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

/* A hello and a chain of one certificate that only the handshakes of this number use. */
struct shape {
	uint32_t ciphers[2];
	struct hello hello;
	struct chain *chain;
};

static void make_shape(struct shape *s, uint32_t number)
{
	*s = (struct shape){ .ciphers = { 0x1301, number } };
	s->hello = (struct hello){ .version_highest = 0x0304, .offers[OFFER_CIPHER] = { .seen = true, .count = 2, .codes = s->ciphers } };
	snprintf(s->hello.ja4, sizeof s->hello.ja4, "t13d%u", number);
	s->chain = calloc(1, sizeof *s->chain + sizeof *s->chain->certificates);
	s->chain->count = s->chain->kept = 1;
	memcpy(s->chain->certificates[0].sha256, &number, sizeof number);
	s->chain->certificates[0].der = (struct bytes){ (const uint8_t *)"none", 4 };
}

static void free_shape(struct shape *s)
{
	free(s->chain);
}

static void put(struct place *p, struct shape *s, int64_t time_ns)
{
	struct handshake h;

	handshake_init(&h);
	h.time_ns = time_ns;
	h.transport = TRANSPORT_TCP;
	h.client_hello = &s->hello;
	h.server_chain = s->chain;
	h.cipher = (int32_t)s->ciphers[1];
	handshake_add_message(&h, (struct message){ .type = (uint16_t)s->ciphers[1], .time_ns = time_ns });
	if (!sqlite_sink.put(p->sink, &h, &p->error))
		fail_msg("%s", p->error.text);
	handshake_finish(&h);
}

/* Step by step until there is nothing more to do; a step is small, so the number of them says that none was large. */
static int keep(struct place *p, const struct keep_limits *limits)
{
	bool more = true;
	int steps = 0;

	for (; more && steps < 100000; steps++)
		if (!sqlite_keep(p->sink, limits, &more, &p->error))
			fail_msg("%s", p->error.text);
	assert_false(more);
	return steps;
}

static void what_is_older_goes_and_takes_along_what_only_it_used(void **state)
{
	struct place *p = *state;
	struct shape old, both, young;

	make_shape(&old, 1);
	make_shape(&both, 2);
	make_shape(&young, 3);
	for (int i = 0; i < 10; i++) {
		put(p, &old, i);
		put(p, &both, i);
		put(p, &both, DAY_NS + i);
		put(p, &young, DAY_NS + i);
	}
	keep(p, &(struct keep_limits){ .before_ns = DAY_NS });
	assert_int_equal(ask(p, "SELECT count(*) FROM handshakes"), 20);
	assert_int_equal(ask(p, "SELECT min(time_ns) FROM handshakes"), DAY_NS);
	assert_int_equal(ask(p, "SELECT count(*) FROM hello_rows"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM lists"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM trait_rows"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM handshake_lists"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM chain_rows"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM chain_members"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM certificates"), 2);
	assert_int_equal(ask(p, "SELECT sum(handshakes) FROM certificates"), 20);
	assert_int_equal(ask(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	free_shape(&old);
	free_shape(&both);
	free_shape(&young);
}

static void what_went_is_stored_again_when_it_comes_again(void **state)
{
	struct place *p = *state;
	struct shape s, young;

	make_shape(&s, 1);
	make_shape(&young, 2);
	put(p, &s, 1);
	put(p, &young, DAY_NS);
	keep(p, &(struct keep_limits){ .before_ns = DAY_NS });
	assert_int_equal(ask(p, "SELECT count(*) FROM hello_rows"), 1);
	put(p, &s, DAY_NS);
	assert_true(sqlite_sink.flush(p->sink, &p->error));
	assert_int_equal(ask(p, "SELECT count(*) FROM offers WHERE code = 1"), 1);
	assert_int_equal(ask(p, "SELECT count(*) FROM handshakes WHERE cipher_code = 1"), 1);
	assert_int_equal(ask(p, "SELECT count(*) FROM messages"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM chains"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	free_shape(&s);
	free_shape(&young);
}

static void a_step_removes_little_and_many_rows_take_many_steps(void **state)
{
	enum { ROWS = 20000 };
	struct place *p = *state;
	struct shape s;
	bool more;

	make_shape(&s, 1);
	for (int i = 0; i < ROWS; i++)
		put(p, &s, i);
	/* The first step may take twice what came since the last one, which is everything: let it go by. */
	assert_true(sqlite_keep(p->sink, &(struct keep_limits){ .before_ns = TIME_NONE }, &more, &p->error));
	assert_true(sqlite_keep(p->sink, &(struct keep_limits){ .before_ns = ROWS }, &more, &p->error));
	assert_true(more);
	assert_in_range(ask(p, "SELECT count(*) FROM handshakes"), ROWS - 1000, ROWS - 1);
	assert_in_range(keep(p, &(struct keep_limits){ .before_ns = ROWS - 10 }), ROWS / 1000, ROWS);
	assert_int_equal(ask(p, "SELECT count(*) FROM handshakes"), 10);
	assert_int_equal(ask(p, "SELECT handshakes FROM certificates"), 10);
	free_shape(&s);
}

static void a_step_keeps_pace_with_what_comes(void **state)
{
	struct place *p = *state;
	struct shape s;
	bool more;

	make_shape(&s, 1);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 2000; i++)
			put(p, &s, round * DAY_NS + i);
		assert_true(sqlite_keep(p->sink, &(struct keep_limits){ .before_ns = round * DAY_NS }, &more, &p->error));
		assert_int_equal(ask(p, "SELECT count(*) FROM handshakes"), 2000);
	}
	free_shape(&s);
}

static void handshakes_with_ever_new_shapes_stay_within_a_size(void **state)
{
	enum { ROUNDS = 100, ROWS = 300, SIZE = 4 << 20 };
	struct place *p = *state;
	struct keep_limits limits = { .before_ns = TIME_NONE, .bytes = SIZE };
	bool more;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < ROWS; i++) {
			struct shape s;

			make_shape(&s, round * ROWS + i);
			put(p, &s, round * DAY_NS + i);
			free_shape(&s);
		}
		for (int i = 0; i < 20; i++)
			assert_true(sqlite_keep(p->sink, &limits, &more, &p->error));
	}
	int64_t size = ask(p, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
	assert_in_range(size, SIZE / 2, SIZE);
	/* The newest stay. */
	assert_int_equal(ask(p, "SELECT count(*) FROM handshakes WHERE time_ns >= 99 * 86400000000000"), ROWS);
	assert_int_equal(ask(p, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	assert_in_range(ask(p, "SELECT count(*) FROM hello_rows"), ROWS, ask(p, "SELECT count(*) FROM handshakes") * 3 / 2 + ROWS);
}

static void what_a_capture_had_goes_with_it_but_the_one_that_runs_stays(void **state)
{
	struct place *p = *state;
	struct attempt one = { .reason = ATTEMPT_REFUSED, .server_port = 443, .attempts = 3, .first_ns = 1, .last_ns = 2 };
	struct shape s;

	make_shape(&s, 1);
	put(p, &s, 1);
	assert_true(sqlite_sink.put_attempts(p->sink, &one, 1, &p->error));
	p->capture.started_ns = 1;
	p->capture.ended_ns = 2;
	assert_true(sqlite_sink.end(p->sink, &p->capture, &p->error));
	assert_true(sqlite_sink.begin(p->sink, &p->capture, &p->error));
	put(p, &s, 2 * DAY_NS);
	keep(p, &(struct keep_limits){ .before_ns = DAY_NS });
	assert_int_equal(ask(p, "SELECT count(*) FROM attempts"), 0);
	assert_int_equal(ask(p, "SELECT count(*) FROM captures"), 1);
	assert_int_equal(ask(p, "SELECT id FROM captures"), p->capture.id);
	free_shape(&s);
}

/* Another program removes shapes that this one remembers. */
static void shapes_that_another_program_removed_are_stored_again(void **state)
{
	struct place *p = *state;
	struct place other = *p;
	struct shape s;

	make_shape(&s, 1);
	put(p, &s, 1);
	assert_true(sqlite_sink.flush(p->sink, &p->error));
	assert_true(sqlite_sink.open(&other.sink, other.path, &other.error));
	keep(&other, &(struct keep_limits){ .before_ns = DAY_NS });
	assert_true(sqlite_sink.close(other.sink, &other.error));
	assert_int_equal(ask(p, "SELECT count(*) FROM hello_rows"), 0);
	put(p, &s, DAY_NS);
	assert_true(sqlite_sink.flush(p->sink, &p->error));
	assert_int_equal(ask(p, "SELECT count(*) FROM offers"), 2);
	assert_int_equal(ask(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	free_shape(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_older_goes_and_takes_along_what_only_it_used),
		TEST(what_went_is_stored_again_when_it_comes_again),
		TEST(a_step_removes_little_and_many_rows_take_many_steps),
		TEST(a_step_keeps_pace_with_what_comes),
		TEST(handshakes_with_ever_new_shapes_stay_within_a_size),
		TEST(what_a_capture_had_goes_with_it_but_the_one_that_runs_stays),
		TEST(shapes_that_another_program_removed_are_stored_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
