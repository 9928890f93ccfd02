#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/quic_bench.h"

/* ---- Retry, versions, ends ---- */

static void send_retry(struct bench *b)
{
	/* RFC 9001 section 5.8, made for this bench: the tag is over the first DCID and the Retry.
	 */
	struct buffer *wire = new_datagram(b, SERVER), over = { 0 };
	const struct quic_version *v = quic_version_find(V1);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[QUIC_TAG_LEN];
	int n;

	wire_int(wire, 0xff, 1);
	wire_int(wire, V1, 4);
	wire_vec(wire, 1, client_cid, sizeof client_cid);
	wire_vec(wire, 1, retry_cid, sizeof retry_cid);
	buffer_add(wire, "token", 5);
	wire_vec(&over, 1, first_dcid, sizeof first_dcid);
	buffer_add(&over, wire->at, wire->len);
	EVP_EncryptInit_ex2(ctx, EVP_aes_128_gcm(), v->retry_key, v->retry_nonce, NULL);
	EVP_EncryptUpdate(ctx, NULL, &n, over.at, (int)over.len);
	EVP_EncryptFinal_ex(ctx, tag, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, tag);
	EVP_CIPHER_CTX_free(ctx);
	buffer_add(wire, tag, sizeof tag);
	buffer_finish(&over);
}

static void send_after_retry(struct bench *b)
{
	struct bytes token = { (const uint8_t *)"token", 5 };

	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), token, 0,
		       b->client_hello.len, 1);
	send_flights(b, V1, BYTES(retry_cid));
}

static void a_retry_is_part_of_its_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_retry(b);
	send_after_retry(b);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->quic_retry, 1);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->round_trips, 2);
	/* From the hello after the Retry to its answer. */
	assert_int_equal(h->server_hello_ns, 1000);
	assert_int_equal(h->tls_ns, 4000);
	assert_int_equal(h->retransmissions, 0);
	close_bench(b);
}

static void a_retry_that_was_not_captured_is_told_by_its_token(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_after_retry(b);
	pass_all(b);
	assert_int_equal(the_row(b)->quic_retry, 1);
	assert_int_equal(b->env.finished[0]->outcome, OUTCOME_COMPLETED);
	close_bench(b);
}

static void a_forged_retry_is_ignored(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_retry(b);
	b->sent[1].wire.at[b->sent[1].wire.len - 1] ^= 1;
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void a_retry_in_the_middle_of_a_hello_keeps_its_first_bytes(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0,
		       100, 0);
	send_retry(b);
	send_after_retry(b);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->tls_ns, 4000);
	assert_int_equal(h->round_trips, 2);
	assert_int_equal(h->reassembly, 0);
	close_bench(b);
}

static void a_server_may_answer_in_another_version(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	add_server_hello(b, new_datagram(b, SERVER), V2, BYTES(first_dcid));
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->quic_version, V2);
	assert_int_equal(h->cipher, 0x1301);
	close_bench(b);
}

static void send_negotiation(struct bench *b, uint32_t offered)
{
	struct buffer *wire = new_datagram(b, SERVER);

	wire_int(wire, 0x80, 1);
	wire_int(wire, 0, 4);
	wire_vec(wire, 1, client_cid, sizeof client_cid);
	wire_vec(wire, 1, first_dcid, sizeof first_dcid);
	wire_int(wire, offered, 4);
}

static void a_version_negotiation_is_part_of_its_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, 0xff00001d);
	send_negotiation(b, V1);
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), (struct bytes){ 0 }, 0,
		       b->client_hello.len, 0);
	send_flights(b, V1, BYTES(retry_cid));
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(b->env.finished_count, 1);
	assert_int_equal(h->quic_version, V1);
	assert_int_equal(h->quic_retry, 0);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, 4000);
	close_bench(b);
}

static void a_client_that_does_not_come_back_was_refused_by_the_server(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_negotiation(b, V2);
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_IDLE);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	close_bench(b);
}

static void a_server_that_stays_silent_counts_as_the_network(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_IDLE);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_NETWORK);
	close_bench(b);
}

static void send_close(struct bench *b, uint64_t code)
{
	struct buffer frames = { 0 };

	wire_close_frame(&frames, code);
	add_initial(b, new_datagram(b, SERVER), SENDER_SERVER, V1, BYTES(first_dcid),
		    (struct wire_packet){ .dcid = BYTES(client_cid),
					  .scid = BYTES(server_cid),
					  .frames = buffer_bytes(&frames) });
	buffer_finish(&frames);
}

static void a_crypto_error_is_the_alert_of_its_number(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_close(b, 0x178);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 120);
	assert_int_equal(h->alert_level, 2);
	assert_int_equal(h->alert_sender, SENDER_SERVER);
	close_bench(b);
}

static void another_error_is_a_close_without_alert(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_close(b, 2);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_count, 0);
	close_bench(b);
}

