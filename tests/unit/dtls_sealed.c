/* Handshakes of DTLS whose secrets are known, sealed here with OpenSSL. */
#include "dissectors/dtls.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum end { CLIENT, SERVER };
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23, WITH_ID = 25, ACK = 26, TAG_LEN = 16 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, TICKET = 4, ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11, CERTIFICATE_VERIFY = 15,
       HELLO_DONE = 14, KEY_EXCHANGE = 16, FINISHED = 20, KEY_UPDATE = 24 };
enum { DTLS12 = 0xfefd, DTLS13 = 0xfefc };
enum { GCM = 0xc02f, CBC = 0xc027, CHACHA = 0xcca8 };

static const char marker[] = "the secret recipe of the house";
static const uint8_t master[48] = { 0x4d };
static const uint8_t connection_id[] = { 0xc1, 0xd2 };
/* Traffic secrets by end and epoch, as bytes that repeat. */
static const uint8_t secret_bytes[2][2] = { { 0x11, 0x12 }, { 0x21, 0x22 } };
static const char *const labels[2][2] = {
	{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0" },
	{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0" },
};

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct dtls d;
	int64_t now_ns;
	uint64_t packets, numbers[2][8];
	uint16_t message[2];		/* the next one's number */
	uint16_t suite;
	bool etm, with_id;
	struct record_keys keys[2][2];	/* DTLS 1.3: by end, and handshake or application */
	struct record_keys old[2];
	bool secrets_come;		/* at the next look */
};

/* ---- secrets ---- */

static void add_line(struct bench *b, const char *label, const uint8_t *secret, size_t len)
{
	struct buffer text = { 0 };
	char two[3];

	buffer_add(&text, label, strlen(label));
	buffer_add(&text, " ", 1);
	for (int i = 0; i < 32; i++) {
		snprintf(two, sizeof two, "%02x", wire_client_random[i]);
		buffer_add(&text, two, 2);
	}
	buffer_add(&text, " ", 1);
	for (size_t i = 0; i < len; i++) {
		snprintf(two, sizeof two, "%02x", secret[i]);
		buffer_add(&text, two, 2);
	}
	tls_env_secrets(&b->env, buffer_bytes(&text), true);
	buffer_finish(&text);
}

static void add_secrets(struct bench *b)
{
	add_line(b, "CLIENT_RANDOM", master, sizeof master);
	for (int end = 0; end < 2; end++) {
		for (int epoch = 0; epoch < 2; epoch++) {
			uint8_t secret[32];

			memset(secret, secret_bytes[end][epoch], sizeof secret);
			add_line(b, labels[end][epoch], secret, sizeof secret);
		}
	}
}

static void make_keys(struct bench *b)
{
	struct session s = { .version = DTLS12, .suite = b->suite, .encrypt_then_mac = b->etm,
			     .client_random = wire_client_random, .server_random = wire_server_random };

	assert_true(keys_from_master(b->env.crypto, &s, (struct bytes){ master, sizeof master }, b->old));
	for (int end = 0; end < 2; end++) {
		for (int epoch = 0; epoch < 2; epoch++) {
			uint8_t secret[32];

			memset(secret, secret_bytes[end][epoch], sizeof secret);
			assert_true(keys_from_traffic_secret(b->env.crypto, DTLS13, 0x1301,
							     (struct bytes){ secret, 32 }, &b->keys[end][epoch]));
		}
	}
}

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->env.base_ns = b->now_ns = 1000;
	b->suite = GCM;
	dtls_init(&b->d);
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	dtls_finish(&b->d, &b->env);
	assert_int_equal(b->env.message_bytes, 0);
	assert_int_equal(b->env.sealed_bytes, 0);
	tls_env_finish(&b->env);
	free(b);
	return 0;
}

/* ---- sealing ---- */

static void gcm(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *nonce, struct bytes associated,
		struct bytes plain, struct buffer *out)
{
	uint8_t *sealed = buffer_reserve(out, plain.len + TAG_LEN);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int n;

	EVP_EncryptInit_ex(x, cipher, NULL, key, nonce);
	EVP_EncryptUpdate(x, NULL, &n, associated.at, (int)associated.len);
	EVP_EncryptUpdate(x, sealed, &n, plain.at, (int)plain.len);
	EVP_EncryptFinal_ex(x, sealed + plain.len, &n);
	EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + plain.len);
	EVP_CIPHER_CTX_free(x);
	out->len += plain.len + TAG_LEN;
}

