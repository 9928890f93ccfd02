#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/exchange.h"
#include "dissectors/hello.h"
#include "tests/unit/wire.h"

enum {
	MS = 1000000,
	BASE = 5
}; /* the connection began at 5 ms; all below is told in ms since then */
static const enum sender C = SENDER_CLIENT, S = SENDER_SERVER;
enum { CHANGE_CIPHER = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };
/* Lengths of records in TLS 1.3 with SHA-256 and a tag of 16 bytes. */
enum {
	FINISHED_LEN = 53,
	ALERT_LEN = 19,
	END_OF_EARLY_LEN = 21,
	TICKET_LEN = 250,
	FLIGHT_LEN = 900
};
enum {
	AES128 = 0x1301,
	AES256 = 0x1302,
	CCM_8 = 0x1305,
	ECDHE_RSA = 0xc02f,
	STATIC_RSA = 0x009c,
	DHE_PSK = 0x00aa
};
enum { X25519 = 29, FFDHE3072 = 0x101, X25519MLKEM768 = 0x11ec, MLKEM768 = 0x201 };

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct exchange x;
	struct handshake *emitted;
};

static struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->env.base_ns = (int64_t)BASE * MS;
	exchange_init(&b->x, TRANSPORT_TCP);
	return b;
}

static void close_bench(struct bench *b)
{
	if (b->emitted)
		tls_env_give_back(&b->env, b->emitted);
	exchange_finish(&b->x, &b->env);
	tls_env_finish(&b->env);
	free(b);
}

/* The handshake that was emitted; with `none`, none was. */
static struct handshake *row(struct bench *b)
{
	assert_int_equal(b->env.finished_count, 1);
	b->env.finished_count = 0;
	if (b->emitted)
		tls_env_give_back(&b->env, b->emitted);
	return b->emitted = b->env.finished[0];
}

static void message(struct bench *b, enum sender sender, uint8_t type, struct bytes body,
		    int64_t first_ms, int64_t last_ms)
{
	struct exchange_message m = { .type = type,
				      .body = body,
				      .bytes = (uint32_t)body.len + 4,
				      .first_ns = first_ms * MS,
				      .last_ns = last_ms * MS };

	exchange_message(&b->x, &b->env, sender, &m);
}

static void record(struct bench *b, enum sender sender, uint8_t type, uint32_t len, int64_t ms)
{
	exchange_encrypted(&b->x, &b->env, sender, type, len, ms * MS, ms * MS);
}

static void change_cipher(struct bench *b, enum sender sender, int64_t ms)
{
	exchange_change_cipher(&b->x, &b->env, sender, ms * MS, ms * MS);
}

static void alert(struct bench *b, enum sender sender, uint8_t level, uint8_t description,
		  int64_t ms)
{
	exchange_alert(
		&b->x, &b->env, sender,
		(struct alert){ .level = level, .description = description, .time_ns = ms * MS });
}

static void fin(struct bench *b, enum sender sender)
{
	exchange_end(&b->x, &b->env, EXCHANGE_END_FIN, (int)sender);
}

/* ---- what hellos say ---- */

struct offer {
	bool old; /* no TLS 1.3 */
	bool early_data;
	int psks;		/* identities, the first a ticket ... */
	bool external;		/* ... or, with this, a key agreed on by other means */
	const char *ticket;	/* of TLS 1.2 */
	const char *session_id; /* 32 bytes */
	const char *ech;
	size_t ech_len;
	bool scsv;
};

static void add_psks(struct buffer *extensions, const struct offer *o)
{
	struct buffer identities = { 0 }, content = { 0 };

	for (int i = 0; i < o->psks; i++) {
		wire_vec(&identities, 2, i ? "two" : "one", 3);
		wire_int(&identities, o->external ? 0 : 0x1234567, 4);
	}
	wire_vec(&content, 2, identities.at, identities.len);
	wire_vec(&content, 2, "\1b", 2);
	wire_extension(extensions, EXTENSION_PRE_SHARED_KEY, content.at, content.len);
	buffer_finish(&identities);
	buffer_finish(&content);
}

static void client_hello_at(struct bench *b, const struct offer *o, int64_t first_ms,
			    int64_t last_ms)
{
	struct buffer x = { 0 }, body = { 0 };
	size_t id = o->session_id ? strlen(o->session_id) : 0;

	wire_server_name(&x, "example.test");
	if (!o->old)
		wire_extension(&x, EXTENSION_SUPPORTED_VERSIONS, "\4\3\4\3\3", 5);
	if (o->ticket)
		wire_extension(&x, EXTENSION_SESSION_TICKET, o->ticket, strlen(o->ticket));
	if (o->early_data)
		wire_extension(&x, EXTENSION_EARLY_DATA, "", 0);
	if (o->ech_len)
		wire_extension(&x, EXTENSION_ENCRYPTED_CLIENT_HELLO, o->ech, o->ech_len);
	if (o->psks)
		add_psks(&x, o);
	wire_int(&body, 0x0303, 2);
	buffer_add(&body, wire_client_random, 32);
	wire_vec(&body, 1, o->session_id, id);
	wire_vec(&body, 2, o->scsv ? "\x13\1\0\xff" : "\x13\1\xc0\x2f", 4);
	wire_int(&body, 0x0100, 2);
	wire_vec(&body, 2, x.at, x.len);
	message(b, C, 1, buffer_bytes(&body), first_ms, last_ms);
	buffer_finish(&x);
	buffer_finish(&body);
}

