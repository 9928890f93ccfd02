#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/quic_bench.h"

/* ---- facts ---- */

static void the_packets_of_rfc_9001_give_names_and_choice(void **state)
{
	struct bench *b = open_bench();
	struct buffer client = wire_hex(vector_v1_client), server = wire_hex(vector_v1_server);

	(void)state;
	pass(b, CLIENT, buffer_bytes(&client));
	pass(b, SERVER, buffer_bytes(&server));
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_non_null(h);
	assert_text(h, h->server_name, "example.com");
	assert_int_equal(h->cipher, 0x1301);
	assert_int_equal(h->quic_version, V1);
	assert_int_equal(h->outcome, OUTCOME_OPEN);
	assert_int_equal(h->server_hello_ns, 1000);
	buffer_finish(&client);
	buffer_finish(&server);
	close_bench(b);
}

static void the_packets_of_rfc_9369_are_version_2(void **state)
{
	struct bench *b = open_bench();
	struct buffer client = wire_hex(vector_v2_client), server = wire_hex(vector_v2_server);

	(void)state;
	pass(b, SERVER, buffer_bytes(&client)); /* whichever end it is that sends it */
	pass(b, CLIENT, buffer_bytes(&server));
	assert_int_equal(quic_client(&b->q), SERVER);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->quic_version, V2);
	assert_int_equal(h->cipher, 0x1301);
	buffer_finish(&client);
	buffer_finish(&server);
	close_bench(b);
}

static void both_sides_with_short_headers_have_completed(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_all(b);
	assert_false(quic_is_over(&b->q));
	assert_whole_row(the_row(b));
	assert_int_equal(b->env.finished[0]->inferred,
			 INFERRED_OUTCOME | INFERRED_TLS_MS | INFERRED_TOTAL_MS);
	/* From the first datagram to the third. */
	assert_int_equal(b->env.finished[0]->tls_ns, 2000);
	assert_int_equal(b->env.finished[0]->packets, 3);
	close_bench(b);
}

static void an_answer_to_what_the_client_said_last_settles_it(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	add_short(new_datagram(b, CLIENT), SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	assert_int_equal(b->env.finished_count, 1);
	close_bench(b);
}

static void a_server_that_speaks_early_has_not_completed(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_sent(b, 0);
	pass_sent(b, 1);
	pass_sent(b, 3);
	assert_int_equal(finish(b, EXCHANGE_END_CAPTURE)->outcome, OUTCOME_OPEN);
	close_bench(b);
}

static void a_long_header_of_an_unknown_version_is_no_short_one(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t unknown[60] = { 0xc0, 0xba, 0xba, 0xca, 0xfe };

	(void)state;
	send_conversation(b);
	pass_sent(b, 0);
	pass_sent(b, 1);
	pass_sent(b, 2);
	pass(b, CLIENT, BYTES(unknown));
	pass(b, SERVER, BYTES(unknown));
	assert_int_equal(finish(b, EXCHANGE_END_CAPTURE)->outcome, OUTCOME_OPEN);
	close_bench(b);
}

static void zeros_behind_a_packet_are_no_packet(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t zeros[200];

	(void)state;
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER), *client = new_datagram(b, CLIENT);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	buffer_add(client, zeros, sizeof zeros);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_int_equal(finish(b, EXCHANGE_END_CAPTURE)->outcome, OUTCOME_OPEN);
	close_bench(b);
}

/* ---- hostile or unlucky ways of the same bytes ---- */

static void a_hello_in_pieces_gives_the_same_row(void **state)
{
	(void)state;
	for (unsigned pieces = 2; pieces <= 9; pieces++) {
		for (unsigned reversed = 0; reversed < 2; reversed++) {
			struct bench *b = open_bench();
			size_t size = b->client_hello.len / pieces + 1;

			for (unsigned i = 0; i < pieces; i++) {
				unsigned which = reversed ? pieces - 1 - i : i;
				size_t from = which * size, to = from + size < b->client_hello.len
									 ? from + size
									 : b->client_hello.len;

				add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid),
					       (struct bytes){ 0 }, from, to, i);
			}
			send_flights(b, V1, BYTES(first_dcid));
			pass_all(b);
			assert_whole_row(the_row(b));
			assert_int_equal(b->env.finished[0]->retransmissions, 0);
			close_bench(b);
		}
	}
}

