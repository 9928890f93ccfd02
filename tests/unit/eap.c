#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/eap.h"
#include "dissectors/radius.h"
#include "tests/unit/carried.h"

enum { REQUEST = 1, RESPONSE, SUCCESS, FAILURE, IDENTITY = 1, TLS = 13, PEAP = 25, PIECE = 200 };
enum { LENGTH_INCLUDED = 0x80, MORE = 0x40, START = 0x20 };

/* One conversation: how its packets are carried, and what comes next. */
struct talk {
	struct carrier *c;
	bool radius;
	uint8_t method, user;		/* the user's number is in State and authenticator */
	uint8_t identifier, request;	/* of EAP, of RADIUS */
};

static void add_attributes(struct buffer *b, const struct talk *t, bool has_state,
	const struct buffer *eap)
{
	wire_int(b, 1, 1);	/* User-Name */
	wire_int(b, 6, 1);
	buffer_add(b, "name", 4);
	for (size_t at = 0; at < eap->len; at += 253) {
		size_t n = eap->len - at < 253 ? eap->len - at : 253;

		wire_int(b, 79, 1);
		wire_int(b, n + 2, 1);
		buffer_add(b, eap->at + at, n);
	}
	if (has_state) {
		wire_int(b, 24, 1);
		wire_int(b, 6, 1);
		wire_int(b, 0xabcdef00u + t->user, 4);
	}
}

/* Each packet of EAP asks or answers; the authenticator of a request differs each time. */
static void push_radius(struct talk *t, unsigned end, uint8_t code, const struct buffer *eap)
{
	static const uint8_t codes[] = { [REQUEST] = 11, [RESPONSE] = 1, [SUCCESS] = 2, [FAILURE] = 3 };
	struct buffer attributes = { 0 }, b = { 0 };

	if (code == RESPONSE)
		t->request = (uint8_t)(t->request + 8);
	add_attributes(&attributes, t, code == REQUEST || t->request >= 16, eap);
	wire_int(&b, codes[code], 1);
	wire_int(&b, t->request, 1);
	wire_int(&b, attributes.len + 20, 2);
	wire_int(&b, t->user, 8);
	wire_int(&b, t->request, 8);
	buffer_add(&b, attributes.at, attributes.len);
	assert_int_equal(radius_looks(buffer_bytes(&b)), LOOK_YES);
	carrier_push(t->c, end, buffer_bytes(&b));
	buffer_finish(&attributes);
	buffer_finish(&b);
}

static void push_eapol(struct talk *t, unsigned end, const struct buffer *eap)
{
	struct buffer b = { 0 };

	wire_int(&b, 0x0200, 2);
	wire_vec(&b, 2, eap->at, eap->len);
	assert_int_equal(eapol_looks(buffer_bytes(&b)), LOOK_YES);
	carrier_push(t->c, end, buffer_bytes(&b));
	buffer_finish(&b);
}

static void push_packet(struct talk *t, uint8_t code, const void *content, size_t len)
{
	struct buffer eap = { 0 };
	unsigned end = code == RESPONSE ? CLIENT : SERVER;

	wire_int(&eap, code, 1);
	wire_int(&eap, t->identifier, 1);
	wire_int(&eap, len + 4, 2);
	buffer_add(&eap, content, len);
	if (t->radius)
		push_radius(t, end, code, &eap);
	else
		push_eapol(t, end, &eap);
	buffer_finish(&eap);
}

static void push_piece(struct talk *t, uint8_t code, uint8_t flags, size_t whole, struct bytes piece)
{
	struct buffer b = { 0 };

	wire_int(&b, t->method, 1);
	wire_int(&b, flags, 1);
	if (flags & LENGTH_INCLUDED)
		wire_int(&b, whole, 4);
	buffer_add(&b, piece.at, piece.len);
	push_packet(t, code, b.at, b.len);
	buffer_finish(&b);
}