static void client_hello(struct bench *b, struct offer o)
{
	client_hello_at(b, &o, 10, 11);
}

struct answer {
	uint16_t cipher, group; /* group 0: no key share */
	bool old, psk, retry, renegotiation_info;
	uint16_t selected;
	const char *session_id;
};

static const uint8_t retry_random[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					  0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					  0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					  0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

static void add_key_share(struct buffer *x, const struct answer *a)
{
	struct buffer content = { 0 };

	wire_int(&content, a->group, 2);
	if (!a->retry)
		wire_vec(&content, 2, "key", 3);
	wire_extension(x, EXTENSION_KEY_SHARE, content.at, content.len);
	buffer_finish(&content);
}

static void server_hello(struct bench *b, struct answer a, int64_t ms)
{
	struct buffer x = { 0 }, body = { 0 };
	uint8_t selected[2] = { (uint8_t)(a.selected >> 8), (uint8_t)a.selected };

	if (!a.old)
		wire_extension(&x, EXTENSION_SUPPORTED_VERSIONS, "\3\4", 2);
	if (a.group)
		add_key_share(&x, &a);
	if (a.psk)
		wire_extension(&x, EXTENSION_PRE_SHARED_KEY, selected, 2);
	if (a.renegotiation_info)
		wire_extension(&x, EXTENSION_RENEGOTIATION_INFO, "\0", 1);
	wire_int(&body, 0x0303, 2);
	buffer_add(&body, a.retry ? retry_random : wire_server_random, 32);
	wire_vec(&body, 1, a.session_id, a.session_id ? strlen(a.session_id) : 0);
	wire_int(&body, a.cipher, 2);
	wire_int(&body, 0, 1);
	wire_vec(&body, 2, x.at, x.len);
	message(b, S, 2, buffer_bytes(&body), ms, ms);
	buffer_finish(&x);
	buffer_finish(&body);
}

static const struct answer tls13 = { .cipher = AES128, .group = X25519 };
static const struct answer tls12 = { .cipher = ECDHE_RSA, .old = true };

/* Up to the server's flight: hello 10 to 11 ms, the answer at 20. */
static struct bench *answered(struct offer o, struct answer a)
{
	struct bench *b = open_bench();

	client_hello(b, o);
	server_hello(b, a, 20);
	if (!a.old)
		record(b, S, DATA, FLIGHT_LEN, 21);
	return b;
}

static const uint8_t certificate[] = { 0, 0, 5, 0, 0, 2, 0x30, 0 };
static const struct bytes nothing = { (const uint8_t *)"", 0 };

static void server_flight_tls12(struct bench *b)
{
	message(b, S, 11, (struct bytes){ certificate, sizeof certificate }, 21, 21);
	message(b, S, 12, (struct bytes){ (const uint8_t *)"\3\0\35\1k\4\1\0\1s", 10 }, 22, 22);
	message(b, S, 14, nothing, 23, 23);
}

static void client_flight_tls12(struct bench *b)
{
	message(b, C, 16, nothing, 30, 30);
	change_cipher(b, C, 31);
	record(b, C, HANDSHAKE, 40, 32);
}

static void server_finish_tls12(struct bench *b)
{
	change_cipher(b, S, 40);
	record(b, S, HANDSHAKE, 40, 41);
}

/* ---- TLS up to 1.2 ---- */

static void a_full_handshake_ends_with_the_servers_finished(void **state)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	(void)state;
	server_flight_tls12(b);
	client_flight_tls12(b);
	server_finish_tls12(b);
	record(b, C, DATA, 100, 50);
	record(b, S, DATA, 100, 65);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, (41 - 10) * MS);
	assert_int_equal(h->total_ns, 41 * MS);
	assert_int_equal(h->server_hello_ns, (20 - 11) * MS);
	assert_int_equal(h->first_byte_ns, (65 - 50) * MS);
	assert_int_equal(h->round_trips, 2);
	assert_int_equal(h->inferred, 0);
	assert_int_equal(h->resumption, RESUMPTION_NONE);
	assert_int_equal(h->time_ns, BASE * MS);
	close_bench(b);
}

static void a_resumption_ends_with_the_clients_finished(void **state)
{
	struct bench *b = answered(
		(struct offer){ .old = true, .session_id = "a session" },
		(struct answer){ .cipher = ECDHE_RSA, .old = true, .session_id = "a session" });

	(void)state;
	change_cipher(b, S, 21);
	record(b, S, HANDSHAKE, 40, 22);
	change_cipher(b, C, 30);
	record(b, C, HANDSHAKE, 40, 33);
	record(b, S, DATA, 100, 50);
	struct handshake *h = row(b);
	assert_int_equal(h->resumption, RESUMPTION_SESSION_ID);
	assert_int_equal(h->tls_ns, (33 - 10) * MS);
	assert_int_equal(h->round_trips, 1);
	/* The server spoke first: there is no first answer. */
	assert_true(h->first_byte_ns == TIME_NONE);
	close_bench(b);
}