/* RFC 6347 section 4.1.2.1; with a connection id as RFC 9146 section 5 says. */
static void add_associated(const struct bench *b, struct buffer *out, uint8_t type, uint64_t number, size_t len)
{
	if (b->with_id) {
		wire_int(out, UINT64_MAX, 8);
		wire_int(out, WITH_ID, 1);
		wire_int(out, sizeof connection_id, 1);
		wire_int(out, WITH_ID, 1);
		wire_int(out, DTLS12, 2);
		wire_int(out, number, 8);
		buffer_add(out, connection_id, sizeof connection_id);
	} else {
		wire_int(out, number, 8);
		wire_int(out, type, 1);
		wire_int(out, DTLS12, 2);
	}
	wire_int(out, len, 2);
}

static void seal_aead(const struct bench *b, const struct record_keys *k, uint8_t type, uint64_t number,
		      struct bytes plain, struct buffer *body)
{
	struct buffer associated = { 0 };
	uint8_t nonce[12];

	add_associated(b, &associated, type, number, plain.len);
	if (b->suite == CHACHA) {
		aead_nonce(k->iv, number, nonce);
	} else {
		memcpy(nonce, k->iv, 4);
		for (int i = 0; i < 8; i++)
			nonce[4 + i] = (uint8_t)(0x70 + i);
		buffer_add(body, nonce + 4, 8);
	}
	gcm(b->suite == CHACHA ? EVP_chacha20_poly1305() : EVP_aes_128_gcm(), k->key, nonce,
	    buffer_bytes(&associated), plain, body);
	buffer_finish(&associated);
}

static void add_mac(const struct bench *b, const struct record_keys *k, uint8_t type, uint64_t number,
		    struct bytes covered, struct buffer *out)
{
	struct buffer input = { 0 };
	uint8_t mac[32];
	unsigned n;

	add_associated(b, &input, type, number, covered.len);
	buffer_add(&input, covered.at, covered.len);
	HMAC(EVP_sha256(), k->mac, 32, input.at, input.len, mac, &n);
	buffer_add(out, mac, n);
	buffer_finish(&input);
}

/* RFC 5246 section 6.2.3.2, and RFC 7366 section 3. */
static void seal_cbc(const struct bench *b, const struct record_keys *k, uint8_t type, uint64_t number,
		     struct bytes plain, struct buffer *body)
{
	static const uint8_t iv[16] = { 0x1f };
	struct buffer inner = { 0 };
	int n;

	buffer_add(&inner, plain.at, plain.len);
	if (!b->etm)
		add_mac(b, k, type, number, plain, &inner);
	for (uint8_t pad = (uint8_t)(15 - inner.len % 16), i = 0; i <= pad; i++)
		buffer_add(&inner, &pad, 1);
	buffer_add(body, iv, sizeof iv);
	uint8_t *sealed = buffer_reserve(body, inner.len);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(x, EVP_aes_128_cbc(), NULL, k->key, iv);
	EVP_CIPHER_CTX_set_padding(x, 0);
	EVP_EncryptUpdate(x, sealed, &n, inner.at, (int)inner.len);
	EVP_CIPHER_CTX_free(x);
	body->len += inner.len;
	if (b->etm)
		add_mac(b, k, type, number, buffer_bytes(body), body);
	buffer_finish(&inner);
}

static void add_sealed12(struct bench *b, struct buffer *out, unsigned end, uint8_t type, const void *at, size_t len)
{
	uint64_t number = UINT64_C(1) << 48 | b->numbers[end][1]++;
	struct buffer inner = { 0 }, body = { 0 };

	buffer_add(&inner, at, len);
	if (b->with_id) {
		wire_int(&inner, type, 1);
		wire_int(&inner, 0, 3);
	}
	(b->suite == CBC ? seal_cbc : seal_aead)(b, &b->old[end], type, number, buffer_bytes(&inner), &body);
	wire_int(out, b->with_id ? WITH_ID : type, 1);
	wire_int(out, DTLS12, 2);
	wire_int(out, number, 8);
	if (b->with_id)
		buffer_add(out, connection_id, sizeof connection_id);
	wire_vec(out, 2, body.at, body.len);
	buffer_finish(&inner);
	buffer_finish(&body);
}