/* A flight, piece by piece; the other side says an empty word to each but the last. */
static void push_flight(struct talk *t, unsigned n)
{
	uint8_t speaks = n % 2 ? REQUEST : RESPONSE, listens = n % 2 ? RESPONSE : REQUEST;
	struct buffer b = { 0 };

	carried_flight(&b, n);
	for (size_t at = 0; at < b.len; at += PIECE) {
		bool more = at + PIECE < b.len;
		uint8_t flags = (uint8_t)((more ? MORE : 0) | (at ? 0 : LENGTH_INCLUDED));

		if (speaks == REQUEST)
			t->identifier++;
		push_piece(t, speaks, flags, b.len, (struct bytes){ b.at + at, more ? PIECE : b.len - at });
		if (more && listens == REQUEST)
			t->identifier++;
		if (more)
			push_piece(t, listens, 0, 0, (struct bytes){ NULL, 0 });
	}
	buffer_finish(&b);
}

static void push_start(struct talk *t)
{
	static const uint8_t asks[] = { IDENTITY }, says[] = { IDENTITY, 'm', 'e' };

	if (!t->radius)
		push_packet(t, REQUEST, asks, sizeof asks);
	push_packet(t, RESPONSE, says, sizeof says);
	t->identifier++;
	push_piece(t, REQUEST, START, 0, (struct bytes){ NULL, 0 });
}

static void push_end(struct talk *t, uint8_t code)
{
	push_piece(t, RESPONSE, 0, 0, (struct bytes){ NULL, 0 });
	push_packet(t, code, NULL, 0);
}

static void push_conversation(struct talk *t)
{
	push_start(t);
	for (unsigned n = 0; n < FLIGHTS; n++)
		push_flight(t, n);
	push_end(t, SUCCESS);
}

static void assert_complete(const struct handshake *h)
{
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->cipher, 0xc02f);
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->reassembly, 0);
	struct bytes via = handshake_text(h, h->starttls);
	assert_int_equal(via.len, 3);
	assert_memory_equal(via.at, "eap", 3);
}

static void pieces_of_each_method_are_put_together(void **state)
{
	static const uint8_t methods[] = { TLS, 21, PEAP, 43, 55 };

	(void)state;
	for (size_t i = 0; i < sizeof methods; i++) {
		for (int radius = 0; radius < 2; radius++) {
			struct talk t = { carrier_begin(radius ? "radius" : "eapol"), radius, methods[i], 1, 7, 0 };

			push_conversation(&t);
			assert_int_equal(t.c->count, 1);
			assert_complete(t.c->got[0]);
			assert_int_equal(t.c->row->client(t.c->state), CLIENT);
			assert_int_equal(carrier_destroy(t.c), 0);
		}
	}
}

static void a_packet_sent_again_counts_once(void **state)
{
	struct talk t = { carrier_begin("eapol"), false, TLS, 1, 7, 0 };
	struct buffer b = { 0 };

	(void)state;
	push_start(&t);
	push_flight(&t, 0);
	push_flight(&t, 0);
	carried_flight(&b, 1);
	t.identifier++;
	for (int i = 0; i < 3; i++)
		push_piece(&t, REQUEST, LENGTH_INCLUDED, b.len, buffer_bytes(&b));
	carrier_finish(t.c, EXCHANGE_END_IDLE);
	assert_int_equal(t.c->count, 1);
	assert_int_equal(t.c->got[0]->retransmissions, 3);
	assert_int_equal(t.c->got[0]->message_count, 4);
	buffer_finish(&b);
	carrier_destroy(t.c);
}

static void a_failure_ends_what_was_not_complete(void **state)
{
	struct talk t = { carrier_begin("eapol"), false, PEAP, 1, 7, 0 };

	(void)state;
	push_start(&t);
	push_flight(&t, 0);
	push_flight(&t, 1);
	push_packet(&t, FAILURE, NULL, 0);
	assert_int_equal(t.c->count, 1);
	assert_int_equal(t.c->got[0]->outcome, OUTCOME_FAILED);
	assert_int_equal(t.c->got[0]->ended_by, ENDED_BY_SERVER);
	carrier_destroy(t.c);
}