static void a_ticket_that_was_taken_names_its_giver(void **state)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	(void)state;
	server_flight_tls12(b);
	client_flight_tls12(b);
	message(b, S, 4, (struct bytes){ (const uint8_t *)"\0\0\x1c\x20\0\6ticket", 12 }, 39, 39);
	server_finish_tls12(b);
	record(b, S, DATA, 100, 50);
	uint64_t given = row(b)->session_given;
	assert_int_equal(b->emitted->ticket_lifetime_s, 7200);
	exchange_finish(&b->x, &b->env);
	exchange_init(&b->x, TRANSPORT_TCP);
	client_hello(b, (struct offer){ .ticket = "ticket", .session_id = "made up" });
	server_hello(b,
		     (struct answer){ .cipher = ECDHE_RSA, .old = true, .session_id = "made up" },
		     20);
	change_cipher(b, S, 21);
	record(b, S, HANDSHAKE, 40, 22);
	change_cipher(b, C, 30);
	record(b, C, HANDSHAKE, 40, 33);
	record(b, S, DATA, 100, 50);
	struct handshake *h = row(b);
	assert_int_equal(h->resumption, RESUMPTION_TICKET);
	assert_true(given != 0);
	assert_true(h->session_offered == given);
	/* The id it echoes names no session. */
	assert_true(h->session_given == 0);
	close_bench(b);
}

static void a_session_id_counts_even_of_a_client_that_knows_tls13(void **state)
{
	struct bench *b = answered(
		(struct offer){ .session_id = "a session" },
		(struct answer){ .cipher = ECDHE_RSA, .old = true, .session_id = "a session" });

	(void)state;
	change_cipher(b, S, 21);
	record(b, S, HANDSHAKE, 40, 22);
	change_cipher(b, C, 30);
	record(b, C, HANDSHAKE, 40, 33);
	record(b, S, DATA, 100, 50);
	struct handshake *h = row(b);
	assert_int_equal(h->resumption, RESUMPTION_SESSION_ID);
	assert_true(h->session_offered == hash_bytes(&b->key, "a session", 9));
	close_bench(b);
}

static void renegotiation_is_secure_where_both_say_so(void **state)
{
	static const struct {
		bool scsv, info, secure;
	} cases[] = { { true, true, true },
		      { true, false, false },
		      { false, true, false },
		      { false, false, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench *b = answered((struct offer){ .old = true, .scsv = cases[i].scsv },
					   (struct answer){ .cipher = ECDHE_RSA,
							    .old = true,
							    .renegotiation_info = cases[i].info });

		exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
		assert_int_equal(row(b)->secure_renegotiation, cases[i].secure);
		close_bench(b);
	}
}

/* ---- TLS 1.3 without keys ---- */

static void the_clients_finished_is_known_by_its_size(void **state)
{
	static const struct {
		uint16_t cipher;
		uint32_t finished;
	} sizes[] = { { AES128, 53 }, { AES256, 69 }, { CCM_8, 45 } };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct bench *b =
			answered((struct offer){ 0 },
				 (struct answer){ .cipher = sizes[i].cipher, .group = X25519 });

		record(b, C, DATA, sizes[i].finished, 30);
		record(b, C, DATA, 100, 31);
		record(b, S, DATA, TICKET_LEN, 40);
		record(b, S, DATA, TICKET_LEN, 41);
		record(b, S, DATA, 500, 45);
		struct handshake *h = row(b);
		assert_int_equal(h->outcome, OUTCOME_COMPLETED);
		assert_int_equal(h->tls_ns, (30 - 10) * MS);
		/* Two records of one length are tickets. */
		assert_int_equal(h->first_byte_ns, (45 - 31) * MS);
		assert_int_equal(h->inferred, INFERRED_OUTCOME | INFERRED_TLS_MS |
						      INFERRED_TOTAL_MS | INFERRED_FIRST_BYTE_MS);
		assert_int_equal(h->round_trips, 1);
		assert_int_equal(h->certificates_visible, 0);
		assert_int_equal(h->client_auth, CLIENT_AUTH_UNSEEN);
		close_bench(b);
	}
}

static void no_more_than_four_records_are_tickets(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, C, DATA, 100, 31);
	for (int i = 0; i < 5; i++)
		record(b, S, DATA, TICKET_LEN, 40 + i);
	assert_int_equal(row(b)->first_byte_ns, (44 - 31) * MS);
	close_bench(b);
}

static void a_longer_flight_ends_where_the_server_goes_on(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, 700, 30);
	record(b, C, DATA, 300, 33);
	record(b, S, DATA, TICKET_LEN, 40);
	record(b, C, DATA, 100, 50);
	record(b, S, DATA, 500, 60);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, (33 - 10) * MS);
	/* The record that ended it was the first ticket. */
	assert_int_equal(h->first_byte_ns, (60 - 50) * MS);
	close_bench(b);
}

static void a_finished_behind_a_certificate_is_known_by_its_size_too(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, 700, 30);
	record(b, C, DATA, FINISHED_LEN, 33);
	record(b, C, DATA, 300, 35);
	record(b, S, DATA, TICKET_LEN, 40);
	record(b, S, DATA, 500, 60);
	assert_int_equal(row(b)->tls_ns, (33 - 10) * MS);
	close_bench(b);
}