static void every_order_of_the_first_datagrams_gives_the_same_row(void **state)
{
	static const unsigned orders[][4] = { { 0, 2, 1, 3 }, { 1, 0, 2, 3 }, { 1, 2, 0, 3 },
					      { 2, 1, 0, 3 }, { 2, 0, 1, 3 }, { 1, 0, 3, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct bench *b = open_bench();

		send_conversation(b);
		for (unsigned k = 0; k < 4; k++)
			pass_sent(b, orders[i][k]);
		/* The client's second datagram before the server's first tells of a handshake that
		 * cannot be known yet. */
		if (b->q.exchange.state == EXCHANGE_RUNNING)
			pass_sent(b, 2), pass_sent(b, 3);
		assert_whole_row(the_row(b));
		close_bench(b);
	}
}

static void duplicates_count_as_retransmissions_and_change_nothing_else(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_sent(b, 0);
	pass_sent(b, 0);
	pass_sent(b, 1);
	pass_sent(b, 1);
	pass_sent(b, 2);
	pass_sent(b, 3);
	pass_sent(b, 3);
	assert_whole_row(the_row(b));
	assert_int_equal(b->env.finished[0]->retransmissions, 2);
	close_bench(b);
}

static void a_mirrored_port_counts_each_packet_once(void **state)
{
	struct bench *once = open_bench(), *twice = open_bench();

	(void)state;
	send_conversation(once);
	pass_all(once);
	send_conversation(twice);
	for (unsigned i = 0; i < twice->sent_count; i++) {
		pass_sent(twice, i);
		pass_sent(twice, i);
	}
	const struct handshake *h = the_row(once), *again = the_row(twice);
	assert_int_equal(again->packets, h->packets);
	assert_true(h->client_bytes > 0);
	assert_int_equal(again->client_bytes, h->client_bytes);
	assert_int_equal(again->server_bytes, h->server_bytes);
	close_bench(once);
	close_bench(twice);
}

static void damaged_copies_change_nothing(void **state)
{
	(void)state;
	for (size_t at = 0; at < 900; at += 13) {
		struct bench *b = open_bench();

		send_conversation(b);
		for (unsigned i = 0; i < b->sent_count; i++) {
			struct buffer *wire = &b->sent[i].wire;

			pass_sent(b, i);
			if (i < 2) {
				wire->at[at % wire->len] ^= 0x10;
				pass_sent(b, i);
				wire->at[at % wire->len] ^= 0x10;
			}
		}
		assert_whole_row(the_row(b));
		close_bench(b);
	}
}

static void a_damaged_first_packet_does_not_stop_the_next(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	b->sent[0].wire.at[500] ^= 1;
	pass_sent(b, 0);
	b->sent[0].wire.at[500] ^= 1;
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void coalesced_packets_count_in_any_order(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER);
	add_sealed(server, SENDER_SERVER, QUIC_HANDSHAKE, 700);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	struct buffer *client = new_datagram(b, CLIENT);
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	add_short(client, SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void a_packet_of_another_connection_changes_nothing(void **state)
{
	struct bench *b = open_bench();
	struct buffer stranger = { 0 };
	static const uint8_t other[] = { 5, 5, 5, 5, 5, 5, 5, 5 };

	(void)state;
	send_conversation(b);
	/* Sealed for another connection; it opens with no key of this one. */
	add_initial(b, &stranger, SENDER_SERVER, V1, BYTES(other),
		    (struct wire_packet){
			    .dcid = BYTES(client_cid), .scid = BYTES(other), .pad_to = 60 });
	for (unsigned i = 0; i < b->sent_count; i++) {
		pass_sent(b, i);
		pass(b, SERVER, buffer_bytes(&stranger));
	}
	assert_whole_row(the_row(b));
	buffer_finish(&stranger);
	close_bench(b);
}

static void bytes_that_change_their_mind_mark_the_row(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0,
		       100, 0);
	b->client_hello.at[60] ^= 1;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 50,
		       b->client_hello.len, 1);
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	assert_int_equal(the_row(b)->reassembly, REASSEMBLY_OVERLAP);
	close_bench(b);
}

static void a_hello_with_a_hole_is_a_gap_once_it_is_answered(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0,
		       100, 0);
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_text(h, h->server_name, "example.com");
	assert_int_equal(h->reassembly, REASSEMBLY_GAP);
	assert_int_equal(h->cipher, 0x1301);
	close_bench(b);
}

static void quic_waiting_bites(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	for (unsigned i = 0; i <= QUIC_WAITING_MAX; i++)
		pass_sent(b, 1);
	assert_int_equal(b->limits.bitten[LIMIT_QUIC_WAITING], 1);
	assert_null(finish(b, EXCHANGE_END_IDLE));
	close_bench(b);
}

static void quic_keys_bite_and_are_derived_again(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	b->env.quic_keys = QUIC_KEYS_MAX; /* as if so many others ran */
	pass_all(b);
	assert_whole_row(the_row(b));
	assert_true(b->limits.bitten[LIMIT_QUIC_KEYS] > 0);
	assert_int_equal(b->env.quic_keys, QUIC_KEYS_MAX);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packets_of_rfc_9001_give_names_and_choice),
		cmocka_unit_test(the_packets_of_rfc_9369_are_version_2),
		cmocka_unit_test(both_sides_with_short_headers_have_completed),
		cmocka_unit_test(an_answer_to_what_the_client_said_last_settles_it),
		cmocka_unit_test(a_server_that_speaks_early_has_not_completed),
		cmocka_unit_test(a_long_header_of_an_unknown_version_is_no_short_one),
		cmocka_unit_test(zeros_behind_a_packet_are_no_packet),
		cmocka_unit_test(a_hello_in_pieces_gives_the_same_row),
		cmocka_unit_test(every_order_of_the_first_datagrams_gives_the_same_row),
		cmocka_unit_test(duplicates_count_as_retransmissions_and_change_nothing_else),
		cmocka_unit_test(a_mirrored_port_counts_each_packet_once),
		cmocka_unit_test(damaged_copies_change_nothing),
		cmocka_unit_test(a_damaged_first_packet_does_not_stop_the_next),
		cmocka_unit_test(coalesced_packets_count_in_any_order),
		cmocka_unit_test(a_packet_of_another_connection_changes_nothing),
		cmocka_unit_test(bytes_that_change_their_mind_mark_the_row),
		cmocka_unit_test(a_hello_with_a_hole_is_a_gap_once_it_is_answered),
		cmocka_unit_test(quic_waiting_bites),
		cmocka_unit_test(quic_keys_bite_and_are_derived_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