/* RFC 9147 section 4: a header with or without a connection id, a number of 16 bits, and a length. */
static void add_sealed13(struct bench *b, struct buffer *out, unsigned end, uint64_t epoch, uint8_t type, const void *at,
			 size_t len)
{
	struct record_keys *k = &b->keys[end][epoch > 2];
	uint64_t number = b->numbers[end][epoch]++;
	struct buffer header = { 0 }, inner = { 0 }, body = { 0 };
	uint8_t nonce[12], mask[16];
	int n;

	buffer_add(&inner, at, len);
	wire_int(&inner, type, 1);
	wire_int(&inner, 0, 5);
	wire_int(&header, 0x2c | (b->with_id ? 0x10 : 0) | (epoch & 3), 1);
	if (b->with_id)
		buffer_add(&header, connection_id, sizeof connection_id);
	wire_int(&header, number & 0xffff, 2);
	wire_int(&header, inner.len + TAG_LEN, 2);
	aead_nonce(k->iv, number, nonce);
	gcm(EVP_aes_128_gcm(), k->key, nonce, buffer_bytes(&header), buffer_bytes(&inner), &body);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(x, EVP_aes_128_ecb(), NULL, k->number_key, NULL);
	EVP_EncryptUpdate(x, mask, &n, body.at, 16);
	EVP_CIPHER_CTX_free(x);
	header.at[header.len - 4] ^= mask[0];
	header.at[header.len - 3] ^= mask[1];
	buffer_add(out, header.at, header.len);
	buffer_add(out, body.at, body.len);
	buffer_finish(&header);
	buffer_finish(&inner);
	buffer_finish(&body);
}

/* ---- what passes ---- */

static void push(struct bench *b, unsigned end, struct buffer *datagram)
{
	struct chunk c = { .data = buffer_bytes(datagram), .time_ns = b->now_ns += 1000000, .number = ++b->packets };

	assert_true(dtls_push(&b->d, &b->env, end, &c));
	buffer_finish(datagram);
}

static void add_message(struct bench *b, struct buffer *out, unsigned end, uint8_t type, const void *at, size_t len)
{
	wire_int(out, type, 1);
	wire_int(out, len, 3);
	wire_int(out, b->message[end]++, 2);
	wire_int(out, 0, 3);
	wire_int(out, len, 3);
	buffer_add(out, at, len);
}

static void push_plain(struct bench *b, unsigned end, uint8_t type, struct buffer *content)
{
	struct buffer record = { 0 };

	wire_int(&record, type, 1);
	wire_int(&record, DTLS12, 2);
	wire_int(&record, b->numbers[end][0]++, 8);
	wire_vec(&record, 2, content->at, content->len);
	buffer_finish(content);
	push(b, end, &record);
}

static void push_plain_message(struct bench *b, unsigned end, uint8_t type, const void *at, size_t len)
{
	struct buffer content = { 0 };

	add_message(b, &content, end, type, at, len);
	push_plain(b, end, HANDSHAKE, &content);
}

static void push_hellos(struct bench *b, uint16_t version)
{
	uint8_t suites[] = { (uint8_t)(b->suite >> 8), (uint8_t)b->suite, 0x13, 0x01 };
	static const uint8_t offered[] = { 2, 0xfe, 0xfc }, chosen[] = { 0xfe, 0xfc };
	struct buffer x = { 0 }, body = { 0 }, id = { 0 };

	wire_vec(&id, 1, connection_id, sizeof connection_id);
	wire_server_name(&x, "a.test");
	if (b->with_id)
		wire_extension(&x, 54, id.at, id.len);
	if (version == DTLS13)
		wire_extension(&x, 43, offered, sizeof offered);
	wire_int(&body, DTLS12, 2);
	buffer_add(&body, wire_client_random, 32);
	wire_int(&body, 0, 2);
	wire_vec(&body, 2, suites, sizeof suites);
	wire_int(&body, 0x0100, 2);
	wire_vec(&body, 2, x.at, x.len);
	push_plain_message(b, CLIENT, CLIENT_HELLO, body.at, body.len);
	buffer_clear(&x);
	buffer_clear(&body);
	if (b->with_id)
		wire_extension(&x, 54, id.at, id.len);
	if (b->etm)
		wire_extension(&x, 22, "", 0);
	if (version == DTLS13)
		wire_extension(&x, 43, chosen, sizeof chosen);
	wire_int(&body, DTLS12, 2);
	buffer_add(&body, wire_server_random, 32);
	wire_int(&body, 0, 1);
	wire_int(&body, version == DTLS13 ? 0x1301 : b->suite, 2);
	wire_int(&body, 0, 1);
	wire_vec(&body, 2, x.at, x.len);
	push_plain_message(b, SERVER, SERVER_HELLO, body.at, body.len);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&id);
}