static void a_retry_counts_from_the_first_hello_and_answers_the_second(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, (struct offer){ 0 });
	server_hello(b, (struct answer){ .cipher = AES128, .group = X25519MLKEM768, .retry = true },
		     20);
	client_hello_at(b, &(struct offer){ 0 }, 30, 31);
	server_hello(b, (struct answer){ .cipher = AES128, .group = X25519MLKEM768 }, 40);
	record(b, S, DATA, FLIGHT_LEN, 41);
	record(b, C, DATA, FINISHED_LEN, 50);
	record(b, C, DATA, 100, 51);
	fin(b, C);
	struct handshake *h = row(b);
	assert_int_equal(h->hello_retry, 1);
	assert_int_equal(h->retry_group, X25519MLKEM768);
	assert_int_equal(h->named_group, X25519MLKEM768);
	assert_int_equal(h->server_hello_ns, (40 - 31) * MS);
	assert_int_equal(h->tls_ns, (50 - 10) * MS);
	assert_int_equal(h->round_trips, 2);
	assert_non_null(h->client_hello_second);
	close_bench(b);
}

/* ---- refusals that only their shape shows ---- */

static void an_alerts_size_and_a_close_refuse_the_client(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, S, DATA, ALERT_LEN, 40);
	fin(b, S);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, ALERT_ENCRYPTED);
	assert_true(h->inferred & INFERRED_OUTCOME && h->inferred & INFERRED_STAGE &&
		    h->inferred & INFERRED_ENDED_BY);
	assert_true(h->tls_ns == TIME_NONE || h->inferred & INFERRED_TLS_MS);
	close_bench(b);
}

static void a_client_that_hurries_to_close_is_refused_all_the_same(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, 700, 30);
	record(b, S, DATA, ALERT_LEN, 40);
	fin(b, C);
	assert_int_equal(b->env.finished_count, 0);
	fin(b, S);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	close_bench(b);
}

static void a_server_that_says_farewell_refuses_nothing(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	/* After tickets ... */
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, S, DATA, TICKET_LEN, 35);
	record(b, S, DATA, ALERT_LEN, 40);
	fin(b, S);
	assert_int_equal(row(b)->outcome, OUTCOME_COMPLETED);
	close_bench(b);
	/* ... or in answer to the client's own farewell. */
	b = answered((struct offer){ 0 }, tls13);
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, C, DATA, ALERT_LEN, 31);
	record(b, S, DATA, ALERT_LEN, 40);
	fin(b, S);
	assert_int_equal(row(b)->outcome, OUTCOME_COMPLETED);
	close_bench(b);
}

static void opened_alert(struct bench *b, enum sender sender, uint8_t level, uint8_t description, int64_t ms)
{
	struct alert a = { .level = level, .description = description, .decrypted = true, .time_ns = ms * MS };

	exchange_alert(&b->x, &b->env, sender, a);
}

static void who_minds_that_the_other_side_will_not_renegotiate_refuses_nothing(void **state)
{
	enum { NO_RENEGOTIATION = 100, HANDSHAKE_FAILURE = 40 };

	(void)state;
	for (int declined = 0; declined < 2; declined++) {
		struct bench *b = answered((struct offer){ .old = true }, tls12);

		server_flight_tls12(b);
		change_cipher(b, C, 30);
		record(b, C, HANDSHAKE, 40, 31);
		change_cipher(b, S, 32);
		record(b, S, HANDSHAKE, 40, 33);
		if (declined)
			opened_alert(b, C, 1, NO_RENEGOTIATION, 40);
		opened_alert(b, S, 2, HANDSHAKE_FAILURE, 41);
		fin(b, S);
		fin(b, C);
		assert_int_equal(row(b)->outcome, declined ? OUTCOME_COMPLETED : OUTCOME_FAILED);
		close_bench(b);
	}
}

static void who_has_waited_for_long_only_says_farewell(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, C, DATA, 31, 30);
	record(b, S, DATA, ALERT_LEN, 1031);
	fin(b, S);
	assert_int_equal(row(b)->outcome, OUTCOME_COMPLETED);
	close_bench(b);
}

static void a_padded_finished_tells_how_long_an_alert_is(void **state)
{
	enum { PADDING = 16 };
	static const struct {
		uint32_t finished;
		enum outcome outcome;
	} cases[] = { { FINISHED_LEN + PADDING, OUTCOME_FAILED },
		      { FINISHED_LEN, OUTCOME_COMPLETED } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = answered((struct offer){ 0 }, tls13);

		record(b, S, DATA, FLIGHT_LEN, 20);
		record(b, S, DATA, cases[i].finished, 20);
		record(b, C, DATA, FINISHED_LEN, 30);
		record(b, S, DATA, ALERT_LEN + PADDING, 40);
		fin(b, S);
		fin(b, C);
		assert_int_equal(row(b)->outcome, cases[i].outcome);
		close_bench(b);
	}
}

static void an_alerts_size_instead_of_a_finished_is_the_clients_refusal(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, C, DATA, ALERT_LEN, 30);
	fin(b, C);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_CLIENT);
	assert_int_equal(h->alert_sender, SENDER_CLIENT);
	assert_true(h->tls_ns == TIME_NONE);
	close_bench(b);
}

static void an_alerts_size_before_the_clients_finished_is_the_servers_refusal(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	record(b, S, DATA, ALERT_LEN, 30);
	fin(b, S);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	close_bench(b);
}

/* ---- early data ---- */

static const struct offer early = { .early_data = true, .psks = 1 };
static const struct answer resumed = { .cipher = AES128, .group = X25519, .psk = true };

