#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "dissectors/dns.h"
#include "dissectors/dns_stream.h"
#include "tests/unit/wire.h"

enum { A = 1, CNAME = 5, AAAA = 28, HTTPS = 65, QUERY = 0x0100, ANSWER = 0x8180 };

/* ---- messages, put together ---- */

/* Labels of a name without compression. */
static void add_name(struct buffer *b, const char *name)
{
	for (const char *dot; *name; name = *dot ? dot + 1 : dot) {
		dot = strchrnul(name, '.');
		wire_vec(b, 1, name, (size_t)(dot - name));
	}
	wire_int(b, 0, 1);
}

static void add_header(struct buffer *b, unsigned id, unsigned flags, unsigned answers)
{
	wire_int(b, id, 2);
	wire_int(b, flags, 2);
	wire_int(b, 1, 2);
	wire_int(b, answers, 2);
	wire_int(b, 0, 4);
}

static void add_question(struct buffer *b, const char *name, unsigned type)
{
	add_name(b, name);
	wire_int(b, type, 2);
	wire_int(b, 1, 2);
}

/* The owner is a pointer to a place in the message. */
static void add_record(struct buffer *b, unsigned owner, unsigned type, const void *data, size_t len)
{
	wire_int(b, 0xc000 | owner, 2);
	wire_int(b, type, 2);
	wire_int(b, 1, 2);
	wire_int(b, 300, 4);
	wire_vec(b, 2, data, len);
}

static const uint8_t one[4] = { 192, 0, 2, 1 };
static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 6 };

static void assert_address(const struct lookup *l, unsigned i, const void *at, size_t len)
{
	struct address a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(len == 4 ? a.at + 12 : a.at, at, len);
	assert_true(i < l->address_count);
	assert_memory_equal(&l->addresses[i], &a, sizeof a);
}

static void assert_name(const struct lookup *l, const char *name)
{
	assert_int_equal(l->name_len, strlen(name));
	assert_memory_equal(l->name, name, l->name_len);
}

/* ---- answers ---- */

static void an_address_belongs_to_the_name_asked_for(void **state)
{
	static const uint8_t message[] = {
		0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
		3, 'W', 'w', 'w', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1,
		0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1,
	};
	struct lookup l;

	(void)state;
	assert_true(dns_read_answer((struct bytes){ message, sizeof message }, &l));
	assert_name(&l, "www.test");
	assert_int_equal(l.address_count, 1);
	assert_address(&l, 0, one, 4);
}

static void a_cut_answer_gives_nothing(void **state)
{
	struct buffer b = { 0 };
	struct lookup l;

	(void)state;
	add_header(&b, 1, ANSWER, 2);
	add_question(&b, "www.test", A);
	add_record(&b, 12, A, one, 4);
	add_record(&b, 12, AAAA, six, 16);
	for (size_t cut = 0; cut < b.len; cut++)
		assert_false(dns_read_answer((struct bytes){ b.at, cut }, &l));
	assert_true(dns_read_answer(buffer_bytes(&b), &l));
	assert_int_equal(l.address_count, 2);
	assert_address(&l, 1, six, 16);
	buffer_finish(&b);
}

/* www.test is edge.test is pod.test. */
static void add_aliases(struct buffer *b, bool in_order)
{
	struct buffer edge = { 0 }, pod = { 0 };

	add_name(&edge, "edge.test");
	add_name(&pod, "pod.test");
	add_header(b, 1, ANSWER, 3);
	add_question(b, "www.test", A);
	if (!in_order) {
		add_name(b, "pod.test");
		wire_int(b, A, 2);
		wire_int(b, 1, 2);
		wire_int(b, 0, 4);
		wire_vec(b, 2, one, 4);
		add_name(b, "edge.test");
		wire_int(b, CNAME, 2);
		wire_int(b, 1, 2);
		wire_int(b, 0, 4);
		wire_vec(b, 2, pod.at, pod.len);
	}
	size_t at = b->len;
	add_record(b, 12, CNAME, edge.at, edge.len);
	if (in_order) {
		size_t target = at + 12;

		at = b->len;
		add_record(b, (unsigned)target, CNAME, pod.at, pod.len);
		add_record(b, (unsigned)at + 12, A, one, 4);
	}
	buffer_finish(&edge);
	buffer_finish(&pod);
}

