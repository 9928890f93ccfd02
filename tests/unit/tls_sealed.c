/* A TLS 1.3 handshake whose secrets are known, sealed here with OpenSSL. */
#include "dissectors/tls.h"
#include "dissectors/keys.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum end { CLIENT, SERVER };
enum { HANDSHAKE = 22, ALERT = 21, DATA = 23, TAG_LEN = 16 };
enum { ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11, CERTIFICATE_REQUEST = 13, CERTIFICATE_VERIFY = 15, FINISHED = 20,
       KEY_UPDATE = 24, COMPRESSED_CERTIFICATE = 25, NEW_SESSION_TICKET = 4 };
enum epoch { UNDER_HANDSHAKE, UNDER_APPLICATION };

static const char marker[] = "the secret recipe of the house";

/* Secrets by end and epoch, as bytes that repeat. */
static const uint8_t secret_bytes[2][2] = { { 0x11, 0x12 }, { 0x21, 0x22 } };
static const char *const labels[2][2] = {
	{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0" },
	{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0" },
};

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct tls t;
	int64_t now_ns;
	uint64_t number;
	struct record_keys keys[2][2];
	bool secrets_come; /* at the next look */
	unsigned looks, urgent_looks;
};

static void add_secrets(struct bench *b)
{
	char text[1024], random[65];
	size_t len = 0;

	for (int i = 0; i < 32; i++)
		snprintf(random + 2 * i, 3, "%02x", wire_client_random[i]);
	for (int end = 0; end < 2; end++) {
		for (int epoch = 0; epoch < 2; epoch++) {
			len += (size_t)snprintf(text + len, sizeof text - len, "%s %s ", labels[end][epoch], random);
			for (int i = 0; i < 32; i++)
				len += (size_t)snprintf(text + len, sizeof text - len, "%02x",
							secret_bytes[end][epoch]);
			text[len++] = '\n';
		}
	}
	tls_env_secrets(&b->env, (struct bytes){ (const uint8_t *)text, len }, true);
}

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->env.base_ns = b->now_ns = 1000;
	tls_init(&b->t);
	for (int end = 0; end < 2; end++) {
		for (int epoch = 0; epoch < 2; epoch++) {
			uint8_t secret[32];

			memset(secret, secret_bytes[end][epoch], sizeof secret);
			assert_true(keys_from_traffic_secret(b->env.crypto, 0x0304, 0x1301,
							     (struct bytes){ secret, 32 },
							     &b->keys[end][epoch]));
		}
	}
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	tls_finish(&b->t, &b->env);
	assert_int_equal(b->env.message_bytes, 0);
	assert_int_equal(b->env.sealed_bytes, 0);
	tls_env_finish(&b->env);
	free(b);
	return 0;
}

/* ---- what passes ---- */

static void push(struct bench *b, unsigned end, const void *at, size_t len)
{
	struct chunk c = { .data = { at, len }, .time_ns = b->now_ns += 1000, .number = ++b->number };

	assert_true(tls_push(&b->t, &b->env, end, &c));
}

static void push_record(struct bench *b, unsigned end, uint8_t type, const void *at, size_t len)
{
	struct buffer record = { 0 };

	wire_record(&record, type, at, len);
	push(b, end, record.at, record.len);
	buffer_finish(&record);
}

/* RFC 8446 section 5.2; under the handshake's keys padded with two zeroes. */
static void seal(struct bench *b, unsigned end, enum epoch epoch, uint8_t type, const void *at, size_t len,
		 struct buffer *out)
{
	struct record_keys *k = &b->keys[end][epoch];
	struct buffer inner = { 0 };
	uint8_t nonce[12];
	int n;

	buffer_add(&inner, at, len);
	wire_int(&inner, type, 1);
	wire_int(&inner, 0, epoch == UNDER_HANDSHAKE ? 2 : 0);
	aead_nonce(k->iv, k->number++, nonce);
	wire_int(out, DATA, 1);
	wire_int(out, 0x0303, 2);
	wire_int(out, inner.len + TAG_LEN, 2);
	uint8_t *sealed = buffer_reserve(out, inner.len + TAG_LEN);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(x, EVP_aes_128_gcm(), NULL, k->key, nonce);
	EVP_EncryptUpdate(x, NULL, &n, sealed - 5, 5);
	EVP_EncryptUpdate(x, sealed, &n, inner.at, (int)inner.len);
	EVP_EncryptFinal_ex(x, sealed + inner.len, &n);
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + inner.len);
	EVP_CIPHER_CTX_free(x);
	out->len += inner.len + TAG_LEN;
	buffer_finish(&inner);
}

