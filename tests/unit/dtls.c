#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/dtls.h"
#include "tests/unit/wire.h"

enum { CLIENT, SERVER };
enum { MS = 1000000 };

/* A connection and what it gave. */
struct scene {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct dtls dtls;
	int64_t now_ns;
	uint64_t packets, records[2];
	struct handshake *h;		/* the last one emitted */
	unsigned emitted;
};

static struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof *s);

	hash_key_init(&s->key);
	tls_env_init(&s->env, &s->key, &s->limits);
	dtls_init(&s->dtls);
	return s;
}

static void take_finished(struct scene *s)
{
	for (size_t i = 0; i < s->env.finished_count; i++) {
		if (s->h)
			tls_env_give_back(&s->env, s->h);
		s->h = s->env.finished[i];
		s->emitted++;
	}
	s->env.finished_count = 0;
}

static void push_bytes(struct scene *s, unsigned end, struct bytes b)
{
	struct chunk c = { .data = b, .time_ns = s->now_ns += MS, .number = ++s->packets };

	if (dtls_begins_anew(&s->dtls, &s->env, end, &c)) {
		dtls_end(&s->dtls, &s->env, EXCHANGE_END_IDLE, -1);
		take_finished(s);
		dtls_finish(&s->dtls, &s->env);
		dtls_init(&s->dtls);
	}
	assert_true(dtls_push(&s->dtls, &s->env, end, &c));
	take_finished(s);
}

static void push(struct scene *s, unsigned end, struct buffer *b)
{
	push_bytes(s, end, buffer_bytes(b));
	buffer_finish(b);
}

/* Ends the capture; the handshake stays in s->h. */
static void finish(struct scene *s, enum exchange_end how)
{
	dtls_end(&s->dtls, &s->env, how, -1);
	take_finished(s);
}

static void destroy(struct scene *s)
{
	if (s->h)
		tls_env_give_back(&s->env, s->h);
	dtls_finish(&s->dtls, &s->env);
	assert_int_equal(s->env.message_bytes, 0);
	tls_env_finish(&s->env);
	free(s);
}

static void add_record(struct scene *s, struct buffer *b, unsigned end, uint8_t type, uint16_t epoch,
	struct bytes body)
{
	wire_int(b, type, 1);
	wire_int(b, 0xfefd, 2);
	wire_int(b, epoch, 2);
	wire_int(b, s->records[end]++, 6);
	wire_vec(b, 2, body.at, body.len);
}

/* A record of one piece of a message; the piece is cut out of `body`. */
static void add_piece(struct scene *s, struct buffer *b, unsigned end, uint8_t type, uint16_t seq,
	const struct buffer *body, size_t at, size_t len)
{
	struct buffer m = { 0 };

	wire_int(&m, type, 1);
	wire_int(&m, body->len, 3);
	wire_int(&m, seq, 2);
	wire_int(&m, at, 3);
	wire_int(&m, len, 3);
	if (len)
		buffer_add(&m, body->at + at, len);
	add_record(s, b, end, 22, 0, buffer_bytes(&m));
	buffer_finish(&m);
}

static void add_whole(struct scene *s, struct buffer *b, unsigned end, uint8_t type, uint16_t seq,
	const struct buffer *body)
{
	add_piece(s, b, end, type, seq, body, 0, body->len);
}

static void add_sealed(struct scene *s, struct buffer *b, unsigned end, uint8_t type, uint16_t epoch,
	size_t len)
{
	static const uint8_t noise[300] = { 0x5a };

	add_record(s, b, end, type, epoch, (struct bytes){ noise, len });
}

static void add_change_cipher(struct scene *s, struct buffer *b, unsigned end)
{
	static const uint8_t one[] = { 1 };

	add_record(s, b, end, 20, 0, (struct bytes){ one, 1 });
}

/* ---- bodies ---- */

static void client_hello(struct buffer *b, uint8_t first_of_random, size_t cookie_len)
{
	static const uint8_t cookie[32] = { 0xc0 }, suites[] = { 0xc0, 0x2f };
	uint8_t random[32] = { first_of_random };

	wire_int(b, 0xfefd, 2);
	buffer_add(b, random, sizeof random);
	wire_int(b, 0, 1);
	wire_vec(b, 1, cookie, cookie_len);
	wire_vec(b, 2, suites, sizeof suites);
	wire_int(b, 0x0100, 2);
}