static void with_early_data_the_finished_follows_its_end(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, early);
	record(b, C, DATA, 200, 12);
	server_hello(b, resumed, 20);
	record(b, S, DATA, FLIGHT_LEN, 21);
	record(b, C, DATA, FINISHED_LEN, 25); /* early data that is as long as a Finished */
	record(b, C, DATA, END_OF_EARLY_LEN, 28);
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, S, DATA, TICKET_LEN, 40);
	record(b, S, DATA, 500, 41);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, (30 - 10) * MS);
	/* An EndOfEarlyData and four bytes of data look alike: nothing proves it. */
	assert_int_equal(h->early_data, EARLY_DATA_OFFERED);
	close_bench(b);
}

static void a_server_without_the_key_has_refused_early_data(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, early);
	record(b, C, DATA, 200, 12);
	server_hello(b, tls13, 20);
	record(b, C, DATA, 300, 20); /* still under way */
	record(b, S, DATA, FLIGHT_LEN, 21);
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, C, DATA, 200, 31);
	record(b, S, DATA, TICKET_LEN, 40);
	record(b, S, DATA, 500, 45);
	struct handshake *h = row(b);
	assert_int_equal(h->early_data, EARLY_DATA_REJECTED);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, (30 - 10) * MS);
	/* What was refused was never asked. */
	assert_int_equal(h->first_byte_ns, (45 - 31) * MS);
	assert_int_equal(h->resumption, RESUMPTION_NONE);
	close_bench(b);
}

static void early_data_belongs_to_the_first_key(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, (struct offer){ .early_data = true, .psks = 2 });
	server_hello(
		b, (struct answer){ .cipher = AES128, .group = X25519, .psk = true, .selected = 1 },
		20);
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct handshake *h = row(b);
	assert_int_equal(h->early_data, EARLY_DATA_REJECTED);
	assert_int_equal(h->resumption, RESUMPTION_PSK);
	assert_true(h->session_offered == hash_bytes(&b->key, "two", 3));
	close_bench(b);
}

static void a_retry_refuses_early_data(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, early);
	server_hello(b, (struct answer){ .cipher = AES128, .group = X25519, .retry = true }, 20);
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(row(b)->early_data, EARLY_DATA_REJECTED);
	close_bench(b);
}

static void early_data_refused_out_of_sight_fails_nothing(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, early);
	record(b, C, DATA, 200, 12);
	server_hello(b, resumed, 20);
	record(b, S, DATA, FLIGHT_LEN, 21);
	record(b, C, DATA, FINISHED_LEN, 30);
	record(b, S, DATA, TICKET_LEN, 40);
	record(b, C, DATA, 200, 41);
	fin(b, C);
	fin(b, S);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->early_data, EARLY_DATA_OFFERED);
	/* When it was over cannot be told: NULL, never a guess. */
	assert_true(h->tls_ns == TIME_NONE);
	assert_true(h->total_ns == TIME_NONE);
	close_bench(b);
}

/* ---- key exchange ---- */

static struct handshake *agreed(struct bench **out, struct offer o, struct answer a)
{
	*out = answered(o, a);
	exchange_end(&(*out)->x, &(*out)->env, EXCHANGE_END_CAPTURE, -1);
	return row(*out);
}