static void push_sealed(struct bench *b, unsigned end, enum epoch epoch, uint8_t type, const void *at, size_t len)
{
	struct buffer record = { 0 };

	seal(b, end, epoch, type, at, len, &record);
	push(b, end, record.at, record.len);
	buffer_finish(&record);
}

static void push_hellos(struct bench *b)
{
	static const uint8_t suites[] = { 0x13, 0x01 }, offered[] = { 2, 3, 4 }, chosen[] = { 3, 4 };
	struct buffer x = { 0 }, body = { 0 }, message = { 0 };

	wire_server_name(&x, "a.test");
	wire_extension(&x, 43, offered, sizeof offered);
	wire_client_hello(&body, suites, sizeof suites, &x);
	wire_message(&message, 1, body.at, body.len);
	push_record(b, CLIENT, HANDSHAKE, message.at, message.len);
	buffer_clear(&x);
	buffer_clear(&body);
	buffer_clear(&message);
	wire_extension(&x, 43, chosen, sizeof chosen);
	wire_server_hello(&body, 0x1301, &x);
	wire_message(&message, 2, body.at, body.len);
	push_record(b, SERVER, HANDSHAKE, message.at, message.len);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&message);
}

static const uint8_t extensions[] = { 0, 9, 0, 16, 0, 5, 0, 3, 2, 'h', '2' };
static const uint8_t certificate[] = { 0, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0 };
static const uint8_t verify[] = { 8, 4, 0, 1, 9 };
static const uint8_t verify_data[32] = { 7 };

static void add_flight(struct buffer *out)
{
	wire_message(out, ENCRYPTED_EXTENSIONS, extensions, sizeof extensions);
	wire_message(out, CERTIFICATE, certificate, sizeof certificate);
	wire_message(out, CERTIFICATE_VERIFY, verify, sizeof verify);
	wire_message(out, FINISHED, verify_data, sizeof verify_data);
}

static void push_message(struct bench *b, unsigned end, enum epoch epoch, uint8_t type, const void *at, size_t len)
{
	struct buffer m = { 0 };

	wire_message(&m, type, at, len);
	push_sealed(b, end, epoch, HANDSHAKE, m.at, m.len);
	buffer_finish(&m);
}

static void push_server_flight(struct bench *b)
{
	struct buffer flight = { 0 };

	add_flight(&flight);
	push_sealed(b, SERVER, UNDER_HANDSHAKE, HANDSHAKE, flight.at, flight.len);
	buffer_finish(&flight);
}

static void push_handshake(struct bench *b)
{
	push_hellos(b);
	push_server_flight(b);
	push_message(b, CLIENT, UNDER_HANDSHAKE, FINISHED, verify_data, sizeof verify_data);
}

static void push_data(struct bench *b, unsigned end)
{
	push_sealed(b, end, UNDER_APPLICATION, DATA, marker, sizeof marker);
}

static void push_close(struct bench *b, unsigned end)
{
	push_sealed(b, end, UNDER_APPLICATION, ALERT, "\1\0", 2);
}

static struct handshake *end_of(struct bench *b)
{
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(b->env.finished_count, 1);
	return b->env.finished[0];
}

static void assert_text(const struct handshake *h, struct text t, const char *expected)
{
	struct bytes b = handshake_text(h, t);

	assert_int_equal(b.len, strlen(expected));
	assert_memory_equal(b.at, expected, b.len);
}

static void assert_hidden_half(const struct handshake *h)
{
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_text(h, h->alpn, "h2");
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->certificates_visible, 1);
	assert_int_equal(h->client_auth, CLIENT_AUTH_NONE);
	assert_int_equal(h->client_certificates, 0);
	assert_int_equal(h->signature_scheme, 0x0804);
	assert_int_equal(h->inferred, 0);
}

static unsigned count_messages(const struct handshake *h, uint16_t type, bool decrypted)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < h->message_count; i++) {
		const struct message *m = handshake_message(h, i);

		n += m->type == type && m->decrypted == decrypted;
	}
	return n;
}

/* ---- with the secrets at hand ---- */

static void the_hidden_half_is_read_with_its_secrets(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	const struct handshake *h = end_of(b);
	assert_hidden_half(h);
	assert_int_equal(count_messages(h, FINISHED, true), 2);
	assert_int_equal(count_messages(h, MESSAGE_ENCRYPTED, false), 0);
}