static void verify_request(struct buffer *b)
{
	static const uint8_t cookie[32] = { 0xc0 };

	wire_int(b, 0xfeff, 2);
	wire_vec(b, 1, cookie, sizeof cookie);
}

static void server_hello(struct buffer *b)
{
	wire_int(b, 0xfefd, 2);
	buffer_add(b, wire_server_random, sizeof wire_server_random);
	wire_int(b, 0, 1);
	wire_int(b, 0xc02f, 2);
	wire_int(b, 0, 1);
}

/* One certificate that is none, long enough to be sent in pieces. */
static void certificate(struct buffer *b)
{
	uint8_t der[200];

	for (size_t i = 0; i < sizeof der; i++)
		der[i] = (uint8_t)i;
	wire_int(b, sizeof der + 3, 3);
	wire_vec(b, 3, der, sizeof der);
}

static void key_exchange(struct buffer *b)
{
	static const uint8_t share[65] = { 4 };

	wire_int(b, 3, 1);
	wire_int(b, 23, 2);
	wire_vec(b, 1, share, sizeof share);
	wire_int(b, 0x0403, 2);
	wire_vec(b, 2, share, sizeof share);
}

/* ---- flights: each a datagram ---- */

struct flights {
	struct buffer hello, verify, hello_again, server, certificate, rest, client, finish;
};

static void add_body(struct scene *s, struct buffer *to, unsigned end, uint8_t type, uint16_t seq,
	void (*make)(struct buffer *))
{
	struct buffer body = { 0 };

	if (make)
		make(&body);
	add_whole(s, to, end, type, seq, &body);
	buffer_finish(&body);
}

/* A whole handshake with a cookie; the server's certificate stands in a datagram of its own. */
static struct flights make_flights(struct scene *s)
{
	struct flights f = { 0 };
	struct buffer body = { 0 };

	client_hello(&body, 1, 0);
	add_whole(s, &f.hello, CLIENT, 1, 0, &body);
	buffer_clear(&body);
	add_body(s, &f.verify, SERVER, 3, 0, verify_request);
	client_hello(&body, 1, 32);
	add_whole(s, &f.hello_again, CLIENT, 1, 1, &body);
	buffer_finish(&body);
	add_body(s, &f.server, SERVER, 2, 1, server_hello);
	add_body(s, &f.certificate, SERVER, 11, 2, certificate);
	add_body(s, &f.rest, SERVER, 12, 3, key_exchange);
	add_body(s, &f.rest, SERVER, 14, 4, NULL);
	add_body(s, &f.client, CLIENT, 16, 2, key_exchange);
	add_change_cipher(s, &f.client, CLIENT);
	add_sealed(s, &f.client, CLIENT, 22, 1, 48);
	add_change_cipher(s, &f.finish, SERVER);
	add_sealed(s, &f.finish, SERVER, 22, 1, 48);
	return f;
}

static void finish_flights(struct flights *f)
{
	struct buffer *all = (struct buffer *)f;

	for (size_t i = 0; i < sizeof *f / sizeof *all; i++)
		buffer_finish(&all[i]);
}

static void assert_complete(const struct handshake *h)
{
	assert_non_null(h);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->transport, TRANSPORT_DTLS);
	assert_int_equal(h->version, 0xfefd);
	assert_int_equal(h->cipher, 0xc02f);
	assert_int_equal(h->named_group, 23);
	assert_int_equal(h->signature_scheme, 0x0403);
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->reassembly, 0);
}

/* Datagrams by letter, a for the first of struct flights. */
static void play(struct scene *s, const struct flights *f, const char *order)
{
	const struct buffer *all = &f->hello;

	for (; *order; order++)
		push_bytes(s, strchr("acg", *order) ? CLIENT : SERVER,
			buffer_bytes(&all[*order - 'a']));
}

/* ---- facts ---- */