static const uint8_t extensions[] = { 0, 9, 0, 16, 0, 5, 0, 3, 2, 'h', '2' };
static const uint8_t certificate[] = { 0, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0 };
static const uint8_t verify[] = { 8, 4, 0, 1, 9 };
static const uint8_t verify_data[32] = { 7 };
static const uint8_t close_notify[] = { 1, 0 };

static void push_sealed12(struct bench *b, unsigned end, uint8_t type, const void *at, size_t len)
{
	struct buffer datagram = { 0 };

	add_sealed12(b, &datagram, end, type, at, len);
	push(b, end, &datagram);
}

static void push_sealed13(struct bench *b, unsigned end, uint64_t epoch, uint8_t type, const void *at, size_t len)
{
	struct buffer datagram = { 0 };

	add_sealed13(b, &datagram, end, epoch, type, at, len);
	push(b, end, &datagram);
}

static void push_message13(struct bench *b, unsigned end, uint64_t epoch, uint8_t type, const void *at, size_t len)
{
	struct buffer message = { 0 };

	add_message(b, &message, end, type, at, len);
	push_sealed13(b, end, epoch, HANDSHAKE, message.at, message.len);
	buffer_finish(&message);
}

static void push_finished12(struct bench *b, unsigned end)
{
	struct buffer one = { 0 }, message = { 0 };

	wire_int(&one, 1, 1);
	push_plain(b, end, CHANGE_CIPHER_SPEC, &one);
	add_message(b, &message, end, FINISHED, verify_data, 12);
	push_sealed12(b, end, HANDSHAKE, message.at, message.len);
	buffer_finish(&message);
}

static void push_handshake12(struct bench *b)
{
	static const uint8_t list[] = { 0, 0, 5, 0, 0, 2, 0x30, 0 }, share[] = { 1, 4 };

	make_keys(b);
	push_hellos(b, DTLS12);
	push_plain_message(b, SERVER, CERTIFICATE, list, sizeof list);
	push_plain_message(b, SERVER, HELLO_DONE, "", 0);
	push_plain_message(b, CLIENT, KEY_EXCHANGE, share, sizeof share);
	push_finished12(b, CLIENT);
	push_finished12(b, SERVER);
}

static void push_server_flight13(struct bench *b)
{
	push_message13(b, SERVER, 2, ENCRYPTED_EXTENSIONS, extensions, sizeof extensions);
	push_message13(b, SERVER, 2, CERTIFICATE, certificate, sizeof certificate);
	push_message13(b, SERVER, 2, CERTIFICATE_VERIFY, verify, sizeof verify);
	push_message13(b, SERVER, 2, FINISHED, verify_data, sizeof verify_data);
}

static void push_handshake13(struct bench *b)
{
	make_keys(b);
	push_hellos(b, DTLS13);
	push_server_flight13(b);
	push_message13(b, CLIENT, 2, FINISHED, verify_data, sizeof verify_data);
}