static void the_same_handshake_is_hidden_without_them(void **state)
{
	struct bench *b = *state;

	push_handshake(b);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->alpn.len, 0);
	assert_int_equal(h->certificates_visible, 0);
	assert_int_equal(count_messages(h, FINISHED, true), 0);
}

static void a_record_may_come_byte_by_byte(void **state)
{
	struct bench *b = *state;
	struct buffer flight = { 0 }, record = { 0 };

	add_secrets(b);
	push_hellos(b);
	add_flight(&flight);
	seal(b, SERVER, UNDER_HANDSHAKE, HANDSHAKE, flight.at, flight.len, &record);
	for (size_t i = 0; i < record.len; i++)
		push(b, SERVER, record.at + i, 1);
	push_message(b, CLIENT, UNDER_HANDSHAKE, FINISHED, verify_data, sizeof verify_data);
	assert_hidden_half(end_of(b));
	buffer_finish(&flight);
	buffer_finish(&record);
}

static void wrong_secrets_change_nothing(void **state)
{
	struct bench *b = *state;
	uint8_t other[32] = { 0x99 };

	add_secrets(b);
	for (int end = 0; end < 2; end++)
		assert_true(keys_from_traffic_secret(b->env.crypto, 0x0304, 0x1301, (struct bytes){ other, 32 },
						     &b->keys[end][UNDER_HANDSHAKE]));
	push_handshake(b);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->certificates_visible, 0);
	assert_int_equal(count_messages(h, MESSAGE_ENCRYPTED, false), 2);
}

static void tickets_and_the_alerts_of_the_end_are_read(void **state)
{
	static const uint8_t ticket[] = { 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 0, 0, 3, 7, 7, 7, 0, 0 };
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_message(b, SERVER, UNDER_APPLICATION, NEW_SESSION_TICKET, ticket, sizeof ticket);
	for (int i = 0; i < 100; i++) {
		push_data(b, CLIENT);
		push_data(b, SERVER);
	}
	push_close(b, CLIENT);
	push_close(b, SERVER);
	tls_closed(&b->t, &b->env, CLIENT, false);
	assert_int_equal(b->env.finished_count, 0);
	tls_closed(&b->t, &b->env, SERVER, false);
	assert_int_equal(b->env.finished_count, 1);
	const struct handshake *h = b->env.finished[0];
	assert_hidden_half(h);
	assert_int_equal(h->ticket_lifetime_s, 7200);
	assert_int_equal(h->alert_count, 2);
	assert_true(h->alerts[1].decrypted);
	/* close_notify is never the alert that counts. */
	assert_int_equal(h->alert_code, -1);
	assert_int_equal(h->first_byte_ns, 1000);
}

static void a_key_update_is_followed(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_data(b, CLIENT);
	push_message(b, CLIENT, UNDER_APPLICATION, KEY_UPDATE, "\1", 1);
	assert_true(keys_update(b->env.crypto, &b->keys[CLIENT][UNDER_APPLICATION]));
	push_data(b, CLIENT);
	push_close(b, CLIENT);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->alert_count, 1);
	assert_int_equal(count_messages(h, KEY_UPDATE, true), 1);
}

static void a_refusal_after_the_client_finished_is_a_failure(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_data(b, CLIENT);
	push_sealed(b, SERVER, UNDER_APPLICATION, ALERT, "\2\x74", 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 116);
	assert_int_equal(h->inferred, 0);
}

static void close_stream(struct bench *b, unsigned end)
{
	tls_closed(&b->t, &b->env, end, false);
}

static void an_alert_that_minds_a_close_refuses_nothing(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	close_stream(b, CLIENT);
	push_sealed(b, SERVER, UNDER_APPLICATION, ALERT, "\2\x32", 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->alert_code, 50);
	assert_true(h->unused);
}

static void a_refusal_may_come_after_the_client_closed(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	close_stream(b, CLIENT);
	push_sealed(b, SERVER, UNDER_APPLICATION, ALERT, "\2\x74", 2);
	assert_int_equal(end_of(b)->outcome, OUTCOME_FAILED);
}

static void whose_alert_comes_first_has_left(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_close(b, CLIENT);
	push_close(b, SERVER);
	close_stream(b, SERVER);
	close_stream(b, CLIENT);
	assert_true(end_of(b)->unused);
}