static void a_cookie_and_both_hellos_belong_to_one_handshake(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	play(s, &f, "abcdefgh");
	finish(s, EXCHANGE_END_CAPTURE);
	assert_complete(s->h);
	assert_int_equal(s->emitted, 1);
	assert_int_equal(s->h->dtls_cookie, 1);
	assert_int_equal(s->h->round_trips, 3);
	assert_int_equal(s->h->retransmissions, 0);
	assert_int_equal(s->h->packets, 8);
	assert_int_equal(s->h->first_packet, 1);
	assert_int_equal(s->h->last_packet, 8);
	assert_int_equal(s->h->server_hello_ns, 1 * MS);
	assert_int_equal(s->h->tls_ns, 7 * MS);
	assert_non_null(s->h->client_hello_second);
	finish_flights(&f);
	destroy(s);
}

static void a_message_counts_its_header_of_twelve_bytes(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(handshake_message(s->h, 0)->bytes, 12 + 2 + 32 + 1 + 1 + 4 + 2);
	assert_int_equal(s->h->client_bytes, 13 + 12 + 42);
	assert_int_equal(s->h->outcome, OUTCOME_OPEN);
	finish_flights(&f);
	destroy(s);
}

static const char *const ORDERS[] = {
	"abcdefgh",		/* as sent */
	"abcfedgh",		/* the server's flight backwards */
	"abcdfegh",
	"ababccddeeffgghh",	/* everything twice */
	"abcdegfh",		/* the client's answer overtakes */
	"abcdefhg",		/* the server's last word overtakes the client's */
	"abcedfefghgh",
};

static void every_order_gives_the_same_handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
		struct scene *s = begin();
		struct flights f = make_flights(s);

		play(s, &f, ORDERS[i]);
		finish(s, EXCHANGE_END_CAPTURE);
		assert_complete(s->h);
		assert_int_equal(s->emitted, 1);
		assert_int_equal(s->h->dtls_cookie, 1);
		finish_flights(&f);
		destroy(s);
	}
}

static void what_comes_twice_is_counted_once(void **state)
{
	struct scene *once = begin(), *twice = begin();
	struct flights f = make_flights(once), g = make_flights(twice);

	(void)state;
	play(once, &f, "abcdefgh");
	finish(once, EXCHANGE_END_CAPTURE);
	play(twice, &g, "aabbccddeeffgghh");
	finish(twice, EXCHANGE_END_CAPTURE);
	assert_int_equal(twice->h->client_bytes, once->h->client_bytes);
	assert_int_equal(twice->h->server_bytes, once->h->server_bytes);
	assert_int_equal(twice->h->packets, once->h->packets);
	finish_flights(&f);
	finish_flights(&g);
	destroy(once);
	destroy(twice);
}

/* A flight's datagrams in any order, each perhaps twice, by a sequence that is the same each time. */
static void any_shuffle_of_a_flight_gives_the_same_handshake(void **state)
{
	uint32_t chance = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct scene *s = begin();
		struct flights f = make_flights(s);
		char flight[] = "defdef";

		for (size_t i = sizeof flight - 2; i > 0; i--) {
			size_t with = (chance = chance * 1664525 + 1013904223) >> 16;
			char kept = flight[i];

			with %= i + 1;
			flight[i] = flight[with];
			flight[with] = kept;
		}
		play(s, &f, "abc");
		play(s, &f, flight);
		play(s, &f, round % 2 ? "gh" : "hghg");
		finish(s, EXCHANGE_END_CAPTURE);
		assert_complete(s->h);
		assert_int_equal(s->emitted, 1);
		assert_int_equal(s->h->message_count, 12);
		finish_flights(&f);
		destroy(s);
	}
}

static void what_comes_again_counts_as_retransmitted_and_not_twice(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	for (int i = 0; i < 3; i++)
		push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	finish(s, EXCHANGE_END_IDLE);
	assert_int_equal(s->h->retransmissions, 2);
	assert_int_equal(s->h->message_count, 1);
	assert_int_equal(s->h->packets, 1);
	assert_int_equal(s->h->client_bytes, 13 + 12 + 42);
	assert_int_equal(s->h->outcome, OUTCOME_FAILED);
	assert_int_equal(s->h->ended_by, ENDED_BY_NETWORK);
	finish_flights(&f);
	destroy(s);
}

