#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/openvpn.h"
#include "tests/unit/carried.h"

enum { HARD_RESET_CLIENT = 7, HARD_RESET_SERVER = 8, SOFT_RESET = 3, CONTROL = 4, DATA = 6, PIECE = 100 };

/* How the packets of a test look. */
struct shape {
	unsigned hmac_len;	/* of tls-auth; 0: none */
	bool stream;
	uint8_t session, key;
	uint32_t next[2];
};

static void add_packet(struct buffer *out, struct shape *s, unsigned end, uint8_t opcode, uint32_t id,
	struct bytes payload)
{
	static const uint8_t hmac[64] = { 0x99, 1, 2 };
	struct buffer b = { 0 };

	wire_int(&b, (uint64_t)(opcode << 3 | s->key), 1);
	wire_int(&b, UINT64_C(0x1122334455667700) + s->session * 2 + end, 8);
	if (s->hmac_len) {
		buffer_add(&b, hmac, s->hmac_len);
		wire_int(&b, id + 1, 4);
		wire_int(&b, 1700000000, 4);
	}
	bool acknowledges = end == SERVER || id;
	wire_int(&b, acknowledges, 1);
	if (acknowledges) {
		wire_int(&b, 0, 4);
		wire_int(&b, UINT64_C(0x1122334455667700) + s->session * 2 + !end, 8);
	}
	wire_int(&b, id, 4);
	buffer_add(&b, payload.at, payload.len);
	if (s->stream)
		wire_int(out, b.len, 2);
	buffer_add(out, b.at, b.len);
	buffer_finish(&b);
}

static void push_packet(struct carrier *c, struct shape *s, unsigned end, uint8_t opcode, uint32_t id,
	struct bytes payload)
{
	struct buffer b = { 0 };

	add_packet(&b, s, end, opcode, id, payload);
	assert_true(carrier_push(c, end, buffer_bytes(&b)));
	buffer_finish(&b);
}

static struct bytes piece_of(const struct buffer *b, size_t i)
{
	size_t at = i * PIECE;

	return (struct bytes){ b->at + at, b->len - at < PIECE ? b->len - at : PIECE };
}

static void push_resets(struct carrier *c, struct shape *s, bool soft)
{
	struct bytes nothing = { NULL, 0 };

	push_packet(c, s, CLIENT, soft ? SOFT_RESET : HARD_RESET_CLIENT, 0, nothing);
	push_packet(c, s, SERVER, soft ? SOFT_RESET : HARD_RESET_SERVER, 0, nothing);
	s->next[0] = s->next[1] = 1;
}

static void push_handshake(struct carrier *c, struct shape *s)
{
	for (unsigned n = 0; n < FLIGHTS; n++) {
		struct buffer b = { 0 };

		carried_flight(&b, n);
		for (size_t i = 0; i * PIECE < b.len; i++)
			push_packet(c, s, n % 2, CONTROL, s->next[n % 2]++, piece_of(&b, i));
		buffer_finish(&b);
	}
}

static void assert_complete(const struct handshake *h)
{
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->cipher, 0xc02f);
	assert_int_equal(h->server_certificates, 1);
	struct bytes via = handshake_text(h, h->starttls);
	assert_int_equal(via.len, 7);
	assert_memory_equal(via.at, "openvpn", 7);
}

static void the_size_of_the_hmac_is_learnt(void **state)
{
	static const unsigned sizes[] = { 0, 16, 20, 28, 32, 48, 64 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct carrier *c = carrier_begin("openvpn");
		struct shape s = { .hmac_len = sizes[i] };

		push_resets(c, &s, false);
		push_handshake(c, &s);
		carrier_finish(c, EXCHANGE_END_CAPTURE);
		assert_int_equal(c->count, 1);
		assert_complete(c->got[0]);
		assert_int_equal(c->got[0]->retransmissions, -1);
		assert_int_equal(carrier_destroy(c), 0);
	}
}