static void a_server_that_leaves_first_leaves_an_unused_handshake_of_its_own(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_close(b, SERVER);
	push_close(b, CLIENT);
	close_stream(b, SERVER);
	close_stream(b, CLIENT);
	assert_false(end_of(b)->unused);
}

static void a_certificate_asked_for_late_is_seen(void **state)
{
	static const uint8_t request[] = { 1, 5, 0, 8, 0, 13, 0, 4, 0, 2, 8, 4 };
	static const uint8_t answer[] = { 1, 5, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0 };
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	push_message(b, SERVER, UNDER_APPLICATION, CERTIFICATE_REQUEST, request, sizeof request);
	push_message(b, CLIENT, UNDER_APPLICATION, CERTIFICATE, answer, sizeof answer);
	push_message(b, CLIENT, UNDER_APPLICATION, FINISHED, verify_data, sizeof verify_data);
	push_data(b, CLIENT);
	push_close(b, CLIENT);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->client_auth, CLIENT_AUTH_PROVIDED);
	assert_int_equal(h->client_certificates, 1);
	assert_int_equal(h->alert_count, 1);
}

static void a_lost_record_costs_no_more_than_itself(void **state)
{
	struct bench *b = *state;
	struct buffer lost = { 0 };

	add_secrets(b);
	push_handshake(b);
	seal(b, SERVER, UNDER_APPLICATION, DATA, marker, sizeof marker, &lost);
	push_close(b, CLIENT);
	b->t.exchange.gap = true;
	push_close(b, SERVER);
	assert_int_equal(end_of(b)->alert_count, 2);
	buffer_finish(&lost);
}

/* ---- application data ---- */

static bool holds_marker(const void *at, size_t len)
{
	return at && memmem(at, len, marker, sizeof marker - 1);
}

static void no_application_data_is_left_anywhere(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake(b);
	for (int i = 0; i < 40; i++) {
		push_data(b, CLIENT);
		push_data(b, SERVER);
		assert_false(holds_marker(b->env.record.at, b->env.record.room));
		assert_false(holds_marker(b->env.scratch.at, b->env.scratch.room));
		assert_false(holds_marker(&b->t, sizeof b->t));
	}
	const struct handshake *h = end_of(b);
	assert_false(holds_marker(h, sizeof *h));
	assert_false(holds_marker(h->texts_heap, h->texts_room));
	/* The test can fail: the records did open, and what is in them is the marker. */
	assert_int_equal(h->first_byte_ns, 1000);
}

/* ---- compressed certificates ---- */

static void push_compressed(struct bench *b, size_t claimed, const void *packed, size_t len)
{
	struct buffer body = { 0 };

	wire_int(&body, 1, 2);
	wire_int(&body, claimed, 3);
	wire_vec(&body, 3, packed, len);
	push_message(b, SERVER, UNDER_HANDSHAKE, COMPRESSED_CERTIFICATE, body.at, body.len);
	buffer_finish(&body);
}

static void a_compressed_certificate_is_read(void **state)
{
	struct bench *b = *state;
	uint8_t packed[128];
	uLongf len = sizeof packed;

	compress(packed, &len, certificate, sizeof certificate);
	add_secrets(b);
	push_hellos(b);
	push_compressed(b, sizeof certificate, packed, len);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->certificate_compression, 1);
	assert_int_equal(h->server_certificates, 1);
}

static void a_certificate_that_unpacks_to_another_length_is_none(void **state)
{
	struct bench *b = *state;
	uint8_t packed[128];
	uLongf len = sizeof packed;

	compress(packed, &len, certificate, sizeof certificate);
	add_secrets(b);
	push_hellos(b);
	push_compressed(b, sizeof certificate - 1, packed, len);
	push_compressed(b, sizeof certificate + 1, packed, len);
	push_compressed(b, sizeof certificate, packed, len - 1);
	assert_int_equal(end_of(b)->server_certificates, -1);
}

static void a_certificate_that_would_unpack_beyond_the_limit_is_left_packed(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_hellos(b);
	push_compressed(b, UNCOMPRESSED_BYTES_MAX + 1, "x", 1);
	assert_int_equal(b->limits.bitten[LIMIT_UNCOMPRESSED_BYTES], 1);
	assert_true(end_of(b)->reassembly & REASSEMBLY_LIMIT);
}

/* ---- live: secrets that come late ---- */