/* The certificate in pieces of `size` bytes that overlap by `overlap`, from the last to the first. */
static struct scene *in_pieces(size_t size, size_t overlap)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer body = { 0 };

	certificate(&body);
	play(s, &f, "abcd");
	for (size_t at = (body.len - 1) / size * size; ; at -= size) {
		size_t len = size + overlap > body.len - at ? body.len - at : size + overlap;
		struct buffer b = { 0 };

		add_piece(s, &b, SERVER, 11, 2, &body, at, len);
		push(s, SERVER, &b);
		if (!at)
			break;
	}
	play(s, &f, "fgh");
	finish(s, EXCHANGE_END_CAPTURE);
	buffer_finish(&body);
	finish_flights(&f);
	return s;
}

static void pieces_may_be_of_any_size_and_overlap(void **state)
{
	(void)state;
	for (size_t size = 1; size < 210; size += 13) {
		for (size_t overlap = 0; overlap < 30; overlap += 7) {
			struct scene *s = in_pieces(size, overlap);

			assert_complete(s->h);
			assert_int_equal(s->h->server_chain->certificates[0].der.len, 200);
			assert_int_equal(s->h->server_chain->certificates[0].der.at[150], 150);
			destroy(s);
		}
	}
}

static void the_first_bytes_for_a_place_win_and_others_are_marked(void **state)
{
	struct scene *s = begin();
	struct buffer hello = { 0 }, forged = { 0 };
	struct buffer a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	client_hello(&hello, 1, 0);
	client_hello(&forged, 1, 0);
	forged.at[10] = 0x66;
	add_piece(s, &a, CLIENT, 1, 0, &hello, 0, 20);
	add_piece(s, &b, CLIENT, 1, 0, &forged, 0, 20);
	add_piece(s, &c, CLIENT, 1, 0, &hello, 20, hello.len - 20);
	push(s, CLIENT, &a);
	push(s, CLIENT, &b);
	push(s, CLIENT, &c);
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->h->reassembly, REASSEMBLY_OVERLAP);
	assert_int_equal(s->h->client_random[8], 0);
	buffer_finish(&hello);
	buffer_finish(&forged);
	destroy(s);
}

static void a_message_that_never_comes_leaves_a_gap_and_the_rest(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	play(s, &f, "abcdfgh");
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(s->h->reassembly, REASSEMBLY_GAP);
	assert_int_equal(s->h->named_group, 23);
	assert_int_equal(s->h->server_certificates, -1);
	finish_flights(&f);
	destroy(s);
}

static void another_first_hello_is_another_connection(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer other = { 0 }, b = { 0 };

	(void)state;
	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	client_hello(&other, 2, 0);
	add_whole(s, &b, CLIENT, 1, 0, &other);
	push(s, CLIENT, &b);
	assert_int_equal(s->emitted, 1);
	assert_int_equal(s->h->client_random[0], 1);
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->emitted, 2);
	assert_int_equal(s->h->client_random[0], 2);
	buffer_finish(&other);
	finish_flights(&f);
	destroy(s);
}

static void a_server_that_forgot_may_count_from_zero_again(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer b = { 0 };

	(void)state;
	play(s, &f, "abc");
	add_body(s, &b, SERVER, 2, 0, server_hello);
	add_body(s, &b, SERVER, 11, 1, certificate);
	push(s, SERVER, &b);
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->h->cipher, 0xc02f);
	assert_int_equal(s->h->server_certificates, 1);
	finish_flights(&f);
	destroy(s);
}

static void a_fatal_alert_fails_and_its_copy_is_none(void **state)
{
	static const uint8_t refused[] = { 2, 40 };
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer b = { 0 };

	(void)state;
	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	add_record(s, &b, SERVER, 21, 0, (struct bytes){ refused, 2 });
	push_bytes(s, SERVER, buffer_bytes(&b));
	push(s, SERVER, &b);
	finish(s, EXCHANGE_END_IDLE);
	assert_int_equal(s->h->outcome, OUTCOME_FAILED);
	assert_int_equal(s->h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(s->h->alert_code, 40);
	assert_int_equal(s->h->alert_count, 1);
	finish_flights(&f);
	destroy(s);
}

static void the_copy_of_a_finished_is_no_renegotiation(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	play(s, &f, "abcdefghgh");
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->emitted, 1);
	assert_complete(s->h);
	assert_int_equal(s->h->retransmissions, 2);
	finish_flights(&f);
	destroy(s);
}