static void aliases_lead_to_the_address_but_the_name_stays(void **state)
{
	(void)state;
	for (int in_order = 0; in_order < 2; in_order++) {
		struct buffer b = { 0 };
		struct lookup l;

		add_aliases(&b, in_order);
		assert_true(dns_read_answer(buffer_bytes(&b), &l));
		assert_name(&l, "www.test");
		assert_int_equal(l.address_count, 1);
		assert_address(&l, 0, one, 4);
		buffer_finish(&b);
	}
}

static void an_address_of_another_name_does_not_count(void **state)
{
	struct buffer b = { 0 };
	struct lookup l;

	(void)state;
	add_header(&b, 1, ANSWER, 1);
	add_question(&b, "www.test", A);
	add_record(&b, 16, A, one, 4);	/* of "test" */
	assert_false(dns_read_answer(buffer_bytes(&b), &l));
	buffer_finish(&b);
}

static void aliases_in_a_circle_end(void **state)
{
	struct buffer b = { 0 };
	struct lookup l;
	static const uint8_t self[] = { 0xc0, 12 };

	(void)state;
	add_header(&b, 1, ANSWER, 1);
	add_question(&b, "www.test", A);
	add_record(&b, 12, CNAME, self, sizeof self);
	assert_false(dns_read_answer(buffer_bytes(&b), &l));
	buffer_finish(&b);
}

static void a_pointer_that_leads_onwards_or_to_itself_is_malformed(void **state)
{
	(void)state;
	for (unsigned to = 26; to < 40; to++) {
		struct buffer b = { 0 };
		struct lookup l;

		add_header(&b, 1, ANSWER, 1);
		add_question(&b, "www.test", A);	/* ends at 26 */
		add_record(&b, to, A, one, 4);
		assert_false(dns_read_answer(buffer_bytes(&b), &l));
		buffer_finish(&b);
	}
}

static void a_name_longer_than_the_protocol_allows_is_malformed(void **state)
{
	struct buffer b = { 0 };
	struct lookup l;
	char label[63];

	(void)state;
	memset(label, 'a', sizeof label);
	add_header(&b, 1, ANSWER, 1);
	for (int i = 0; i < 4; i++)
		wire_vec(&b, 1, label, sizeof label);
	wire_int(&b, 0, 1);
	wire_int(&b, A, 2);
	wire_int(&b, 1, 2);
	add_record(&b, 12, A, one, 4);
	assert_false(dns_read_answer(buffer_bytes(&b), &l));
	buffer_finish(&b);
}

static void refusals_and_truncated_answers_give_nothing(void **state)
{
	static const unsigned flags[] = { ANSWER | 3, ANSWER | 0x0200, ANSWER | 0x2800, QUERY };

	(void)state;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		struct buffer b = { 0 };
		struct lookup l;

		add_header(&b, 1, flags[i], 1);
		add_question(&b, "www.test", A);
		add_record(&b, 12, A, one, 4);
		assert_false(dns_read_answer(buffer_bytes(&b), &l));
		buffer_finish(&b);
	}
}

static void a_service_gives_its_hints_and_its_ech_configurations(void **state)
{
	static const uint8_t service[] = {
		0, 1, 0,			/* priority, target "." */
		0, 1, 0, 3, 2, 'h', '2',	/* alpn */
		0, 4, 0, 4, 192, 0, 2, 1,	/* ipv4hint */
		0, 5, 0, 3, 9, 8, 7,		/* ech */
		0, 6, 0, 16, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6,
	};
	static const uint8_t ech[] = { 9, 8, 7 };
	struct buffer b = { 0 };
	struct lookup l;

	(void)state;
	add_header(&b, 1, ANSWER, 1);
	add_question(&b, "www.test", HTTPS);
	add_record(&b, 12, HTTPS, service, sizeof service);
	assert_true(dns_read_answer(buffer_bytes(&b), &l));
	assert_int_equal(l.ech_len, sizeof ech);
	assert_memory_equal(l.ech, ech, sizeof ech);
	assert_int_equal(l.address_count, 2);
	assert_address(&l, 0, one, 4);
	assert_address(&l, 1, six, 16);
	buffer_finish(&b);
}

