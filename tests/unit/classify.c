#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/applications.h"
#include "dissectors/hello.h"
#include "dissectors/intern.h"
#include "flow/classify.h"
#include "tests/unit/wire.h"

/* Names and lists change from release to release. */
static void skip_other_releases(void)
{
	if (strncmp(classify_release(), "4.2", 3)) {
		print_message("nDPI %s names things differently than 4.2\n", classify_release());
		skip();
	}
}

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static struct address address(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct address){ { [10] = 0xff, [11] = 0xff, a, b, c, d } };
}

static void a_known_host_names_its_application(void **state)
{
	struct classifier *c = classify_create();
	struct classification found;

	(void)state;
	skip_other_releases();
	assert_non_null(c);
	assert_true(classify_name(c, text("www.youtube.com"), &found));
	assert_string_equal(classify_application(c, &found), "YouTube");
	assert_string_equal(classify_category(c, &found), "Media");
	assert_int_equal(found.risks, 0);
	classify_destroy(c);
}

static void an_unknown_host_names_none(void **state)
{
	struct classifier *c = classify_create();
	struct classification found;
	char long_name[300];

	(void)state;
	skip_other_releases();
	memset(long_name, 'a', sizeof long_name);
	assert_false(classify_name(c, text("www.nobody-knows.example"), &found));
	assert_false(classify_name(c, (struct bytes){ 0 }, &found));
	assert_false(classify_name(c, (struct bytes){ (const uint8_t *)"www.youtube.com\0x", 17 }, &found));
	assert_false(classify_name(c, (struct bytes){ (uint8_t *)long_name, sizeof long_name }, &found));
	classify_destroy(c);
}

static void an_address_of_a_known_network_names_its_owner(void **state)
{
	struct classifier *c = classify_create();
	struct classification found;

	(void)state;
	skip_other_releases();
	assert_true(classify_address(c, address(8, 8, 8, 8), &found));
	assert_string_equal(classify_application(c, &found), "Google");
	assert_false(classify_address(c, address(192, 0, 2, 1), &found));
	assert_false(classify_address(c, (struct address){ { 0x20, 0x01 } }, &found));
	classify_destroy(c);
}

/* ---- whole handshakes ---- */

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct intern *in;
	struct applications *applications;
	struct handshake h;
};

/* A hello with one suite, with or without a name. */
static void open_bench(struct bench *b, const char *name)
{
	struct buffer body = { 0 }, extensions = { 0 }, key = { 0 };
	static const uint8_t suites[] = { 0x00, 0x05 };	/* RC4 */
	struct client_hello hello;

	memset(b, 0, sizeof *b);
	hash_key_init(&b->key);
	b->in = intern_create(&b->key, &b->limits);
	b->applications = applications_create(&b->limits);
	handshake_init(&b->h);
	if (name) {
		wire_server_name(&extensions, name);
		b->h.server_name = handshake_keep_text(&b->h, name);
	}
	wire_extension(&extensions, 23, NULL, 0);
	wire_client_hello(&body, suites, sizeof suites, &extensions);
	client_hello_parse(buffer_bytes(&body), HELLO_CLIENT, &hello, &key);
	b->h.client_hello = intern_hello(b->in, buffer_bytes(&key));
	b->h.has_client_random = true;
	b->h.transport = TRANSPORT_TCP;
	b->h.server_port = 443;
	b->h.server = address(192, 0, 2, 1);
	buffer_finish(&body);
	buffer_finish(&extensions);
	buffer_finish(&key);
}

static void close_bench(struct bench *b)
{
	intern_release_hello(b->in, b->h.client_hello);
	handshake_finish(&b->h);
	applications_destroy(b->applications);
	intern_destroy(b->in);
}

static void assert_text(const struct handshake *h, struct text t, const char *expected)
{
	struct bytes b = handshake_text(h, t);

	assert_int_equal(b.len, strlen(expected));
	if (b.len)
		assert_memory_equal(b.at, expected, b.len);
}