static void an_encrypted_hello_begins_a_renegotiation(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer b = { 0 };

	(void)state;
	play(s, &f, "abcdefgh");
	add_sealed(s, &b, CLIENT, 22, 1, 200);
	push(s, CLIENT, &b);
	assert_int_equal(s->emitted, 1);
	assert_complete(s->h);
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->emitted, 2);
	assert_int_equal(s->h->sequence, 1);
	finish_flights(&f);
	destroy(s);
}

static void connection_ids_stand_between_number_and_length(void **state)
{
	static const uint8_t extension[] = { 0, 54, 0, 4, 3, 'a', 'b', 'c' };
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer hello = { 0 }, answer = { 0 }, b = { 0 };
	static const uint8_t noise[40] = { 1 };

	(void)state;
	client_hello(&hello, 1, 0);
	wire_vec(&hello, 2, extension, sizeof extension);
	add_whole(s, &b, CLIENT, 1, 0, &hello);
	push(s, CLIENT, &b);
	server_hello(&answer);
	wire_vec(&answer, 2, extension, sizeof extension);
	b = (struct buffer){ 0 };
	add_whole(s, &b, SERVER, 2, 1, &answer);
	push(s, SERVER, &b);
	push_bytes(s, SERVER, buffer_bytes(&f.certificate));
	push_bytes(s, SERVER, buffer_bytes(&f.rest));
	for (unsigned end = 0; end < 2; end++) {
		b = (struct buffer){ 0 };
		if (end == CLIENT)
			add_body(s, &b, CLIENT, 16, 1, key_exchange);
		add_change_cipher(s, &b, end);
		wire_int(&b, 25, 1);
		wire_int(&b, 0xfefd, 2);
		wire_int(&b, UINT64_C(1) << 48, 8);
		buffer_add(&b, "abc", 3);
		wire_vec(&b, 2, noise, sizeof noise);
		push(s, end, &b);
	}
	finish(s, EXCHANGE_END_CAPTURE);
	assert_complete(s->h);
	assert_int_equal(s->h->message_count, 10);
	buffer_finish(&hello);
	buffer_finish(&answer);
	finish_flights(&f);
	destroy(s);
}

static void add_unified(struct buffer *b, uint8_t epoch, size_t len)
{
	static const uint8_t noise[300] = { 0x77 };

	wire_int(b, 0x2c | (epoch & 3), 1);
	wire_int(b, 0x1234, 2);
	wire_vec(b, 2, noise, len);
}

/* A ServerHello of DTLS 1.3; a HelloRetryRequest with a cookie where that is asked for. */
static void server_hello13(struct buffer *b, bool retry)
{
	static const uint8_t retry_random[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};
	static const uint8_t versions[] = { 0xfe, 0xfc }, cookie[] = { 0, 2, 0xaa, 0xbb };
	struct buffer extensions = { 0 };

	wire_int(b, 0xfefd, 2);
	buffer_add(b, retry ? retry_random : wire_server_random, 32);
	wire_int(b, 0, 1);
	wire_int(b, 0x1301, 2);
	wire_int(b, 0, 1);
	wire_extension(&extensions, 43, versions, sizeof versions);
	if (retry)
		wire_extension(&extensions, 44, cookie, sizeof cookie);
	wire_vec(b, 2, extensions.at, extensions.len);
	buffer_finish(&extensions);
}

static void dtls13_is_complete_once_the_client_sent_a_record_of_a_finished_s_size(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer retry = { 0 }, answer = { 0 }, b = { 0 };

	(void)state;
	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	server_hello13(&retry, true);
	add_whole(s, &b, SERVER, 2, 0, &retry);
	push(s, SERVER, &b);
	push_bytes(s, CLIENT, buffer_bytes(&f.hello_again));
	server_hello13(&answer, false);
	b = (struct buffer){ 0 };
	add_whole(s, &b, SERVER, 2, 1, &answer);
	add_unified(&b, 2, 60);
	add_unified(&b, 2, 250);
	push(s, SERVER, &b);
	b = (struct buffer){ 0 };
	add_unified(&b, 2, 35);			/* an acknowledgement */
	push(s, CLIENT, &b);
	assert_true(dtls_is_running(&s->dtls));
	b = (struct buffer){ 0 };
	add_unified(&b, 2, 12 + 32 + 1 + 16);
	push(s, CLIENT, &b);
	assert_false(dtls_is_running(&s->dtls));
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->h->outcome, OUTCOME_COMPLETED);
	assert_true(s->h->inferred & INFERRED_OUTCOME);
	assert_int_equal(s->h->version, 0xfefc);
	assert_int_equal(s->h->hello_retry, 1);
	assert_int_equal(s->h->dtls_cookie, 1);
	assert_int_equal(s->h->tls_ns, 5 * MS);
	buffer_finish(&retry);
	buffer_finish(&answer);
	finish_flights(&f);
	destroy(s);
}