static void more_addresses_than_are_kept_are_left_out(void **state)
{
	struct buffer b = { 0 };
	struct lookup l;

	(void)state;
	add_header(&b, 1, ANSWER, LOOKUP_ADDRESSES + 8);
	add_question(&b, "www.test", A);
	for (unsigned i = 0; i < LOOKUP_ADDRESSES + 8; i++)
		add_record(&b, 12, A, (uint8_t[]){ 192, 0, 2, (uint8_t)i }, 4);
	assert_true(dns_read_answer(buffer_bytes(&b), &l));
	assert_int_equal(l.address_count, LOOKUP_ADDRESSES);
	buffer_finish(&b);
}

/* ---- queries and their answers ---- */

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct dns *dns;
	struct lookup last;
	unsigned lookups;
};

static void deliver(void *context, struct lookup_batch *batch)
{
	struct bench *b = context;

	b->lookups += batch->count;
	b->last = batch->each[batch->count - 1];
	free(batch);
}

static void open_bench(struct bench *b)
{
	memset(b, 0, sizeof *b);
	hash_key_init(&b->key);
	b->dns = dns_create(&b->key, &b->limits, deliver, b);
}

static const struct address client = { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } };
static const struct address resolver = { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 53 } };

static void ask(struct bench *b, unsigned id, const char *name, int64_t ns)
{
	struct dns_path path = { .from = client, .to = resolver, .from_port = 5000, .to_port = DNS_PORT, .time_ns = ns };
	struct buffer m = { 0 };

	add_header(&m, id, QUERY, 0);
	add_question(&m, name, A);
	dns_message(b->dns, &path, buffer_bytes(&m));
	buffer_finish(&m);
}

static void answer_from(struct bench *b, struct address from, unsigned id, const char *name, int64_t ns)
{
	struct dns_path path = { .from = from, .to = client, .from_port = DNS_PORT, .to_port = 5000, .time_ns = ns };
	struct buffer m = { 0 };

	add_header(&m, id, ANSWER, 1);
	add_question(&m, name, A);
	add_record(&m, 12, A, one, 4);
	dns_message(b->dns, &path, buffer_bytes(&m));
	dns_flush(b->dns);
	buffer_finish(&m);
}

static void a_lookup_lasts_from_its_first_query_to_its_answer(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	ask(&b, 7, "www.test", 1000);
	ask(&b, 7, "www.test", 2000);	/* repeated */
	answer_from(&b, resolver, 7, "www.test", 5000);
	answer_from(&b, resolver, 7, "www.test", 6000);	/* a second answer answers nothing */
	assert_int_equal(b.lookups, 1);
	assert_int_equal(b.last.query_ns, 1000);
	assert_int_equal(b.last.answer_ns, 5000);
	assert_memory_equal(&b.last.client, &client, sizeof client);
	dns_destroy(b.dns);
}

static void an_answer_nobody_asked_for_is_no_lookup(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	ask(&b, 7, "www.test", 1000);
	answer_from(&b, resolver, 8, "www.test", 2000);		/* another number */
	answer_from(&b, resolver, 7, "other.test", 2000);	/* another question */
	answer_from(&b, client, 7, "www.test", 2000);		/* another server */
	assert_int_equal(b.lookups, 0);
	answer_from(&b, resolver, 7, "WWW.test", 2000);
	assert_int_equal(b.lookups, 1);
	dns_destroy(b.dns);
}

/* DNS_QUERIES bites: the oldest yield. */
static void queries_beyond_the_limit_push_out_older_ones(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	for (unsigned i = 0; i < 2 * DNS_QUERIES_MAX; i++) {
		char name[32];

		snprintf(name, sizeof name, "h%u.test", i);
		ask(&b, i & 0xffff, name, i);
	}
	assert_true(b.limits.bitten[LIMIT_DNS_QUERIES] >= DNS_QUERIES_MAX);
	answer_from(&b, resolver, 2 * DNS_QUERIES_MAX - 1, "h16383.test", 1000000);
	assert_int_equal(b.lookups, 1);
	dns_destroy(b.dns);
}

/* ---- over TCP ---- */

static void push(struct bench *b, struct dns_stream *s, unsigned end, const struct buffer *bytes, size_t at, size_t len, uint64_t missing)
{
	static const struct address ends[2] = { { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } }, { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 53 } } };
	static const uint16_t ports[2] = { 5000, DNS_PORT };
	struct tls_env env = { .limits = &b->limits, .dns = b->dns, .end = ends, .port = ports, .message_bytes = 1000000 };
	struct chunk c = { .data = { bytes->at + at, len }, .time_ns = end ? 9000 : 1000, .missing = missing };

	assert_true(dns_stream_push(s, &env, end, &c));
}