static void the_next_conversation_is_a_handshake_of_its_own(void **state)
{
	struct talk t = { carrier_begin("eapol"), false, TLS, 1, 7, 0 };

	(void)state;
	push_conversation(&t);
	t.c->now_ns += 5000LL * MS;
	t.identifier = 99;
	push_conversation(&t);
	assert_int_equal(t.c->count, 2);
	assert_complete(t.c->got[1]);
	assert_int_equal(t.c->got[1]->sequence, 1);
	assert_true(t.c->got[1]->total_ns < 100 * MS);
	carrier_destroy(t.c);
}

static void users_of_one_radius_client_are_told_apart(void **state)
{
	struct carrier *c = carrier_begin("radius");
	struct talk talks[3];

	(void)state;
	for (uint8_t i = 0; i < 3; i++) {
		talks[i] = (struct talk){ c, true, TLS, i, 5, i };
		push_start(&talks[i]);
	}
	for (unsigned n = 0; n < FLIGHTS; n++)
		for (unsigned i = 0; i < 3; i++)
			push_flight(&talks[i], n);
	for (unsigned i = 0; i < 3; i++)
		push_end(&talks[i], SUCCESS);
	assert_int_equal(c->count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_complete(c->got[i]);
		assert_int_equal(c->got[i]->sequence, i);
	}
	assert_int_equal(((struct radius *)c->state)->count, 0);
	carrier_destroy(c);
}

/* LIMIT_RADIUS_SESSIONS */
static void conversations_at_once_are_bounded(void **state)
{
	struct carrier *c = carrier_begin("radius");

	(void)state;
	for (uint8_t i = 0; i < RADIUS_SESSIONS_MAX + 3; i++) {
		struct talk t = { c, true, TLS, i, 5, 0 };

		push_start(&t);
		push_flight(&t, 0);
	}
	assert_int_equal(c->limits.bitten[LIMIT_RADIUS_SESSIONS], 3);
	assert_int_equal(c->count, 3);
	assert_int_equal(c->got[0]->reassembly, REASSEMBLY_EVICTED);
	carrier_finish(c, EXCHANGE_END_CAPTURE);
	carrier_destroy(c);
}

static void only_whole_packets_with_eap_look_like_radius(void **state)
{
	static const uint8_t request[] = { 1, 9, 0, 30, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
		79, 7, 2, 1, 0, 5, 1, 80, 3, 'x' };
	uint8_t b[sizeof request];

	(void)state;
	memcpy(b, request, sizeof b);
	b[28] = 80;
	b[29] = 2;
	assert_int_equal(radius_looks((struct bytes){ b, sizeof b }), LOOK_NO);	/* bytes after the last */
	b[27] = 1;
	b[28] = 24;
	assert_int_equal(radius_looks((struct bytes){ b, sizeof b }), LOOK_NO);
	memcpy(b, request, sizeof b);
	b[27] = 24;
	b[28] = 3;
	assert_int_equal(radius_looks((struct bytes){ b, sizeof b }), LOOK_YES);
	b[20] = 80;
	assert_int_equal(radius_looks((struct bytes){ b, sizeof b }), LOOK_NO);	/* no EAP */
	b[20] = 79;
	b[0] = 4;
	assert_int_equal(radius_looks((struct bytes){ b, sizeof b }), LOOK_NO);	/* accounting */
	assert_int_equal(radius_looks((struct bytes){ b, 19 }), LOOK_NO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_each_method_are_put_together),
		cmocka_unit_test(a_packet_sent_again_counts_once),
		cmocka_unit_test(a_failure_ends_what_was_not_complete),
		cmocka_unit_test(the_next_conversation_is_a_handshake_of_its_own),
		cmocka_unit_test(users_of_one_radius_client_are_told_apart),
		cmocka_unit_test(conversations_at_once_are_bounded),
		cmocka_unit_test(only_whole_packets_with_eap_look_like_radius),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