static void resets_and_hellos_look_like_openvpn_and_other_packets_do_not(void **state)
{
	struct shape s = { .hmac_len = 20 };
	struct buffer reset = { 0 }, hello = { 0 }, flight = { 0 };

	(void)state;
	add_packet(&reset, &s, CLIENT, HARD_RESET_CLIENT, 0, (struct bytes){ NULL, 0 });
	carried_flight(&flight, 0);
	add_packet(&hello, &s, CLIENT, CONTROL, 1, buffer_bytes(&flight));
	assert_int_equal(openvpn_looks(buffer_bytes(&reset)), LOOK_YES);
	assert_int_equal(openvpn_looks(buffer_bytes(&hello)), LOOK_YES);
	/* Encrypted by tls-crypt, the end is not zero. */
	reset.at[reset.len - 1] = 7;
	assert_int_equal(openvpn_looks(buffer_bytes(&reset)), LOOK_NO);
	hello.at[0] = DATA << 3;
	assert_int_equal(openvpn_looks(buffer_bytes(&hello)), LOOK_NO);
	assert_int_equal(openvpn_looks((struct bytes){ hello.at, 13 }), LOOK_NO);
	buffer_finish(&reset);
	buffer_finish(&hello);
	buffer_finish(&flight);
}

static void packets_in_any_order_and_twice_give_the_same(void **state)
{
	struct carrier *c = carrier_begin("openvpn");
	struct shape s = { .hmac_len = 0 };

	(void)state;
	push_resets(c, &s, false);
	for (unsigned n = 0; n < FLIGHTS; n++) {
		struct buffer b = { 0 };

		carried_flight(&b, n);
		size_t count = (b.len + PIECE - 1) / PIECE;
		for (size_t i = count; i-- > 0;) {
			for (int twice = 0; twice < 2; twice++)
				push_packet(c, &s, n % 2, CONTROL, s.next[n % 2] + (uint32_t)i, piece_of(&b, i));
		}
		s.next[n % 2] += (uint32_t)count;
		buffer_finish(&b);
	}
	carrier_finish(c, EXCHANGE_END_CAPTURE);
	assert_int_equal(c->count, 1);
	assert_complete(c->got[0]);
	assert_int_equal(c->got[0]->reassembly, 0);
	assert_true(c->got[0]->retransmissions > 0);
	assert_int_equal(carrier_destroy(c), 0);
}

static void the_middle_of_a_connection_is_joined_at_a_hello(void **state)
{
	struct carrier *c = carrier_begin("openvpn");
	struct shape s = { .hmac_len = 64, .next = { 1, 1 } };

	(void)state;
	push_packet(c, &s, SERVER, CONTROL, 1, (struct bytes){ (const uint8_t *)"noise", 5 });
	push_handshake(c, &s);
	carrier_finish(c, EXCHANGE_END_CAPTURE);
	assert_complete(c->got[0]);
	assert_int_equal(carrier_destroy(c), 0);
}

static void a_soft_reset_begins_another_handshake(void **state)
{
	struct carrier *c = carrier_begin("openvpn");
	struct shape s = { .hmac_len = 20 };

	(void)state;
	push_resets(c, &s, false);
	push_handshake(c, &s);
	c->now_ns += 1000 * MS;
	s.key = 1;
	push_resets(c, &s, true);
	push_handshake(c, &s);
	carrier_finish(c, EXCHANGE_END_CAPTURE);
	assert_int_equal(c->count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_complete(c->got[i]);
		assert_int_equal(c->got[i]->sequence, i);
		assert_true(c->got[i]->total_ns < 100 * MS);
	}
	assert_true(c->got[1]->time_ns > 1000 * MS);
	assert_int_equal(carrier_destroy(c), 0);
}

static void another_session_is_another_connection(void **state)
{
	struct carrier *c = carrier_begin("openvpn");
	struct shape s = { .hmac_len = 0 };
	struct buffer b = { 0 };

	(void)state;
	push_resets(c, &s, false);
	add_packet(&b, &s, CLIENT, HARD_RESET_CLIENT, 0, (struct bytes){ NULL, 0 });
	struct chunk again = { .data = buffer_bytes(&b) };
	assert_false(openvpn_begins_anew(c->state, &c->env, CLIENT, &again));
	buffer_clear(&b);
	s.session = 1;
	add_packet(&b, &s, CLIENT, HARD_RESET_CLIENT, 0, (struct bytes){ NULL, 0 });
	again.data = buffer_bytes(&b);
	assert_true(openvpn_begins_anew(c->state, &c->env, CLIENT, &again));
	buffer_finish(&b);
	carrier_destroy(c);
}