static void suite_group_and_key_tell_the_key_exchange(void **state)
{
	static const struct {
		struct answer a;
		struct offer o;
		int key_exchange, forward_secrecy, post_quantum, dh_bits, resumption;
	} cases[] = {
		{ { .cipher = AES128, .group = X25519 },
		  { 0 },
		  KEY_EXCHANGE_ECDHE,
		  1,
		  0,
		  -1,
		  RESUMPTION_NONE },
		{ { .cipher = AES128, .group = FFDHE3072 },
		  { 0 },
		  KEY_EXCHANGE_DHE,
		  1,
		  0,
		  3072,
		  RESUMPTION_NONE },
		{ { .cipher = AES128, .group = X25519MLKEM768 },
		  { 0 },
		  KEY_EXCHANGE_HYBRID,
		  1,
		  1,
		  -1,
		  RESUMPTION_NONE },
		{ { .cipher = AES128, .group = MLKEM768 },
		  { 0 },
		  KEY_EXCHANGE_ML_KEM,
		  1,
		  1,
		  -1,
		  RESUMPTION_NONE },
		/* A group that nobody knows is ephemeral all the same. */
		{ { .cipher = AES128, .group = 0xabcd },
		  { 0 },
		  KEY_EXCHANGE_UNSEEN,
		  1,
		  -1,
		  -1,
		  RESUMPTION_NONE },
		{ { .cipher = AES128, .group = X25519, .psk = true },
		  { .psks = 1 },
		  KEY_EXCHANGE_ECDHE,
		  1,
		  0,
		  -1,
		  RESUMPTION_PSK },
		{ { .cipher = AES128, .psk = true },
		  { .psks = 1 },
		  KEY_EXCHANGE_PSK,
		  0,
		  0,
		  -1,
		  RESUMPTION_PSK },
		{ { .cipher = AES128, .group = X25519, .psk = true },
		  { .psks = 1, .external = true },
		  KEY_EXCHANGE_PSK,
		  1,
		  0,
		  -1,
		  RESUMPTION_NONE },
		{ { .cipher = AES128, .psk = true },
		  { .psks = 1, .external = true },
		  KEY_EXCHANGE_PSK,
		  0,
		  0,
		  -1,
		  RESUMPTION_NONE },
		{ { .cipher = STATIC_RSA, .old = true },
		  { 0 },
		  KEY_EXCHANGE_RSA,
		  0,
		  0,
		  -1,
		  RESUMPTION_UNSEEN },
		{ { .cipher = ECDHE_RSA, .old = true },
		  { 0 },
		  KEY_EXCHANGE_ECDHE,
		  1,
		  0,
		  -1,
		  RESUMPTION_UNSEEN },
		{ { .cipher = DHE_PSK, .old = true },
		  { 0 },
		  KEY_EXCHANGE_DHE_PSK,
		  1,
		  0,
		  -1,
		  RESUMPTION_UNSEEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench *b;
		struct handshake *h = agreed(&b, cases[i].o, cases[i].a);

		assert_int_equal(h->key_exchange, cases[i].key_exchange);
		assert_int_equal(h->forward_secrecy, cases[i].forward_secrecy);
		assert_int_equal(h->post_quantum, cases[i].post_quantum);
		assert_int_equal(h->dh_bits, cases[i].dh_bits);
		assert_int_equal(h->resumption, cases[i].resumption);
		close_bench(b);
	}
}

static void without_an_answer_no_key_exchange_is_known(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	client_hello(b, (struct offer){ 0 });
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct handshake *h = row(b);
	assert_int_equal(h->key_exchange, KEY_EXCHANGE_UNSEEN);
	assert_int_equal(h->forward_secrecy, -1);
	assert_int_equal(h->post_quantum, -1);
	assert_int_equal(h->hello_retry, -1);
	assert_int_equal(h->resumption, RESUMPTION_UNSEEN);
	close_bench(b);
}

/* ---- Encrypted ClientHello ---- */

static const char ech_outer[] = "\0\0\1\0\1\7\0\2ke\0\3abc",
		  ech_again[] = "\0\0\1\0\1\7\0\0\0\3xyz";

static uint8_t ech_after_retry(const char *second, size_t len)
{
	struct bench *b = open_bench();

	client_hello(b, (struct offer){ .ech = ech_outer, .ech_len = sizeof ech_outer - 1 });
	server_hello(b, (struct answer){ .cipher = AES128, .group = X25519, .retry = true }, 20);
	client_hello_at(b, &(struct offer){ .ech = second, .ech_len = len }, 30, 31);
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	uint8_t ech = row(b)->ech;
	close_bench(b);
	return ech;
}

static void a_retry_tells_grease_from_an_offer(void **state)
{
	(void)state;
	assert_int_equal(ech_after_retry(ech_outer, sizeof ech_outer - 1), ECH_GREASE);
	assert_int_equal(ech_after_retry(ech_again, sizeof ech_again - 1), ECH_OFFERED);
}

static void who_uses_an_older_version_had_not_meant_ech(void **state)
{
	(void)state;
	for (int used = 0; used < 2; used++) {
		struct bench *b = answered(
			(struct offer){ .ech = ech_outer, .ech_len = sizeof ech_outer - 1 }, tls12);

		server_flight_tls12(b);
		client_flight_tls12(b);
		server_finish_tls12(b);
		if (used)
			record(b, C, DATA, 100, 50);
		fin(b, C);
		struct handshake *h = row(b);
		assert_int_equal(h->ech, used ? ECH_GREASE : ECH_OFFERED);
		assert_int_equal(h->inferred & INFERRED_ECH, used ? INFERRED_ECH : 0);
		close_bench(b);
	}
}

static void an_inner_hello_was_accepted_by_who_handed_it_on(void **state)
{
	struct bench *b;

	(void)state;
	assert_int_equal(agreed(&b, (struct offer){ .ech = "\1", .ech_len = 1 }, tls13)->ech,
			 ECH_ACCEPTED);
	close_bench(b);
	assert_int_equal(agreed(&b, (struct offer){ 0 }, tls13)->ech, ECH_NONE);
	close_bench(b);
}

/* ---- the client's certificate ---- */

static struct bench *asked_for_certificate(void)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	message(b, S, 11, (struct bytes){ certificate, sizeof certificate }, 21, 21);
	message(b, S, 13, (struct bytes){ (const uint8_t *)"\1\1\0\2\4\3\0\4\0\2\x30\0", 12 }, 22,
		22);
	message(b, S, 14, nothing, 23, 23);
	return b;
}

static uint8_t auth_after(struct bench *b)
{
	exchange_end(&b->x, &b->env, EXCHANGE_END_RST, SENDER_SERVER);
	uint8_t auth = row(b)->client_auth;
	close_bench(b);
	return auth;
}

static void a_certificate_that_was_given_and_refused_is_rejected(void **state)
{
	static const struct {
		uint8_t alert, auth;
	} alerts[] = { { 42, CLIENT_AUTH_REJECTED }, { 43, CLIENT_AUTH_REJECTED },
		       { 44, CLIENT_AUTH_REJECTED }, { 45, CLIENT_AUTH_REJECTED },
		       { 46, CLIENT_AUTH_REJECTED }, { 48, CLIENT_AUTH_REJECTED },
		       { 49, CLIENT_AUTH_REJECTED }, { 116, CLIENT_AUTH_REJECTED },
		       { 47, CLIENT_AUTH_PROVIDED }, { 80, CLIENT_AUTH_PROVIDED } };

	(void)state;
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
		struct bench *b = asked_for_certificate();

		message(b, C, 11, (struct bytes){ certificate, sizeof certificate }, 30, 30);
		alert(b, S, 2, alerts[i].alert, 40);
		assert_int_equal(auth_after(b), alerts[i].auth);
	}
}