/* The handshake that ended, borrowed until the bench is stopped. */
static struct handshake *end_of(struct bench *b)
{
	dtls_end(&b->d, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(b->env.finished_count, 1);
	return b->env.finished[0];
}

static unsigned count_messages(const struct handshake *h, uint16_t type, bool decrypted)
{
	unsigned count = 0;

	for (uint16_t i = 0; i < h->message_count; i++) {
		const struct message *m = i < HANDSHAKE_MESSAGES_INLINE ? &h->messages[i] :
						  &h->more_messages[i - HANDSHAKE_MESSAGES_INLINE];
		count += m->type == type && m->decrypted == decrypted;
	}
	return count;
}

/* ---- up to DTLS 1.2 ---- */

static void assert_opened12(struct bench *b)
{
	add_secrets(b);
	push_handshake12(b);
	push_sealed12(b, CLIENT, DATA, marker, sizeof marker);
	push_sealed12(b, SERVER, DATA, marker, sizeof marker);
	push_sealed12(b, CLIENT, ALERT, close_notify, 2);
	push_sealed12(b, SERVER, ALERT, close_notify, 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred & INFERRED_OUTCOME, 0);
	assert_int_equal(count_messages(h, FINISHED, true), 2);
	assert_int_equal(h->alert_count, 2);
	assert_int_equal(h->alerts[0].description, 0);
	assert_true(h->alerts[0].decrypted);
}

static void records_of_gcm_are_opened(void **state)
{
	assert_opened12(*state);
}

static void records_of_chacha20_are_opened(void **state)
{
	struct bench *b = *state;

	b->suite = CHACHA;
	assert_opened12(b);
}

static void records_of_cbc_are_opened(void **state)
{
	struct bench *b = *state;

	b->suite = CBC;
	assert_opened12(b);
}

static void records_of_cbc_whose_mac_stands_outside_are_opened(void **state)
{
	struct bench *b = *state;

	b->suite = CBC;
	b->etm = true;
	assert_opened12(b);
}

static void records_with_a_connection_id_are_opened(void **state)
{
	struct bench *b = *state;

	b->with_id = true;
	assert_opened12(b);
}

static void records_of_cbc_with_a_connection_id_are_opened(void **state)
{
	struct bench *b = *state;

	b->suite = CBC;
	b->with_id = true;
	assert_opened12(b);
}

static void records_of_cbc_with_a_connection_id_and_the_mac_outside_are_opened(void **state)
{
	struct bench *b = *state;

	b->suite = CBC;
	b->with_id = b->etm = true;
	assert_opened12(b);
}

static void without_secrets_only_shapes_are_told(void **state)
{
	struct bench *b = *state;

	push_handshake12(b);
	push_sealed12(b, CLIENT, ALERT, close_notify, 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(count_messages(h, FINISHED, true), 0);
	assert_int_equal(h->alert_count, 0);
}

static void a_finished_that_comes_again_is_none_of_its_own(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake12(b);
	b->message[SERVER]--;
	push_finished12(b, SERVER);
	const struct handshake *h = end_of(b);
	assert_int_equal(count_messages(h, FINISHED, true), 2);
	/* Its ChangeCipherSpec came again as well. */
	assert_int_equal(h->retransmissions, 2);
}

static void what_is_forged_between_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct buffer forged = { 0 };
	static const uint8_t noise[26] = { 0x5a };

	add_secrets(b);
	push_handshake12(b);
	wire_int(&forged, ALERT, 1);
	wire_int(&forged, DTLS12, 2);
	wire_int(&forged, UINT64_C(1) << 48 | 9, 8);
	wire_vec(&forged, 2, noise, sizeof noise);
	push(b, SERVER, &forged);
	push_sealed12(b, CLIENT, ALERT, close_notify, 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->alert_count, 1);
	assert_int_equal(h->alerts[0].sender, SENDER_CLIENT);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
}

/* ---- DTLS 1.3 ---- */

static void the_hidden_half_is_read(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake13(b);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred, 0);
	assert_int_equal(h->alpn.len, 2);
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->certificates_visible, 1);
	assert_int_equal(h->client_auth, CLIENT_AUTH_NONE);
	assert_int_equal(h->signature_scheme, 0x0804);
	assert_int_equal(count_messages(h, FINISHED, true), 2);
}

static void the_hidden_half_is_read_under_connection_ids(void **state)
{
	struct bench *b = *state;

	b->with_id = true;
	the_hidden_half_is_read(state);
}

static void records_may_come_in_any_order(void **state)
{
	struct bench *b = *state;
	struct buffer datagrams[3] = { 0 }, message = { 0 };

	add_secrets(b);
	make_keys(b);
	push_hellos(b, DTLS13);
	push_message13(b, SERVER, 2, ENCRYPTED_EXTENSIONS, extensions, sizeof extensions);
	static const uint8_t types[] = { CERTIFICATE, CERTIFICATE_VERIFY, FINISHED };
	static const struct bytes bodies[] = { { certificate, sizeof certificate }, { verify, sizeof verify },
					       { verify_data, sizeof verify_data } };
	for (int i = 0; i < 3; i++) {
		buffer_clear(&message);
		add_message(b, &message, SERVER, types[i], bodies[i].at, bodies[i].len);
		add_sealed13(b, &datagrams[i], SERVER, 2, HANDSHAKE, message.at, message.len);
	}
	buffer_finish(&message);
	for (int i = 3; i-- > 0;)
		push(b, SERVER, &datagrams[i]);
	push_message13(b, CLIENT, 2, FINISHED, verify_data, sizeof verify_data);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred, 0);
}