static void over_tcp_packets_may_be_split_anywhere(void **state)
{
	(void)state;
	for (size_t size = 1; size < 1000; size += 37) {
		struct carrier *c = carrier_begin("openvpn_stream");
		struct shape s = { .hmac_len = 20, .stream = true, .next = { 1, 1 } };

		for (unsigned n = 0; n < FLIGHTS; n++) {
			struct buffer b = { 0 }, flight = { 0 };

			if (n < 2)
				add_packet(&b, &s, n, n ? HARD_RESET_SERVER : HARD_RESET_CLIENT, 0, (struct bytes){ NULL, 0 });
			carried_flight(&flight, n);
			for (size_t i = 0; i * PIECE < flight.len; i++)
				add_packet(&b, &s, n % 2, CONTROL, s.next[n % 2]++, piece_of(&flight, i));
			add_packet(&b, &s, n % 2, DATA, 9, (struct bytes){ b.at, 90 });
			for (size_t at = 0; at < b.len; at += size)
				carrier_push(c, n % 2, (struct bytes){ b.at + at, b.len - at < size ? b.len - at : size });
			buffer_finish(&flight);
			buffer_finish(&b);
		}
		carrier_finish(c, EXCHANGE_END_CAPTURE);
		assert_int_equal(c->count, 1);
		assert_complete(c->got[0]);
		assert_int_equal(carrier_destroy(c), 0);
	}
}

static void over_tcp_only_a_whole_first_packet_is_sure(void **state)
{
	struct shape s = { .stream = true };
	struct buffer b = { 0 };

	(void)state;
	add_packet(&b, &s, CLIENT, HARD_RESET_CLIENT, 0, (struct bytes){ NULL, 0 });
	assert_int_equal(openvpn_looks_stream(buffer_bytes(&b)), LOOK_YES);
	for (size_t cut = 0; cut < b.len; cut++)
		assert_int_equal(openvpn_looks_stream((struct bytes){ b.at, cut }), LOOK_MAYBE);
	b.at[2] = 0;
	assert_int_equal(openvpn_looks_stream((struct bytes){ b.at, b.len - 1 }), LOOK_NO);
	b.at[0] = 0x16;
	assert_int_equal(openvpn_looks_stream((struct bytes){ b.at, 1 }), LOOK_NO);
	buffer_finish(&b);
}

/* LIMIT_OPENVPN_PACKETS */
static void packets_that_wait_are_bounded(void **state)
{
	struct carrier *c = carrier_begin("openvpn");
	struct shape s = { .hmac_len = 0 };

	(void)state;
	push_resets(c, &s, false);
	for (uint32_t id = 2; id < 2 + OPENVPN_PACKETS_MAX + 5; id++)
		push_packet(c, &s, CLIENT, CONTROL, id, (struct bytes){ (const uint8_t *)"abc", 3 });
	assert_int_equal(c->limits.bitten[LIMIT_OPENVPN_PACKETS], 5);
	assert_true(c->env.message_bytes > 0);
	carrier_finish(c, EXCHANGE_END_CAPTURE);
	assert_int_equal(c->count, 0);
	assert_int_equal(carrier_destroy(c), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_of_the_hmac_is_learnt),
		cmocka_unit_test(resets_and_hellos_look_like_openvpn_and_other_packets_do_not),
		cmocka_unit_test(packets_in_any_order_and_twice_give_the_same),
		cmocka_unit_test(the_middle_of_a_connection_is_joined_at_a_hello),
		cmocka_unit_test(a_soft_reset_begins_another_handshake),
		cmocka_unit_test(another_session_is_another_connection),
		cmocka_unit_test(over_tcp_packets_may_be_split_anywhere),
		cmocka_unit_test(over_tcp_only_a_whole_first_packet_is_sure),
		cmocka_unit_test(packets_that_wait_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