static void the_clients_own_alert_refuses_nothing_of_its(void **state)
{
	struct bench *b = asked_for_certificate();

	(void)state;
	message(b, C, 11, (struct bytes){ certificate, sizeof certificate }, 30, 30);
	alert(b, C, 2, 42, 40);
	assert_int_equal(auth_after(b), CLIENT_AUTH_PROVIDED);
}

static void an_empty_certificate_declines_whatever_follows(void **state)
{
	struct bench *b = asked_for_certificate();

	(void)state;
	message(b, C, 11, (struct bytes){ (const uint8_t *)"\0\0\0", 3 }, 30, 30);
	alert(b, S, 2, 42, 40);
	assert_int_equal(auth_after(b), CLIENT_AUTH_DECLINED);
}

static void ssl3_declines_with_a_warning(void **state)
{
	struct bench *b = asked_for_certificate();

	(void)state;
	alert(b, C, 1, 41, 30);
	assert_int_equal(auth_after(b), CLIENT_AUTH_DECLINED);
	assert_int_equal(auth_after(asked_for_certificate()), CLIENT_AUTH_REQUESTED);
}

static void the_authorities_asked_for_are_kept(void **state)
{
	struct bench *b = asked_for_certificate();

	(void)state;
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct handshake *h = row(b);
	assert_non_null(h->certificate_request);
	assert_int_equal(h->certificate_request->offers[OFFER_CERTIFICATE_AUTHORITY].count, 1);
	close_bench(b);
}

/* ---- how it ended ---- */

struct ending {
	uint8_t outcome, ended_by;
};

static struct ending ended(struct bench *b)
{
	struct handshake *h = row(b);
	struct ending e = { h->outcome, h->ended_by };

	close_bench(b);
	return e;
}

static struct bench *asked(void)
{
	struct bench *b = open_bench();

	client_hello(b, (struct offer){ 0 });
	return b;
}

static void a_silent_server_is_the_networks_fault_whoever_closes(void **state)
{
	struct bench *b = asked();

	(void)state;
	fin(b, C);
	fin(b, S); /* only answers the client's */
	assert_int_equal(ended(b).ended_by, ENDED_BY_NETWORK);
	b = asked();
	exchange_end(&b->x, &b->env, EXCHANGE_END_RST, SENDER_CLIENT);
	assert_int_equal(ended(b).ended_by, ENDED_BY_NETWORK);
	b = asked();
	exchange_end(&b->x, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(ended(b).ended_by, ENDED_BY_NETWORK);
}

static void a_server_that_closes_instead_of_answering_ended_it(void **state)
{
	struct bench *b = asked();

	(void)state;
	fin(b, S);
	fin(b, C);
	struct ending e = ended(b);
	assert_int_equal(e.outcome, OUTCOME_FAILED);
	assert_int_equal(e.ended_by, ENDED_BY_SERVER);
	b = asked();
	exchange_end(&b->x, &b->env, EXCHANGE_END_RST, SENDER_SERVER);
	assert_int_equal(ended(b).ended_by, ENDED_BY_SERVER);
}

static void once_answered_the_first_to_close_ended_it(void **state)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	(void)state;
	server_flight_tls12(b);
	fin(b, C);
	fin(b, S);
	assert_int_equal(ended(b).ended_by, ENDED_BY_CLIENT);
}

static void a_fatal_alert_counts_before_any_close(void **state)
{
	struct bench *b = asked();

	(void)state;
	alert(b, S, 2, 40, 20);
	fin(b, C);
	struct handshake *h = row(b);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 40);
	close_bench(b);
}

/* The hello's sender may close its direction and still wait for the answer. */
static void after_a_fin_an_alert_answers_the_hello_or_only_the_close(void **state)
{
	static const struct {
		uint8_t alert;
		bool after_close;
	} cases[] = { { 70, false }, { 40, false }, { 50, true }, { 80, true } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = asked();

		fin(b, C);
		alert(b, S, 2, cases[i].alert, 20);
		fin(b, S);
		assert_int_equal(row(b)->alert_after_close, cases[i].after_close);
		close_bench(b);
	}
}

static void an_alerts_size_after_the_clients_close_only_answers_it(void **state)
{
	struct bench *b = answered((struct offer){ 0 }, tls13);

	(void)state;
	fin(b, C);
	record(b, S, DATA, ALERT_LEN, 30);
	fin(b, S);
	assert_true(row(b)->alert_after_close);
	close_bench(b);
}

static void what_still_comes_after_a_refusal_is_no_renegotiation(void **state)
{
	struct bench *b = asked_for_certificate();

	(void)state;
	alert(b, S, 2, 42, 30);
	fin(b, S);
	row(b);
	assert_true(exchange_is_over(&b->x));
	close_bench(b);
}

static void the_end_of_the_capture_leaves_it_open(void **state)
{
	struct bench *b = asked();

	(void)state;
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct ending e = ended(b);
	assert_int_equal(e.outcome, OUTCOME_OPEN);
	assert_int_equal(e.ended_by, ENDED_UNSEEN);
}

static void missing_bytes_leave_it_undecided(void **state)
{
	struct bench *b = asked();

	(void)state;
	exchange_gap(&b->x, SENDER_SERVER);
	fin(b, C);
	fin(b, S);
	struct ending e = ended(b);
	assert_int_equal(e.outcome, OUTCOME_PARTIAL);
	assert_int_equal(e.ended_by, ENDED_BY_CAPTURE);
}

