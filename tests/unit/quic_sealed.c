/* A conversation over QUIC whose secrets are known, up to 1-RTT packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/quic_bench.h"
#include "dissectors/quic_crypt.h"

enum { ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11, FINISHED = 20, TICKET = 4, SUITE = 0x1301 };
enum { STREAM = 0x0a, CLOSE = 0x1c, CERTIFICATE_REQUIRED = 0x174, NO_ERROR = 0, RANDOM_AT = 4 + 2 };

static const char marker[] = "the secret recipe of the house";
static const uint8_t secret_bytes[2][2] = { { 0x11, 0x12 }, { 0x21, 0x22 } };
static const char *const labels[2][2] = {
	{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0" },
	{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0" },
};

struct talk {
	struct bench *b;
	struct quic_keys handshake[2];
	struct quic_generation last[2];
	uint64_t number[2];
};

static void add_secret(struct talk *t, int side, int epoch)
{
	char line[256];
	size_t len = (size_t)snprintf(line, sizeof line, "%s ", labels[side][epoch]);
	uint8_t secret[32];

	for (int i = 0; i < 32; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, "%02x", t->b->client_hello.at[RANDOM_AT + i]);
	line[len++] = ' ';
	for (int i = 0; i < 32; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, "%02x", secret_bytes[side][epoch]);
	tls_env_secrets(&t->b->env, (struct bytes){ (const uint8_t *)line, len }, true);
	memset(secret, secret_bytes[side][epoch], sizeof secret);
	struct quic_keys *keys = epoch ? &t->last[side].keys : &t->handshake[side];
	assert_true(quic_keys_from_secret(t->b->env.crypto, quic_version_find(V1), SUITE, (struct bytes){ secret, 32 },
					  keys));
	memcpy(t->last[side].secret, secret, epoch ? 32 : 0);
	t->last[side].secret_len = 32;
}

static int start(void **state)
{
	struct talk *t = calloc(1, sizeof *t);

	t->b = open_bench();
	for (int side = 0; side < 2; side++)
		for (int epoch = 0; epoch < 2; epoch++)
			add_secret(t, side, epoch);
	*state = t;
	return 0;
}

static int stop(void **state)
{
	struct talk *t = *state;

	close_bench(t->b);
	free(t);
	return 0;
}

static void pass_wire(struct talk *t, unsigned end, struct buffer *wire)
{
	pass(t->b, end, buffer_bytes(wire));
	buffer_finish(wire);
}

/* Handshake packets: all messages in one CRYPTO frame. */
static void pass_handshake(struct talk *t, enum sender sender, struct buffer *messages)
{
	struct buffer frames = { 0 }, wire = { 0 };

	wire_crypto_frame(&frames, 0, buffer_bytes(messages));
	struct wire_packet p = { .version = V1, .type = QUIC_HANDSHAKE,
				 .dcid = sender == SENDER_CLIENT ? BYTES(server_cid) : BYTES(client_cid),
				 .scid = sender == SENDER_CLIENT ? BYTES(client_cid) : BYTES(server_cid),
				 .frames = buffer_bytes(&frames) };
	wire_seal(&wire, &t->handshake[sender], &p);
	pass_wire(t, sender == SENDER_CLIENT ? CLIENT : SERVER, &wire);
	buffer_finish(&frames);
	buffer_finish(messages);
}

/* RFC 9000 section 17.3.1; the number in four bytes. */
static void pass_short(struct talk *t, enum sender sender, bool phase, struct buffer *frames)
{
	const struct quic_keys *keys = &t->last[sender].keys;
	uint64_t number = t->number[sender]++;
	struct bytes dcid = sender == SENDER_CLIENT ? BYTES(server_cid) : BYTES(client_cid);
	struct buffer wire = { 0 };
	uint8_t nonce[NONCE_LEN], mask[16];
	int n;

	wire_int(frames, 0, 4);
	wire_int(&wire, phase ? 0x47 : 0x43, 1);
	buffer_add(&wire, dcid.at, dcid.len);
	wire_int(&wire, number, 4);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	aead_nonce(keys->iv, number, nonce);
	EVP_EncryptInit_ex2(x, EVP_aes_128_gcm(), keys->key, nonce, NULL);
	EVP_EncryptUpdate(x, NULL, &n, wire.at, (int)wire.len);
	uint8_t *sealed = buffer_reserve(&wire, frames->len + QUIC_TAG_LEN);
	EVP_EncryptUpdate(x, sealed, &n, frames->at, (int)frames->len);
	EVP_EncryptFinal_ex(x, sealed + frames->len, &n);
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, sealed + frames->len);
	EVP_EncryptInit_ex2(x, EVP_aes_128_ecb(), keys->hp, NULL, NULL);
	EVP_EncryptUpdate(x, mask, &n, sealed, 16);
	EVP_CIPHER_CTX_free(x);
	wire.at[0] ^= mask[0] & 0x1f;
	for (size_t i = 0; i < 4; i++)
		wire.at[1 + dcid.len + i] ^= mask[1 + i];
	wire.len += frames->len + QUIC_TAG_LEN;
	pass_wire(t, sender == SENDER_CLIENT ? CLIENT : SERVER, &wire);
	buffer_finish(frames);
}

static void pass_handshakes(struct talk *t)
{
	static const uint8_t extensions[] = { 0, 9, 0, 16, 0, 5, 0, 3, 2, 'h', '3' }, verify_data[32] = { 7 };
	static const uint8_t certificate[] = { 0, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0 };
	struct buffer server = { 0 }, client = { 0 };
	struct buffer *hello;

	send_hello(t->b, V1);
	hello = new_datagram(t->b, SERVER);
	add_server_hello(t->b, hello, V1, BYTES(first_dcid));
	pass_all(t->b);
	wire_message(&server, ENCRYPTED_EXTENSIONS, extensions, sizeof extensions);
	wire_message(&server, CERTIFICATE, certificate, sizeof certificate);
	wire_message(&server, FINISHED, verify_data, sizeof verify_data);
	pass_handshake(t, SENDER_SERVER, &server);
	wire_message(&client, FINISHED, verify_data, sizeof verify_data);
	pass_handshake(t, SENDER_CLIENT, &client);
}