static void add_framed(struct buffer *to, unsigned id, bool is_answer)
{
	struct buffer m = { 0 };

	add_header(&m, id, is_answer ? ANSWER : QUERY, is_answer);
	add_question(&m, "www.test", A);
	if (is_answer)
		add_record(&m, 12, A, one, 4);
	wire_vec(to, 2, m.at, m.len);
	buffer_finish(&m);
}

static void messages_over_tcp_may_be_split_anywhere(void **state)
{
	struct buffer queries = { 0 }, answers = { 0 };

	(void)state;
	add_framed(&queries, 1, false);
	add_framed(&queries, 2, false);
	add_framed(&answers, 1, true);
	add_framed(&answers, 2, true);
	for (size_t cut = 1; cut < answers.len; cut++) {
		struct tls_env env = { .message_bytes = 1000000 };
		struct dns_stream s;
		struct bench b;

		open_bench(&b);
		dns_stream_init(&s);
		push(&b, &s, 0, &queries, 0, queries.len, 0);
		push(&b, &s, 1, &answers, 0, cut, 0);
		push(&b, &s, 1, &answers, cut, answers.len - cut, 0);
		dns_flush(b.dns);
		assert_int_equal(b.lookups, 2);
		assert_int_equal(b.last.answer_ns - b.last.query_ns, 8000);
		assert_null(s.side[1].message);
		dns_stream_finish(&s, &env);
		dns_destroy(b.dns);
	}
	buffer_finish(&queries);
	buffer_finish(&answers);
}

static void behind_a_hole_nothing_is_read(void **state)
{
	struct buffer queries = { 0 }, answers = { 0 };
	struct tls_env env = { .message_bytes = 1000000 };
	struct dns_stream s;
	struct bench b;

	(void)state;
	open_bench(&b);
	dns_stream_init(&s);
	add_framed(&queries, 1, false);
	add_framed(&answers, 1, true);
	push(&b, &s, 0, &queries, 0, queries.len, 0);
	push(&b, &s, 1, &answers, 0, 20, 0);
	push(&b, &s, 1, &answers, 0, answers.len, 5);
	dns_flush(b.dns);
	assert_int_equal(b.lookups, 0);
	dns_stream_finish(&s, &env);
	dns_destroy(b.dns);
	buffer_finish(&queries);
	buffer_finish(&answers);
}

static void other_protocols_do_not_look_like_dns(void **state)
{
	static const char *const others[] = { "GET / HTTP/1.1\r\nHost: a\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "220 mail.test ESMTP ready\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03nothing of DNS" };
	struct buffer query = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(dns_stream_looks((struct bytes){ (const uint8_t *)others[i], 20 }), LOOK_NO);
	add_framed(&query, 1, false);
	assert_int_equal(dns_stream_looks(buffer_bytes(&query)), LOOK_YES);
	assert_int_equal(dns_stream_looks((struct bytes){ query.at, 2 }), LOOK_MAYBE);
	buffer_finish(&query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_belongs_to_the_name_asked_for),
		cmocka_unit_test(a_cut_answer_gives_nothing),
		cmocka_unit_test(aliases_lead_to_the_address_but_the_name_stays),
		cmocka_unit_test(an_address_of_another_name_does_not_count),
		cmocka_unit_test(aliases_in_a_circle_end),
		cmocka_unit_test(a_pointer_that_leads_onwards_or_to_itself_is_malformed),
		cmocka_unit_test(a_name_longer_than_the_protocol_allows_is_malformed),
		cmocka_unit_test(refusals_and_truncated_answers_give_nothing),
		cmocka_unit_test(a_service_gives_its_hints_and_its_ech_configurations),
		cmocka_unit_test(more_addresses_than_are_kept_are_left_out),
		cmocka_unit_test(a_lookup_lasts_from_its_first_query_to_its_answer),
		cmocka_unit_test(an_answer_nobody_asked_for_is_no_lookup),
		cmocka_unit_test(queries_beyond_the_limit_push_out_older_ones),
		cmocka_unit_test(messages_over_tcp_may_be_split_anywhere),
		cmocka_unit_test(behind_a_hole_nothing_is_read),
		cmocka_unit_test(other_protocols_do_not_look_like_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