static void close_notify_is_no_alert_that_counts(void **state)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	(void)state;
	alert(b, S, 1, 112, 21);
	alert(b, S, 1, 0, 22);
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct handshake *h = row(b);
	assert_int_equal(h->alert_code, 112);
	assert_int_equal(h->alert_level, 1);
	assert_int_equal(h->alert_count, 2);
	close_bench(b);
}

/* ---- what else passes in the clear ---- */

static void a_staple_is_kept_as_it_was_sent(void **state)
{
	struct bench *b = answered((struct offer){ .old = true }, tls12);

	(void)state;
	message(b, S, 22, (struct bytes){ (const uint8_t *)"\1\0\0\2\x30\0", 6 }, 22, 22);
	exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
	struct handshake *h = row(b);
	struct bytes kept = handshake_text(h, h->ocsp_response);
	assert_int_equal(kept.len, 2);
	assert_memory_equal(kept.at, "\x30\0", 2);
	close_bench(b);
}

static void a_heartbeat_that_claims_more_than_it_holds_is_a_probe(void **state)
{
	(void)state;
	for (int probe = 0; probe < 2; probe++) {
		struct bench *b = answered((struct offer){ .old = true }, tls12);

		exchange_heartbeat(&b->x, &b->env, SENDER_CLIENT, probe ? 33 : 16, 3 + 16 + 16,
				   25 * MS);
		exchange_end(&b->x, &b->env, EXCHANGE_END_CAPTURE, -1);
		struct handshake *h = row(b);
		assert_int_equal(h->heartbleed_probe, probe);
		assert_int_equal(handshake_message(h, (uint16_t)(h->message_count - 1))->type,
				 MESSAGE_HEARTBEAT);
		close_bench(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_handshake_ends_with_the_servers_finished),
		cmocka_unit_test(a_resumption_ends_with_the_clients_finished),
		cmocka_unit_test(a_ticket_that_was_taken_names_its_giver),
		cmocka_unit_test(a_session_id_counts_even_of_a_client_that_knows_tls13),
		cmocka_unit_test(renegotiation_is_secure_where_both_say_so),
		cmocka_unit_test(the_clients_finished_is_known_by_its_size),
		cmocka_unit_test(no_more_than_four_records_are_tickets),
		cmocka_unit_test(a_longer_flight_ends_where_the_server_goes_on),
		cmocka_unit_test(a_finished_behind_a_certificate_is_known_by_its_size_too),
		cmocka_unit_test(a_retry_counts_from_the_first_hello_and_answers_the_second),
		cmocka_unit_test(an_alerts_size_and_a_close_refuse_the_client),
		cmocka_unit_test(a_client_that_hurries_to_close_is_refused_all_the_same),
		cmocka_unit_test(a_server_that_says_farewell_refuses_nothing),
		cmocka_unit_test(who_minds_that_the_other_side_will_not_renegotiate_refuses_nothing),
		cmocka_unit_test(who_has_waited_for_long_only_says_farewell),
		cmocka_unit_test(a_padded_finished_tells_how_long_an_alert_is),
		cmocka_unit_test(an_alerts_size_instead_of_a_finished_is_the_clients_refusal),
		cmocka_unit_test(an_alerts_size_before_the_clients_finished_is_the_servers_refusal),
		cmocka_unit_test(with_early_data_the_finished_follows_its_end),
		cmocka_unit_test(a_server_without_the_key_has_refused_early_data),
		cmocka_unit_test(early_data_belongs_to_the_first_key),
		cmocka_unit_test(a_retry_refuses_early_data),
		cmocka_unit_test(early_data_refused_out_of_sight_fails_nothing),
		cmocka_unit_test(suite_group_and_key_tell_the_key_exchange),
		cmocka_unit_test(without_an_answer_no_key_exchange_is_known),
		cmocka_unit_test(a_retry_tells_grease_from_an_offer),
		cmocka_unit_test(who_uses_an_older_version_had_not_meant_ech),
		cmocka_unit_test(an_inner_hello_was_accepted_by_who_handed_it_on),
		cmocka_unit_test(a_certificate_that_was_given_and_refused_is_rejected),
		cmocka_unit_test(the_clients_own_alert_refuses_nothing_of_its),
		cmocka_unit_test(an_empty_certificate_declines_whatever_follows),
		cmocka_unit_test(ssl3_declines_with_a_warning),
		cmocka_unit_test(the_authorities_asked_for_are_kept),
		cmocka_unit_test(a_silent_server_is_the_networks_fault_whoever_closes),
		cmocka_unit_test(a_server_that_closes_instead_of_answering_ended_it),
		cmocka_unit_test(once_answered_the_first_to_close_ended_it),
		cmocka_unit_test(a_fatal_alert_counts_before_any_close),
		cmocka_unit_test(after_a_fin_an_alert_answers_the_hello_or_only_the_close),
		cmocka_unit_test(an_alerts_size_after_the_clients_close_only_answers_it),
		cmocka_unit_test(what_still_comes_after_a_refusal_is_no_renegotiation),
		cmocka_unit_test(the_end_of_the_capture_leaves_it_open),
		cmocka_unit_test(missing_bytes_leave_it_undecided),
		cmocka_unit_test(close_notify_is_no_alert_that_counts),
		cmocka_unit_test(a_staple_is_kept_as_it_was_sent),
		cmocka_unit_test(a_heartbeat_that_claims_more_than_it_holds_is_a_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