/* Bytes of a server whose last flight came `times` times. */
static int64_t bytes_of_dtls13(unsigned times)
{
	static const uint8_t sealed[] = { 0x2e, 0x12, 0x34, 0, 40, [41] = 1, 2, 3, 4 };
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer answer = { 0 }, b = { 0 };

	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	server_hello13(&answer, false);
	add_whole(s, &b, SERVER, 2, 0, &answer);
	push(s, SERVER, &b);
	for (unsigned i = 0; i < times; i++)
		push_bytes(s, SERVER, (struct bytes){ sealed, sizeof sealed });
	finish(s, EXCHANGE_END_CAPTURE);
	int64_t bytes = (int64_t)s->h->server_bytes;
	buffer_finish(&answer);
	finish_flights(&f);
	destroy(s);
	return bytes;
}

static void a_sealed_record_that_comes_twice_is_counted_once(void **state)
{
	(void)state;
	assert_int_equal(bytes_of_dtls13(1), bytes_of_dtls13(0) + 5 + 40);
	assert_int_equal(bytes_of_dtls13(2), bytes_of_dtls13(1));
}

static void the_preamble_of_capwap_is_stepped_over_and_told(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer b = { 0 };

	(void)state;
	wire_int(&b, 0x01000000, 4);
	buffer_add(&b, f.hello.at, f.hello.len);
	assert_int_equal(dtls_looks(buffer_bytes(&b)), LOOK_YES);
	push(s, CLIENT, &b);
	finish(s, EXCHANGE_END_CAPTURE);
	struct bytes via = handshake_text(s->h, s->h->starttls);
	assert_int_equal(via.len, 6);
	assert_memory_equal(via.at, "capwap", 6);
	finish_flights(&f);
	destroy(s);
}

static void without_application_data_a_row_waits_a_minute_and_no_longer(void **state)
{
	static const uint8_t rtp[] = { 0x80, 0x60, 0, 1 };
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	play(s, &f, "abcdefgh");
	push_bytes(s, CLIENT, (struct bytes){ rtp, sizeof rtp });
	assert_int_equal(s->emitted, 0);
	s->now_ns += INT64_C(61000) * MS;
	push_bytes(s, CLIENT, (struct bytes){ rtp, sizeof rtp });
	assert_int_equal(s->emitted, 1);
	assert_complete(s->h);
	finish_flights(&f);
	destroy(s);
}

static void only_a_plausible_handshake_record_looks_like_dtls(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 23 }, { 1, 3 }, { 2, 0xfa }, { 4, 1 }, { 5, 1 }, { 12, 4 }, { 13, 99 }, { 14, 0x7f },
		{ 19, 0xff }, { 22, 0xff },
	};

	(void)state;
	assert_int_equal(dtls_looks(buffer_bytes(&f.hello)), LOOK_YES);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		uint8_t right = f.hello.at[wrong[i].at];

		f.hello.at[wrong[i].at] = wrong[i].value;
		assert_int_equal(dtls_looks(buffer_bytes(&f.hello)), LOOK_NO);
		f.hello.at[wrong[i].at] = right;
	}
	for (size_t len = 0; len < 26; len++)
		assert_int_equal(dtls_looks((struct bytes){ f.hello.at, len }), LOOK_NO);
	finish_flights(&f);
	destroy(s);
}