static void acknowledgements_are_neither_data_nor_messages(void **state)
{
	static const uint8_t ack[18] = { 0, 16 };
	struct bench *b = *state;

	add_secrets(b);
	push_handshake13(b);
	push_sealed13(b, SERVER, 3, ACK, ack, sizeof ack);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(count_messages(h, FINISHED, true), 2);
	assert_int_equal(h->message_count, 7);
}

static void tickets_and_alerts_under_the_last_keys_are_read(void **state)
{
	static const uint8_t ticket[] = { 0, 0, 0x1c, 0x20, 0, 0, 0, 1, 1, 0, 0, 4, 't', 'i', 'c', 'k', 0, 0 };
	static const uint8_t refused[] = { 2, 48 };
	struct bench *b = *state;

	add_secrets(b);
	push_handshake13(b);
	push_message13(b, SERVER, 3, TICKET, ticket, sizeof ticket);
	push_sealed13(b, SERVER, 3, ALERT, refused, sizeof refused);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->ticket_lifetime_s, 7200);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 48);
}

static void a_key_update_is_followed(void **state)
{
	static const uint8_t not_asked[] = { 0 };
	struct bench *b = *state;

	add_secrets(b);
	push_handshake13(b);
	push_message13(b, SERVER, 3, KEY_UPDATE, not_asked, sizeof not_asked);
	assert_true(keys_update(b->env.crypto, &b->keys[SERVER][1]));
	push_sealed13(b, SERVER, 4, ALERT, close_notify, 2);
	assert_true(keys_update(b->env.crypto, &b->keys[SERVER][1]));
	push_sealed13(b, SERVER, 5, ALERT, close_notify, 2);
	const struct handshake *h = end_of(b);
	assert_int_equal(count_messages(h, KEY_UPDATE, true), 1);
	assert_int_equal(h->alert_count, 2);
	assert_int_equal(h->alerts[1].time_ns - h->alerts[0].time_ns, 1000000);
}

static void wrong_secrets_leave_what_the_shapes_tell(void **state)
{
	static const uint8_t other[32] = { 0x99 };
	struct bench *b = *state;

	for (int end = 0; end < 2; end++)
		for (int epoch = 0; epoch < 2; epoch++)
			add_line(b, labels[end][epoch], other, sizeof other);
	push_handshake13(b);
	push_sealed13(b, CLIENT, 3, DATA, marker, sizeof marker);
	const struct handshake *h = end_of(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->alpn.len, 0);
	assert_int_equal(h->certificates_visible, 0);
	assert_true(h->inferred & INFERRED_OUTCOME);
}

static bool holds_marker(const void *at, size_t len)
{
	return len && memmem(at, len, marker, sizeof marker);
}

static void no_application_data_is_left_anywhere(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	push_handshake13(b);
	push_sealed13(b, CLIENT, 3, DATA, marker, sizeof marker);
	assert_false(holds_marker(b->env.record.at, b->env.record.room));
	push_sealed13(b, SERVER, 3, DATA, marker, sizeof marker);
	assert_false(holds_marker(b->env.record.at, b->env.record.room));
	assert_false(holds_marker(&b->d, sizeof b->d));
	const struct handshake *h = end_of(b);
	assert_false(holds_marker(h, sizeof *h));
	assert_true(h->first_byte_ns > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_gcm_are_opened),
		TEST(records_of_chacha20_are_opened),
		TEST(records_of_cbc_are_opened),
		TEST(records_of_cbc_whose_mac_stands_outside_are_opened),
		TEST(records_with_a_connection_id_are_opened),
		TEST(records_of_cbc_with_a_connection_id_are_opened),
		TEST(records_of_cbc_with_a_connection_id_and_the_mac_outside_are_opened),
		TEST(without_secrets_only_shapes_are_told),
		TEST(a_finished_that_comes_again_is_none_of_its_own),
		TEST(what_is_forged_between_changes_nothing),
		TEST(the_hidden_half_is_read),
		TEST(the_hidden_half_is_read_under_connection_ids),
		TEST(records_may_come_in_any_order),
		TEST(acknowledgements_are_neither_data_nor_messages),
		TEST(tickets_and_alerts_under_the_last_keys_are_read),
		TEST(a_key_update_is_followed),
		TEST(wrong_secrets_leave_what_the_shapes_tell),
		TEST(no_application_data_is_left_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