static void pass_ticket(struct talk *t, bool phase)
{
	static const uint8_t ticket[] = { 0, 0, 0x1c, 0x20, 0, 0, 0, 1, 1, 0, 0, 4, 't', 'i', 'c', 'k', 0, 0 };
	struct buffer message = { 0 }, frames = { 0 };

	wire_message(&message, TICKET, ticket, sizeof ticket);
	wire_crypto_frame(&frames, 0, buffer_bytes(&message));
	buffer_finish(&message);
	pass_short(t, SENDER_SERVER, phase, &frames);
}

static void pass_data(struct talk *t, enum sender sender)
{
	struct buffer frames = { 0 };

	wire_int(&frames, STREAM, 1);
	wire_varint(&frames, 0);
	wire_varint(&frames, sizeof marker);
	buffer_add(&frames, marker, sizeof marker);
	pass_short(t, sender, false, &frames);
}

static void pass_close(struct talk *t, enum sender sender, uint64_t code)
{
	struct buffer frames = { 0 };

	wire_close_frame(&frames, code);
	pass_short(t, sender, false, &frames);
}

static void a_ticket_behind_both_finished_is_read(void **state)
{
	struct talk *t = *state;

	pass_handshakes(t);
	pass_ticket(t, false);
	const struct handshake *h = the_row(t->b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred, 0);
	assert_int_equal(h->ticket_lifetime_s, 7200);
	assert_int_equal(h->server_certificates, 1);
}

static void a_new_generation_of_keys_is_followed(void **state)
{
	struct talk *t = *state;
	struct buffer ping = { 0 };

	pass_handshakes(t);
	wire_int(&ping, 1, 1);
	pass_short(t, SENDER_SERVER, false, &ping);
	assert_true(quic_keys_update(t->b->env.crypto, quic_version_find(V1), SUITE, &t->last[SENDER_SERVER]));
	pass_ticket(t, true);
	assert_int_equal(the_row(t->b)->ticket_lifetime_s, 7200);
}

static void a_refusal_after_the_server_spoke_early_is_a_failure(void **state)
{
	struct talk *t = *state;

	pass_handshakes(t);
	pass_data(t, SENDER_SERVER);
	pass_close(t, SENDER_SERVER, CERTIFICATE_REQUIRED);
	const struct handshake *h = the_row(t->b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, CERTIFICATE_REQUIRED - 0x100);
}

static void a_farewell_behind_data_is_none(void **state)
{
	struct talk *t = *state;

	pass_handshakes(t);
	pass_data(t, SENDER_CLIENT);
	pass_data(t, SENDER_SERVER);
	pass_close(t, SENDER_CLIENT, NO_ERROR);
	const struct handshake *h = the_row(t->b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_false(h->unused);
	assert_int_equal(h->first_byte_ns, 1000);
}

static void no_application_data_is_left_anywhere(void **state)
{
	struct talk *t = *state;

	pass_handshakes(t);
	pass_data(t, SENDER_CLIENT);
	assert_null(memmem(t->b->env.opened.at, t->b->env.opened.room, marker, sizeof marker));
	assert_null(memmem(&t->b->q, sizeof t->b->q, marker, sizeof marker));
	const struct handshake *h = the_row(t->b);
	assert_null(memmem(h, sizeof *h, marker, sizeof marker));
}

static void what_does_not_fit_the_keys_changes_nothing(void **state)
{
	struct talk *t = *state;
	struct buffer noise = { 0 };

	pass_handshakes(t);
	for (int i = 0; i < 3; i++) {
		add_short(&noise, SENDER_SERVER);
		noise.at[8] = (uint8_t)i;
		pass_wire(t, SERVER, &noise);
		noise = (struct buffer){ 0 };
	}
	pass_ticket(t, false);
	assert_int_equal(the_row(t->b)->ticket_lifetime_s, 7200);
}

/* ---- what the snap length cut ---- */

static void a_cut_hello_is_read_as_far_as_it_goes(void **state)
{
	struct talk *t = *state;
	struct bench *b = t->b;

	send_hello(b, V1);
	pass(b, CLIENT, (struct bytes){ b->sent[0].wire.at, 200 });
	assert_true(b->ours);
	const struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_non_null(h);
	assert_true(h->has_client_random);
	assert_memory_equal(h->client_random, b->client_hello.at + RANDOM_AT, 32);
}

static void noise_that_was_cut_is_no_hello(void **state)
{
	struct talk *t = *state;
	struct bench *b = t->b;

	send_hello(b, V1);
	for (size_t i = 30; i < 200; i++)
		b->sent[0].wire.at[i] ^= (uint8_t)(i * 7);
	pass(b, CLIENT, (struct bytes){ b->sent[0].wire.at, 200 });
	assert_null(finish(b, EXCHANGE_END_CAPTURE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ticket_behind_both_finished_is_read),
		TEST(a_new_generation_of_keys_is_followed),
		TEST(a_refusal_after_the_server_spoke_early_is_a_failure),
		TEST(a_farewell_behind_data_is_none),
		TEST(no_application_data_is_left_anywhere),
		TEST(what_does_not_fit_the_keys_changes_nothing),
		TEST(a_cut_hello_is_read_as_far_as_it_goes),
		TEST(noise_that_was_cut_is_no_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