static bool has_risk(const struct handshake *h, const char *risk)
{
	struct bytes b = handshake_text(h, h->risks);

	return b.len && memmem(b.at, b.len, risk, strlen(risk));
}

static void a_handshake_is_named_after_its_host(void **state)
{
	struct bench b;

	(void)state;
	skip_other_releases();
	open_bench(&b, "www.youtube.com");
	applications_tell(b.applications, &b.h);
	assert_text(&b.h, b.h.application, "YouTube");
	assert_false(has_risk(&b.h, "Missing SNI"));
	close_bench(&b);
}

static void a_name_that_was_looked_up_serves_where_none_was_sent(void **state)
{
	struct bench b;

	(void)state;
	skip_other_releases();
	open_bench(&b, NULL);
	b.h.dns_name = handshake_keep_text(&b.h, "www.youtube.com");
	applications_tell(b.applications, &b.h);
	assert_text(&b.h, b.h.application, "YouTube");
	assert_true(has_risk(&b.h, "\"Missing SNI TLS Extension\""));
	close_bench(&b);
}

static void a_handshake_of_which_nothing_is_known_is_tls(void **state)
{
	struct bench b;

	(void)state;
	skip_other_releases();
	open_bench(&b, "www.nobody-knows.example");
	applications_tell(b.applications, &b.h);
	assert_text(&b.h, b.h.application, "TLS");
	assert_text(&b.h, b.h.category, "Web");
	close_bench(&b);
}

static void a_port_that_is_not_its_own_is_a_risk_but_not_for_starttls(void **state)
{
	struct bench b;

	(void)state;
	skip_other_releases();
	open_bench(&b, "www.nobody-knows.example");
	b.h.server_port = 4444;
	applications_tell(b.applications, &b.h);
	assert_true(has_risk(&b.h, "\"Known Protocol on Non Standard Port\""));
	b.h.starttls = handshake_keep_text(&b.h, "smtp");
	b.h.risks = TEXT_NONE;
	applications_tell(b.applications, &b.h);
	assert_false(has_risk(&b.h, "Non Standard Port"));
	close_bench(&b);
}

static void an_answer_remembered_is_the_answer_asked_for(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "www.nobody-knows.example");
	b.h.server_port = 4444;
	applications_tell(b.applications, &b.h);
	struct text first = b.h.risks;
	applications_tell(b.applications, &b.h);
	assert_int_equal(b.h.risks.len, first.len);
	assert_true(bytes_equal(handshake_text(&b.h, first), handshake_text(&b.h, b.h.risks)));
	close_bench(&b);
}

/* CLASSIFICATIONS bites: what is forgotten is asked for again. */
static void answers_beyond_the_limit_push_out_others(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "www.nobody-knows.example");
	for (unsigned i = 0; i <= CLASSIFICATIONS_MAX; i++) {
		b.h.server_port = (uint16_t)(1024 + i);
		b.h.risks = b.h.application = b.h.category = TEXT_NONE;
		b.h.texts_used = 0;
		applications_tell(b.applications, &b.h);
	}
	assert_true(b.limits.bitten[LIMIT_CLASSIFICATIONS] > 0);
	assert_text(&b.h, b.h.application, "TLS");
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_host_names_its_application),
		cmocka_unit_test(an_unknown_host_names_none),
		cmocka_unit_test(an_address_of_a_known_network_names_its_owner),
		cmocka_unit_test(a_handshake_is_named_after_its_host),
		cmocka_unit_test(a_name_that_was_looked_up_serves_where_none_was_sent),
		cmocka_unit_test(a_handshake_of_which_nothing_is_known_is_tls),
		cmocka_unit_test(a_port_that_is_not_its_own_is_a_risk_but_not_for_starttls),
		cmocka_unit_test(an_answer_remembered_is_the_answer_asked_for),
		cmocka_unit_test(answers_beyond_the_limit_push_out_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