/* As a server does that has sent data of its own before it looked at the client's certificate. */
static void a_refusal_behind_1_rtt_packets_fails_the_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	send_close(b, 0x174);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 116);
	assert_int_equal(h->alert_sender, SENDER_SERVER);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->inferred, INFERRED_STAGE);
	close_bench(b);
}

/* ---- with secrets ---- */

static const uint8_t handshake_secret[2][32] = { { 1 }, { 2 } };

static void give_secrets(struct bench *b)
{
	static const char *const labels[2] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
					       "SERVER_HANDSHAKE_TRAFFIC_SECRET" };
	struct buffer text = { 0 };

	b->env.keylog = keylog_create(&b->key, &b->limits);
	for (int i = 0; i < 2; i++) {
		buffer_add_format(&text, "%s ", labels[i]);
		for (size_t k = 0; k < 32; k++)
			buffer_add_format(&text, "%02x", b->client_hello.at[6 + k]);
		buffer_add_text(&text, " ");
		for (size_t k = 0; k < 32; k++)
			buffer_add_format(&text, "%02x", handshake_secret[i][k]);
		buffer_add_text(&text, "\n");
	}
	keylog_add(b->env.keylog, buffer_bytes(&text), true);
	buffer_finish(&text);
}

static void add_opened(struct bench *b, struct buffer *out, enum sender sender, uint8_t type,
		       struct bytes body)
{
	struct buffer message = { 0 }, frames = { 0 };
	struct quic_keys keys;

	assert_true(quic_keys_from_secret(b->env.crypto, quic_version_find(V1), 0x1301,
					  BYTES(handshake_secret[sender]), &keys));
	wire_message(&message, type, body.at, body.len);
	wire_crypto_frame(&frames, 0, buffer_bytes(&message));
	wire_seal(out, &keys,
		  &(struct wire_packet){ .version = V1,
					 .type = QUIC_HANDSHAKE,
					 .frames = buffer_bytes(&frames),
					 .dcid = sender == SENDER_CLIENT ? BYTES(server_cid)
									 : BYTES(client_cid),
					 .scid = sender == SENDER_CLIENT ? BYTES(client_cid)
									 : BYTES(server_cid) });
	buffer_finish(&message);
	buffer_finish(&frames);
}

static void secrets_show_both_finished(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t verify[32];

	(void)state;
	give_secrets(b);
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER), *client = new_datagram(b, CLIENT);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	add_opened(b, server, SENDER_SERVER, 20, BYTES(verify));
	add_opened(b, client, SENDER_CLIENT, 20, BYTES(verify));
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred, 0);
	assert_int_equal(h->tls_ns, 2000);
	close_bench(b);
}

/* ---- what is looked at ---- */

static void only_long_headers_of_known_versions_look_like_quic(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t dns[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
			     rtp[] = { 0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1 };

	(void)state;
	send_conversation(b);
	assert_int_equal(quic_looks(buffer_bytes(&b->sent[0].wire)), LOOK_YES);
	assert_int_equal(quic_looks(buffer_bytes(&b->sent[3].wire)), LOOK_NO);
	assert_int_equal(quic_looks(BYTES(dns)), LOOK_NO);
	assert_int_equal(quic_looks(BYTES(rtp)), LOOK_NO);
	assert_int_equal(quic_looks((struct bytes){ NULL, 0 }), LOOK_NO);
	close_bench(b);
}

static bool begins_anew(struct bench *b, unsigned which)
{
	struct chunk c = { .data = buffer_bytes(&b->sent[which].wire),
			   .time_ns = b->now_ns,
			   .number = b->number };

	return quic_begins_anew(&b->q, &b->env, b->sent[which].end, &c);
}

static void another_first_packet_begins_another_connection(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), (struct bytes){ 0 }, 0,
		       b->client_hello.len, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_false(begins_anew(b, i));
		pass_sent(b, i);
	}
	assert_whole_row(the_row(b));
	assert_true(quic_is_over(&b->q));
	assert_false(begins_anew(b, 0));
	assert_true(begins_anew(b, 4));
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retry_is_part_of_its_handshake),
		cmocka_unit_test(a_retry_that_was_not_captured_is_told_by_its_token),
		cmocka_unit_test(a_forged_retry_is_ignored),
		cmocka_unit_test(a_retry_in_the_middle_of_a_hello_keeps_its_first_bytes),
		cmocka_unit_test(a_server_may_answer_in_another_version),
		cmocka_unit_test(a_version_negotiation_is_part_of_its_handshake),
		cmocka_unit_test(a_client_that_does_not_come_back_was_refused_by_the_server),
		cmocka_unit_test(a_server_that_stays_silent_counts_as_the_network),
		cmocka_unit_test(a_crypto_error_is_the_alert_of_its_number),
		cmocka_unit_test(another_error_is_a_close_without_alert),
		cmocka_unit_test(a_refusal_behind_1_rtt_packets_fails_the_handshake),
		cmocka_unit_test(secrets_show_both_finished),
		cmocka_unit_test(only_long_headers_of_known_versions_look_like_quic),
		cmocka_unit_test(another_first_packet_begins_another_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