static bool look(void *context, bool urgent)
{
	struct bench *b = context;

	b->looks++;
	b->urgent_looks += urgent;
	if (!b->secrets_come)
		return false;
	b->secrets_come = false;
	add_secrets(b);
	return true;
}

static void go_live(struct bench *b)
{
	b->env.more_secrets = look;
	b->env.secrets_context = b;
}

static void records_wait_for_their_secrets(void **state)
{
	struct bench *b = *state;

	go_live(b);
	push_hellos(b);
	push_server_flight(b);
	assert_true(b->env.sealed_bytes > 0);
	b->secrets_come = true;
	push_message(b, CLIENT, UNDER_HANDSHAKE, FINISHED, verify_data, sizeof verify_data);
	assert_int_equal(b->env.sealed_bytes, 0);
	const struct handshake *h = end_of(b);
	assert_hidden_half(h);
	assert_int_equal(h->packets, 4);
	/* When it came counts, not when it was opened. */
	assert_int_equal(handshake_message(h, 2)->time_ns, 4000);
}

static void secrets_may_come_as_late_as_the_end(void **state)
{
	struct bench *b = *state;

	go_live(b);
	push_handshake(b);
	push_data(b, CLIENT);
	push_data(b, SERVER);
	b->secrets_come = true;
	assert_hidden_half(end_of(b));
}

static void without_secrets_all_is_as_if_nobody_had_waited(void **state)
{
	struct bench *b = *state;

	go_live(b);
	push_handshake(b);
	const struct handshake *h = end_of(b);
	assert_true(b->looks > 0);
	assert_int_equal(b->urgent_looks, 1);
	assert_int_equal(h->outcome, OUTCOME_OPEN);
	assert_int_equal(count_messages(h, MESSAGE_ENCRYPTED, false), 2);
}

static void nobody_waits_for_ever(void **state)
{
	struct bench *b = *state;

	go_live(b);
	push_handshake(b);
	assert_true(b->env.sealed_bytes > 0);
	b->now_ns += 3000000000;
	push_data(b, CLIENT);
	assert_int_equal(b->env.sealed_bytes, 0);
}

static void what_waits_for_its_secrets_is_limited(void **state)
{
	struct bench *b = *state;

	go_live(b);
	push_handshake(b);
	for (size_t sent = 0; sent <= SEALED_BYTES_MAX; sent += sizeof marker)
		push_data(b, SERVER);
	assert_int_equal(b->limits.bitten[LIMIT_SEALED_BYTES], 1);
	assert_int_equal(b->env.sealed_bytes, 0);
}

static void what_all_connections_keep_sealed_is_limited(void **state)
{
	struct bench *b = *state;

	go_live(b);
	b->env.sealed_bytes = SEALED_BUFFER_BYTES_MAX;
	push_handshake(b);
	assert_true(b->limits.bitten[LIMIT_SEALED_BUFFER_BYTES] > 0);
	assert_int_equal(b->env.sealed_bytes, SEALED_BUFFER_BYTES_MAX);
	b->env.sealed_bytes = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_hidden_half_is_read_with_its_secrets),
		TEST(the_same_handshake_is_hidden_without_them),
		TEST(a_record_may_come_byte_by_byte),
		TEST(wrong_secrets_change_nothing),
		TEST(tickets_and_the_alerts_of_the_end_are_read),
		TEST(a_key_update_is_followed),
		TEST(a_refusal_after_the_client_finished_is_a_failure),

		TEST(an_alert_that_minds_a_close_refuses_nothing),

		TEST(a_refusal_may_come_after_the_client_closed),

		TEST(whose_alert_comes_first_has_left),

		TEST(a_server_that_leaves_first_leaves_an_unused_handshake_of_its_own),
		TEST(a_certificate_asked_for_late_is_seen),
		TEST(a_lost_record_costs_no_more_than_itself),
		TEST(no_application_data_is_left_anywhere),
		TEST(a_compressed_certificate_is_read),
		TEST(a_certificate_that_unpacks_to_another_length_is_none),
		TEST(a_certificate_that_would_unpack_beyond_the_limit_is_left_packed),
		TEST(records_wait_for_their_secrets),
		TEST(secrets_may_come_as_late_as_the_end),
		TEST(without_secrets_all_is_as_if_nobody_had_waited),
		TEST(nobody_waits_for_ever),
		TEST(what_waits_for_its_secrets_is_limited),
		TEST(what_all_connections_keep_sealed_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