/* LIMIT_DTLS_MESSAGES */
static void messages_that_wait_are_bounded_and_the_last_give_way(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);

	(void)state;
	push_bytes(s, CLIENT, buffer_bytes(&f.hello));
	push_bytes(s, SERVER, buffer_bytes(&f.server));
	for (uint16_t seq = 40; seq > 4; seq--) {
		struct buffer b = { 0 };

		add_body(s, &b, SERVER, 11, seq, certificate);
		push(s, SERVER, &b);
	}
	assert_int_equal(s->dtls.side[SERVER].messages.count, DTLS_MESSAGES_MAX);
	assert_int_equal(s->limits.bitten[LIMIT_DTLS_MESSAGES], 36 - DTLS_MESSAGES_MAX);
	/* What is next still finds its place. */
	push_bytes(s, SERVER, buffer_bytes(&f.certificate));
	finish(s, EXCHANGE_END_CAPTURE);
	assert_int_equal(s->h->server_certificates, 1);
	finish_flights(&f);
	destroy(s);
}

/* One forged piece would otherwise keep the rest of the handshake waiting. */
static void a_message_far_ahead_is_none_of_the_handshake(void **state)
{
	struct scene *s = begin();
	struct flights f = make_flights(s);
	struct buffer body = { 0 }, b = { 0 };

	(void)state;
	certificate(&body);
	play(s, &f, "abcde");
	add_piece(s, &b, SERVER, 11, 20000, &body, 0, 16);
	push(s, SERVER, &b);
	play(s, &f, "fgh");
	finish(s, EXCHANGE_END_CAPTURE);
	assert_complete(s->h);
	assert_int_equal(s->h->packets, 8);
	buffer_finish(&body);
	finish_flights(&f);
	destroy(s);
}

/* LIMIT_DTLS_PIECES */
static void pieces_that_do_not_touch_are_bounded(void **state)
{
	struct scene *s = begin();
	struct buffer body = { 0 };
	static const uint8_t nothing[2000];

	(void)state;
	buffer_add(&body, nothing, sizeof nothing);
	for (size_t at = 0; at < 2 * (DTLS_PIECES_MAX + 10); at += 2) {
		struct buffer b = { 0 };

		add_piece(s, &b, CLIENT, 1, 0, &body, at, 1);
		push(s, CLIENT, &b);
	}
	assert_int_equal(s->limits.bitten[LIMIT_DTLS_PIECES], 10);
	buffer_finish(&body);
	destroy(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_and_both_hellos_belong_to_one_handshake),
		cmocka_unit_test(a_message_counts_its_header_of_twelve_bytes),
		cmocka_unit_test(every_order_gives_the_same_handshake),
		cmocka_unit_test(what_comes_twice_is_counted_once),
		cmocka_unit_test(any_shuffle_of_a_flight_gives_the_same_handshake),
		cmocka_unit_test(what_comes_again_counts_as_retransmitted_and_not_twice),
		cmocka_unit_test(pieces_may_be_of_any_size_and_overlap),
		cmocka_unit_test(the_first_bytes_for_a_place_win_and_others_are_marked),
		cmocka_unit_test(a_message_that_never_comes_leaves_a_gap_and_the_rest),
		cmocka_unit_test(another_first_hello_is_another_connection),
		cmocka_unit_test(a_server_that_forgot_may_count_from_zero_again),
		cmocka_unit_test(a_fatal_alert_fails_and_its_copy_is_none),
		cmocka_unit_test(the_copy_of_a_finished_is_no_renegotiation),
		cmocka_unit_test(an_encrypted_hello_begins_a_renegotiation),
		cmocka_unit_test(connection_ids_stand_between_number_and_length),
		cmocka_unit_test(dtls13_is_complete_once_the_client_sent_a_record_of_a_finished_s_size),
		cmocka_unit_test(a_sealed_record_that_comes_twice_is_counted_once),
		cmocka_unit_test(the_preamble_of_capwap_is_stepped_over_and_told),
		cmocka_unit_test(without_application_data_a_row_waits_a_minute_and_no_longer),
		cmocka_unit_test(only_a_plausible_handshake_record_looks_like_dtls),
		cmocka_unit_test(messages_that_wait_are_bounded_and_the_last_give_way),
		cmocka_unit_test(a_message_far_ahead_is_none_of_the_handshake),
		cmocka_unit_test(pieces_that_do_not_touch_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
