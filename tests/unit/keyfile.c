#include "app/keyfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RANDOM "52362c10a2665e323a2adb4b9da0c10d4a8823719272f8b4c97af24f92784812"
#define TRAFFIC "01010101010101010101010101010101010101010101010101010101010101"

struct bench {
	struct hash_key key;
	char folder[32], path[64];
	struct pipeline *pipeline;
	struct keyfile file;
};

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	strcpy(b->folder, "/tmp/keyfile-XXXXXX");
	if (!mkdtemp(b->folder))
		return -1;
	snprintf(b->path, sizeof b->path, "%s/keys.log", b->folder);
	b->pipeline = pipeline_create(&(struct pipeline_options){ .key = &b->key });
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	keyfile_close(&b->file);
	pipeline_destroy(b->pipeline);
	unlink(b->path);
	rmdir(b->folder);
	free(b);
	return 0;
}

static void put(const struct bench *b, const char *mode, const char *text)
{
	FILE *f = fopen(b->path, mode);

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char line[] = "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " TRAFFIC "01\n";
static const char other[] = "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " TRAFFIC "02\n";

static uint64_t secrets(const struct bench *b)
{
	uint64_t count, bad;

	pipeline_secret_counts(b->pipeline, &count, &bad);
	return count;
}

/* A look is urgent again a millisecond after the last one. */
static bool look(struct bench *b)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	return keyfile_refresh(&b->file, b->pipeline, true);
}

static void open_it(struct bench *b)
{
	struct error error;

	assert_true(keyfile_open(&b->file, b->path, &error));
	keyfile_read(&b->file, b->pipeline, false);
}

static void a_file_that_is_not_there_cannot_be_opened(void **state)
{
	struct bench *b = *state;
	struct error error;

	assert_false(keyfile_open(&b->file, b->path, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_false(keyfile_open(&b->file, b->folder, &error));
}

static void a_file_that_is_awaited_is_read_when_it_comes(void **state)
{
	struct bench *b = *state;

	keyfile_await(&b->file, b->path);
	assert_false(look(b));
	put(b, "w", line);
	assert_true(look(b));
	assert_int_equal(secrets(b), 1);
}

static void what_is_appended_is_read_once(void **state)
{
	struct bench *b = *state;

	put(b, "w", line);
	open_it(b);
	assert_int_equal(secrets(b), 1);
	assert_false(look(b));
	put(b, "a", other);
	assert_true(look(b));
	assert_int_equal(secrets(b), 2);
}

static void a_line_in_two_pieces_is_one(void **state)
{
	struct bench *b = *state;
	char first[20] = "";

	memcpy(first, line, sizeof first - 1);
	put(b, "w", first);
	open_it(b);
	put(b, "a", line + strlen(first));
	look(b);
	assert_int_equal(secrets(b), 1);
}

static void the_last_line_of_a_whole_file_needs_no_end(void **state)
{
	struct bench *b = *state;
	char text[sizeof line];
	struct error error;

	strcpy(text, line);
	text[strlen(text) - 1] = 0;
	put(b, "w", text);
	assert_true(keyfile_open(&b->file, b->path, &error));
	keyfile_read(&b->file, b->pipeline, true);
	assert_int_equal(secrets(b), 1);
}

static void a_file_that_was_replaced_is_read_from_its_beginning(void **state)
{
	struct bench *b = *state;
	char aside[80];

	put(b, "w", line);
	open_it(b);
	snprintf(aside, sizeof aside, "%s.new", b->path);
	assert_int_equal(rename(b->path, aside), 0);
	assert_false(look(b));
	put(b, "w", other);
	assert_true(look(b));
	assert_int_equal(secrets(b), 2);
	unlink(aside);
}

static void a_file_that_was_cut_is_read_from_its_beginning(void **state)
{
	struct bench *b = *state;

	put(b, "w", line);
	open_it(b);
	/* As long as before, with another content. */
	put(b, "w", other);
	assert_true(look(b));
	assert_int_equal(secrets(b), 2);
	put(b, "w", "");
	assert_false(look(b));
	put(b, "a", line);
	assert_true(look(b));
	assert_int_equal(secrets(b), 3);
}

static void a_look_that_is_not_urgent_waits_its_turn(void **state)
{
	struct bench *b = *state;

	keyfile_await(&b->file, b->path);
	b->file.looked_ns = INT64_MAX;
	put(b, "w", line);
	assert_false(keyfile_refresh(&b->file, b->pipeline, false));
	assert_int_equal(secrets(b), 0);
}

static void the_hash_follows_the_content(void **state)
{
	struct bench *b = *state;
	char first[65], second[65], third[65];
	struct error error;

	put(b, "w", line);
	assert_true(keyfile_hash(b->path, first, &error));
	put(b, "w", other);
	assert_true(keyfile_hash(b->path, second, &error));
	put(b, "w", line);
	assert_true(keyfile_hash(b->path, third, &error));
	assert_int_equal(strlen(first), 64);
	assert_string_not_equal(first, second);
	assert_string_equal(first, third);
	unlink(b->path);
	assert_false(keyfile_hash(b->path, first, &error));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_is_not_there_cannot_be_opened),
		TEST(a_file_that_is_awaited_is_read_when_it_comes),
		TEST(what_is_appended_is_read_once),
		TEST(a_line_in_two_pieces_is_one),
		TEST(the_last_line_of_a_whole_file_needs_no_end),
		TEST(a_file_that_was_replaced_is_read_from_its_beginning),
		TEST(a_file_that_was_cut_is_read_from_its_beginning),
		TEST(a_look_that_is_not_urgent_waits_its_turn),
		TEST(the_hash_follows_the_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
