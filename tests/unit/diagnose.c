#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/diagnose.h"
#include "pki.h"

#include <unistd.h>

/* A handshake, with what its hello offers, and who judges it. */
struct place {
	struct made root, leaf, expired, stranger;
	char roots[64];
	struct diagnose *diagnose;
	struct handshake h;
	struct hello client, server;
	uint32_t versions[4], suites[8], groups[8], schemes[8], extensions[8];
};

enum { TLS_1_0 = 0x0301, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304, AES_128 = 0xc02f, AES_256 = 0xc030, RSA_CBC = 0x003d,
	X25519 = 0x001d, P_256 = 0x0017, X25519MLKEM768 = 0x11ec, PSS = 0x0804, ECDSA = 0x0403, PKCS1 = 0x0401, PSK_SUITE = 0x00a8,
	RC4_SUITE = 0x0005, EXPORT_SUITE = 0x0003, NULL_SUITE = 0x003b };

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct error error;

	p->root = make_certificate((struct wish){ .subject = "Root", .authority = true, .until_s = NOW_S + DAYS(4000) }, NULL);
	p->leaf = make_certificate((struct wish){ .subject = "a", .names = "DNS:a.test,DNS:www.example.com" }, &p->root);
	p->expired = make_certificate((struct wish){ .subject = "a", .names = "DNS:a.test", .from_s = NOW_S - DAYS(90),
						     .until_s = NOW_S - DAYS(1) }, &p->root);
	p->stranger = make_certificate((struct wish){ .subject = "a", .names = "DNS:a.test" }, NULL);
	write_pem(&p->root, p->roots);
	*state = p;
	return diagnose_create(&(struct trust_options){ .ca_file = p->roots }, &p->diagnose, &error) ? 0 : -1;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	diagnose_destroy(p->diagnose);
	handshake_finish(&p->h);
	unlink(p->roots);
	free_certificate(&p->root);
	free_certificate(&p->leaf);
	free_certificate(&p->expired);
	free_certificate(&p->stranger);
	free(p);
	return 0;
}

static void offer(struct hello *hello, enum offer_kind kind, uint32_t *room, const uint32_t *codes)
{
	uint32_t count = 0;

	for (; codes[count]; count++)
		room[count] = codes[count];
	hello->offers[kind] = (struct offer_list){ .seen = true, .count = count, .codes = room };
}
#define OFFER(p, kind, room, ...) offer(&(p)->client, kind, (p)->room, (const uint32_t[]){ __VA_ARGS__, 0 })

/* An ordinary client of TLS 1.2 asks for a.test; nothing came back yet. */
static struct handshake *ask(struct place *p)
{
	struct handshake *h = &p->h;

	handshake_finish(h);
	handshake_init(h);
	h->time_ns = NOW_S * 1000000000;
	h->transport = TRANSPORT_TCP;
	h->server.at[15] = 7;
	h->server_port = 443;
	h->server_name = handshake_keep_text(h, "a.test");
	h->stage = STAGE_CLIENT_HELLO;
	p->client = (struct hello){ .version_highest = TLS_1_2, .ja3 = "0" };
	OFFER(p, OFFER_VERSION, versions, TLS_1_2);
	OFFER(p, OFFER_CIPHER, suites, AES_128, AES_256, 0x00ff);
	OFFER(p, OFFER_GROUP, groups, X25519, P_256);
	OFFER(p, OFFER_SIGNATURE_SCHEME, schemes, PSS, ECDSA, PKCS1);
	OFFER(p, OFFER_EXTENSION, extensions, 10, 13);
	h->client_hello = &p->client;
	return h;
}

/* The server answered with an ordinary choice. */
static struct handshake *agree(struct place *p)
{
	struct handshake *h = ask(p);

	h->server_hello = &p->server;
	h->stage = STAGE_FINISHED;
	h->outcome = OUTCOME_COMPLETED;
	h->version = TLS_1_2;
	h->cipher = AES_128;
	h->named_group = X25519;
	h->signature_scheme = PSS;
	h->compression = 0;
	h->secure_renegotiation = 1;
	return h;
}

static void refuse(struct handshake *h, enum sender by, int32_t alert)
{
	h->outcome = OUTCOME_FAILED;
	h->ended_by = by == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
	h->alert_code = alert;
	h->alert_level = 2;
	h->alert_sender = (int32_t)by;
}

static void diagnose(struct place *p)
{
	p->h.cause = TEXT_NONE;
	diagnose_handshake(p->diagnose, &p->h);
}

/* The cause; "" for none. Borrowed until the next call. */
static const char *cause(struct place *p)
{
	static char text[64];

	diagnose(p);
	struct bytes b = handshake_text(&p->h, p->h.cause);
	snprintf(text, sizeof text, "%.*s", (int)b.len, b.len ? (const char *)b.at : "");
	return text;
}

static const struct finding *found(const struct place *p, enum finding_code code)
{
	for (size_t i = 0; i < p->h.findings->count; i++)
		if (p->h.findings->at[i].kind == &finding_kinds[code])
			return &p->h.findings->at[i];
	return NULL;
}

static struct chain *send_chain(struct place *p, const struct made *leaf)
{
	struct chain *c = make_chain(&leaf, 1);

	p->h.server_chain = c;
	p->h.server_certificates = 1;
	p->h.stage = p->h.stage < STAGE_CERTIFICATE ? STAGE_CERTIFICATE : p->h.stage;
	return c;
}

/* ---- a sound handshake ---- */

static void a_sound_handshake_has_nothing_to_find(void **state)
{
	struct place *p = *state;

	agree(p);
	struct chain *c = send_chain(p, &p->leaf);
	assert_string_equal(cause(p), "");
	assert_int_equal(p->h.findings->count, 0);
	free_chain(c);
}

/* ---- could not agree ---- */

static void alerts_that_speak_for_themselves(void **state)
{
	struct place *p = *state;
	static const struct {
		enum sender by;
		int32_t alert;
		const char *cause;
	} cases[] = {
		{ SENDER_SERVER, 70, "no-common-version" },	{ SENDER_CLIENT, 70, "no-common-version" },
		{ SENDER_SERVER, 71, "no-common-cipher" },	{ SENDER_SERVER, 86, "inappropriate-fallback" },
		{ SENDER_SERVER, 112, "server-name-unrecognized" }, { SENDER_SERVER, 115, "unknown-psk" },
		{ SENDER_SERVER, 116, "client-certificate-missing" }, { SENDER_SERVER, 120, "no-common-alpn" },
		{ SENDER_CLIENT, 121, "ech-required" },		{ SENDER_CLIENT, 10, "unexpected-message" },
		{ SENDER_SERVER, 50, "decode-error" },		{ SENDER_SERVER, 80, "alert-other" },
		{ SENDER_CLIENT, 42, "certificate-rejected" },	{ SENDER_SERVER, 47, "alert-other" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		refuse(ask(p), cases[i].by, cases[i].alert);
		assert_string_equal(cause(p), cases[i].cause);
		assert_int_equal(p->h.ended_by, cases[i].by == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER);
	}
}

static void a_plain_handshake_failure_is_likely_the_suites(void **state)
{
	struct place *p = *state;

	refuse(ask(p), SENDER_SERVER, 40);
	assert_string_equal(cause(p), "no-common-cipher");
	assert_int_equal(found(p, NO_COMMON_CIPHER)->confidence, CONFIDENCE_LIKELY);
	assert_int_equal(p->h.inferred, INFERRED_CAUSE);
}

static void a_hello_without_a_usual_group_lacks_a_group(void **state)
{
	struct place *p = *state;

	refuse(ask(p), SENDER_SERVER, 40);
	OFFER(p, OFFER_GROUP, groups, X25519);
	assert_string_equal(cause(p), "no-common-group");
	/* With a suite that needs no group that is no reason. */
	refuse(ask(p), SENDER_SERVER, 40);
	OFFER(p, OFFER_GROUP, groups, X25519);
	OFFER(p, OFFER_CIPHER, suites, AES_128, RSA_CBC);
	assert_string_equal(cause(p), "no-common-cipher");
}

static void a_hello_with_a_single_scheme_lacks_a_scheme(void **state)
{
	struct place *p = *state;

	refuse(ask(p), SENDER_SERVER, 40);
	OFFER(p, OFFER_SIGNATURE_SCHEME, schemes, PKCS1);
	assert_string_equal(cause(p), "no-common-signature-scheme");
}

static void what_the_server_took_from_others_counts(void **state)
{
	struct place *p = *state;

	agree(p);
	diagnose(p);
	/* It takes x25519, so that the group is not what is missing. */
	refuse(ask(p), SENDER_SERVER, 40);
	OFFER(p, OFFER_GROUP, groups, X25519);
	assert_string_equal(cause(p), "no-common-cipher");
	/* Another one's x25519 says nothing. */
	refuse(ask(p), SENDER_SERVER, 40);
	p->h.server_port = 8443;
	OFFER(p, OFFER_GROUP, groups, X25519);
	assert_string_equal(cause(p), "no-common-group");
}

static void another_capture_is_another_network(void **state)
{
	struct place *p = *state;

	agree(p);
	diagnose(p);
	diagnose_begin_capture(p->diagnose);
	refuse(ask(p), SENDER_SERVER, 40);
	OFFER(p, OFFER_GROUP, groups, X25519);
	assert_string_equal(cause(p), "no-common-group");
}

static void a_client_older_than_all_others_lacks_a_version(void **state)
{
	struct place *p = *state;

	agree(p);
	diagnose(p);
	refuse(ask(p), SENDER_SERVER, 40);
	p->client.version_highest = TLS_1_0;
	OFFER(p, OFFER_VERSION, versions, TLS_1_0);
	assert_string_equal(cause(p), "no-common-version");
	assert_non_null(found(p, CLIENT_OUTDATED));
}

static void two_keys_that_differ_show_in_the_finished_or_the_binder(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_SERVER, 20);
	p->h.cipher = PSK_SUITE;
	assert_string_equal(cause(p), "psk-mismatch");
	refuse(agree(p), SENDER_SERVER, 20);
	assert_string_equal(cause(p), "alert-other");
	refuse(ask(p), SENDER_SERVER, 47);
	OFFER(p, OFFER_EXTENSION, extensions, 10, 41);
	assert_string_equal(cause(p), "psk-mismatch");
}

/* ---- certificates ---- */

static void a_client_refuses_what_is_wrong(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_CLIENT, 45);
	struct chain *expired = send_chain(p, &p->expired);
	assert_string_equal(cause(p), "certificate-expired");
	refuse(agree(p), SENDER_CLIENT, 48);
	struct chain *stranger = send_chain(p, &p->stranger);
	assert_string_equal(cause(p), "self-signed");
	refuse(agree(p), SENDER_CLIENT, 42);
	p->h.server_name = handshake_keep_text(&p->h, "b.test");
	struct chain *leaf = send_chain(p, &p->leaf);
	assert_string_equal(cause(p), "hostname-mismatch");
	free_chain(expired);
	free_chain(stranger);
	free_chain(leaf);
}

static void a_valid_certificate_refused_as_expired_means_a_wrong_clock(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_CLIENT, 45);
	struct chain *c = send_chain(p, &p->leaf);
	assert_string_equal(cause(p), "client-clock-wrong");
	free_chain(c);
}

static void a_sound_certificate_refused_is_just_that(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_CLIENT, 42);
	struct chain *c = send_chain(p, &p->leaf);
	assert_string_equal(cause(p), "certificate-rejected");
	free_chain(c);
}

static void a_client_that_leaves_without_a_word_had_a_reason_or_not(void **state)
{
	struct place *p = *state;

	agree(p);
	p->h.unused = true;
	struct chain *c = send_chain(p, &p->expired);
	assert_string_equal(cause(p), "certificate-expired");
	assert_int_equal(p->h.ended_by, ENDED_BY_CLIENT);
	assert_int_equal(p->h.outcome, OUTCOME_COMPLETED);
	/* It used the connection all the same. */
	agree(p);
	p->h.server_chain = c;
	assert_string_equal(cause(p), "");
	assert_non_null(found(p, CERTIFICATE_EXPIRED));
	/* It closed, and the certificate is fine. */
	agree(p);
	p->h.unused = true;
	struct chain *fine = send_chain(p, &p->leaf);
	assert_string_equal(cause(p), "");
	assert_int_equal(p->h.ended_by, ENDED_UNSEEN);
	free_chain(fine);
	free_chain(c);
}

/* Its own Finished follows the certificate at once in TLS 1.3. */
static void who_leaves_at_the_certificate_does_so_for_its_flaw(void **state)
{
	struct place *p = *state;

	agree(p)->outcome = OUTCOME_FAILED;
	p->h.version = TLS_1_3;
	p->h.ended_by = ENDED_BY_CLIENT;
	p->h.closed_by = 1 + SENDER_CLIENT;
	struct chain *c = send_chain(p, &p->expired);
	assert_string_equal(cause(p), "certificate-expired");
	p->h.version = TLS_1_2;
	assert_string_equal(cause(p), "client-closed");
	free_chain(c);
}

static void a_server_that_leaves_without_the_certificate_wanted_one(void **state)
{
	struct place *p = *state;

	agree(p)->outcome = OUTCOME_FAILED;
	p->h.ended_by = ENDED_BY_SERVER;
	p->h.closed_by = 1 + SENDER_SERVER;
	p->h.client_auth = CLIENT_AUTH_DECLINED;
	assert_string_equal(cause(p), "client-certificate-missing");
	assert_int_equal(found(p, CLIENT_CERTIFICATE_MISSING)->confidence, CONFIDENCE_LIKELY);
	p->h.client_auth = CLIENT_AUTH_PROVIDED;
	assert_string_equal(cause(p), "server-closed");
	p->h.client_auth = CLIENT_AUTH_DECLINED;
	p->h.closed_by = 1 + SENDER_CLIENT;
	p->h.ended_by = ENDED_BY_CLIENT;
	assert_string_equal(cause(p), "client-closed");
}

static void a_server_that_cannot_read_an_empty_certificate_wanted_one(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_SERVER, 50);
	p->h.client_auth = CLIENT_AUTH_DECLINED;
	p->h.client_certificates = 0;
	p->h.stage = STAGE_FINISHED;
	assert_string_equal(cause(p), "client-certificate-missing");
	assert_int_equal(found(p, CLIENT_CERTIFICATE_MISSING)->confidence, CONFIDENCE_LIKELY);
	p->h.client_auth = CLIENT_AUTH_PROVIDED;
	p->h.client_certificates = 1;
	assert_string_equal(cause(p), "decode-error");
}

static void a_server_that_asked_for_a_certificate_refuses_for_it(void **state)
{
	struct place *p = *state;

	refuse(agree(p), SENDER_SERVER, 40);
	p->h.client_auth = CLIENT_AUTH_DECLINED;
	p->h.client_certificates = 0;
	assert_string_equal(cause(p), "client-certificate-missing");
	refuse(agree(p), SENDER_SERVER, 48);
	p->h.client_auth = CLIENT_AUTH_PROVIDED;
	p->h.client_certificates = 1;
	assert_string_equal(cause(p), "client-certificate-rejected");
	refuse(agree(p), SENDER_SERVER, 40);
	p->h.client_auth = CLIENT_AUTH_NONE;
	assert_string_equal(cause(p), "alert-other");
}

static void a_revoked_staple_is_told(void **state)
{
	struct place *p = *state;

	agree(p);
	p->h.ocsp_status = OCSP_REVOKED;
	diagnose(p);
	assert_non_null(found(p, CERTIFICATE_REVOKED));
	agree(p);
	p->h.ocsp_status = OCSP_GOOD;
	diagnose(p);
	assert_null(found(p, CERTIFICATE_REVOKED));
}

/* ---- the network ---- */

static void a_close_is_named_by_who_and_how(void **state)
{
	struct place *p = *state;
	static const struct {
		enum sender by;
		bool reset;
		const char *cause;
	} cases[] = {
		{ SENDER_CLIENT, false, "client-closed" },
		{ SENDER_CLIENT, true, "client-reset" },
		{ SENDER_SERVER, false, "server-closed" },
		{ SENDER_SERVER, true, "server-reset" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask(p)->outcome = OUTCOME_FAILED;
		p->h.ended_by = cases[i].by == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
		p->h.closed_by = (uint8_t)(1 + cases[i].by);
		p->h.closed_by_reset = cases[i].reset;
		assert_string_equal(cause(p), cases[i].cause);
	}
}

static void an_alert_that_answers_a_close_is_not_the_cause(void **state)
{
	struct place *p = *state;

	refuse(ask(p), SENDER_CLIENT, 50);
	p->h.closed_by = 1 + SENDER_SERVER;
	p->h.alert_after_close = true;
	assert_string_equal(cause(p), "server-closed");
}

static void silence_is_the_servers_unless_a_large_hello_was_lost(void **state)
{
	struct place *p = *state;

	ask(p)->outcome = OUTCOME_FAILED;
	p->h.ended_by = ENDED_BY_NETWORK;
	handshake_add_message(&p->h, (struct message){ .type = 1, .sender = SENDER_CLIENT, .bytes = 1600 });
	assert_string_equal(cause(p), "server-silent");
	p->h.retransmissions = 5;
	assert_string_equal(cause(p), "large-hello-dropped");
	p->h.messages[0].bytes = 300;
	assert_string_equal(cause(p), "server-silent");
}

static void a_list_of_versions_that_nobody_takes_up_is_a_mismatch(void **state)
{
	struct place *p = *state;

	ask(p)->outcome = OUTCOME_FAILED;
	p->h.transport = TRANSPORT_QUIC;
	p->h.ended_by = ENDED_BY_SERVER;
	handshake_add_message(&p->h, (struct message){ .type = 1, .sender = SENDER_CLIENT, .bytes = 300 });
	assert_string_equal(cause(p), "server-closed");
	handshake_add_message(&p->h, (struct message){ .type = MESSAGE_VERSION_NEGOTIATION, .sender = SENDER_SERVER, .bytes = 40 });
	assert_string_equal(cause(p), "quic-version-mismatch");
	handshake_add_message(&p->h, (struct message){ .type = 1, .sender = SENDER_CLIENT, .bytes = 300 });
	assert_string_equal(cause(p), "server-closed");
}

static void another_protocol_is_named(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *answer, *detail;
	} cases[] = {
		{ "HTTP/1.1 400 Bad Request\r\n", "the answer is HTTP: 'HTTP/1.1 400 Bad Request'" },
		{ "SSH-2.0-x\r\n", "the answer is SSH: 'SSH-2.0-x'" },
		{ "\x01\x02", "the answer is of no protocol known here: bytes 0102" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask(p)->outcome = OUTCOME_FAILED;
		p->h.ended_by = ENDED_BY_SERVER;
		p->h.answer = handshake_keep_text(&p->h, cases[i].answer);
		assert_string_equal(cause(p), "not-tls-server");
		assert_string_equal(found(p, NOT_TLS_SERVER)->detail, cases[i].detail);
	}
}

static void what_is_not_over_has_no_cause(void **state)
{
	struct place *p = *state;

	ask(p)->outcome = OUTCOME_OPEN;
	assert_string_equal(cause(p), "");
	ask(p)->outcome = OUTCOME_PARTIAL;
	p->h.ended_by = ENDED_BY_CAPTURE;
	assert_string_equal(cause(p), "");
}

static void one_name_under_two_issuers_is_suspected_once_one_is_untrusted(void **state)
{
	struct place *p = *state;

	agree(p);
	struct chain *fine = send_chain(p, &p->leaf);
	diagnose(p);
	assert_null(found(p, INTERCEPTION_SUSPECTED));
	agree(p);
	struct chain *other = send_chain(p, &p->stranger);
	diagnose(p);
	assert_non_null(found(p, INTERCEPTION_SUSPECTED));
	/* A week later it is a change. */
	agree(p);
	p->h.server_chain = fine;
	p->h.time_ns += DAYS(7) * 1000000000;
	diagnose(p);
	assert_null(found(p, INTERCEPTION_SUSPECTED));
	free_chain(fine);
	free_chain(other);
}

/* With the system's roots, to which no certificate made here leads. */
static void an_issuer_nobody_trusts_is_suspected_once_it_signs_for_two_domains(void **state)
{
	struct place *p = *state;
	static const char *const names[] = { "www.example.com", "mail.example.com", "www.example.org" };
	struct made between = make_certificate((struct wish){ .subject = "Between", .authority = true }, &p->stranger);
	struct made leaf = make_certificate((struct wish){ .subject = "a", .names = "DNS:*.example.com,DNS:*.example.org" }, &between);
	struct chain *c = make_chain((const struct made *[]){ &leaf, &between, &p->root }, 3);

	setenv("SSL_CERT_FILE", p->roots, 1);
	setenv("SSL_CERT_DIR", "/nowhere", 1);
	diagnose_destroy(p->diagnose);
	assert_true(diagnose_create(&(struct trust_options){ 0 }, &p->diagnose, NULL));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		agree(p)->server_name = handshake_keep_text(&p->h, names[i]);
		memcpy(p->h.server.at, (uint8_t[]){ 0x2a, 0x01 }, 2);
		p->h.server_chain = c;
		diagnose(p);
		assert_int_equal(found(p, INTERCEPTION_SUSPECTED) != NULL, i == 2);
	}
	free_chain(c);
	free_certificate(&leaf);
	free_certificate(&between);
}

/* ---- weaknesses ---- */

static void weak_choices_are_told(void **state)
{
	struct place *p = *state;
	static const struct {
		int32_t cipher;
		enum finding_code code;
	} cases[] = { { RC4_SUITE, WEAK_CIPHER }, { EXPORT_SUITE, EXPORT_CIPHER }, { NULL_SUITE, NULL_CIPHER } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		agree(p)->cipher = cases[i].cipher;
		diagnose(p);
		assert_non_null(found(p, cases[i].code));
		assert_int_equal(p->h.findings->count, 1);
	}
	agree(p)->version = TLS_1_0;
	p->h.compression = 1;
	p->h.secure_renegotiation = 0;
	p->h.forward_secrecy = 0;
	p->h.dh_bits = 1024;
	diagnose(p);
	assert_non_null(found(p, DEPRECATED_VERSION));
	assert_non_null(found(p, COMPRESSION));
	assert_non_null(found(p, INSECURE_RENEGOTIATION));
	assert_non_null(found(p, NO_FORWARD_SECRECY));
	assert_non_null(found(p, WEAK_GROUP));
}

static void blank_members_fire_nothing(void **state)
{
	struct place *p = *state;

	handshake_init(&p->h);
	p->h.outcome = OUTCOME_COMPLETED;
	diagnose(p);
	assert_int_equal(p->h.findings->count, 0);
}

static void a_sentinel_counts_only_where_more_was_offered(void **state)
{
	struct place *p = *state;

	agree(p)->has_server_random = true;
	memcpy(p->h.server_random + 24, "DOWNGRD\x01", 8);
	diagnose(p);
	assert_null(found(p, DOWNGRADE_SENTINEL));
	p->client.version_highest = TLS_1_3;
	diagnose(p);
	assert_non_null(found(p, DOWNGRADE_SENTINEL));
}

static void a_missing_name_is_told(void **state)
{
	struct place *p = *state;

	agree(p)->server_name = TEXT_NONE;
	diagnose(p);
	assert_non_null(found(p, SNI_MISSING));
	/* A cut hello may have lost it. */
	p->client.ja3[0] = 0;
	diagnose(p);
	assert_null(found(p, SNI_MISSING));
}

static void who_lacks_post_quantum_is_said(void **state)
{
	struct place *p = *state;

	agree(p)->post_quantum = 0;
	diagnose(p);
	assert_string_equal(found(p, NO_POST_QUANTUM)->detail, "the client did not offer it");
	OFFER(p, OFFER_GROUP, groups, X25519MLKEM768, X25519);
	diagnose(p);
	assert_string_equal(found(p, NO_POST_QUANTUM)->detail, "the server did not take X25519MLKEM768, it chose x25519");
	p->h.post_quantum = 1;
	diagnose(p);
	assert_null(found(p, NO_POST_QUANTUM));
}

/* FINDINGS */
static void a_list_of_findings_ends_at_its_limit(void **state)
{
	struct place *p = *state;
	struct made weak = make_certificate((struct wish){ .subject = "weak", .authority = true, .rsa_bits = 1024 }, &p->root);
	const struct made *members[FINDINGS_MAX + 8];
	struct limit_counts limits = { 0 };

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		members[i] = &weak;
	agree(p);
	p->h.server_chain = make_chain(members, sizeof members / sizeof *members);
	diagnose(p);
	assert_int_equal(p->h.findings->count, FINDINGS_MAX);
	diagnose_take_limits(p->diagnose, &limits);
	assert_true(limits.bitten[LIMIT_FINDINGS] >= 8);
	diagnose_take_limits(p->diagnose, &limits);
	assert_true(limits.bitten[LIMIT_FINDINGS] < 2 * (FINDINGS_MAX + 8));
	free_chain(p->h.server_chain);
	free_certificate(&weak);
}

int main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_sound_handshake_has_nothing_to_find),
		WITH_PLACE(alerts_that_speak_for_themselves),
		WITH_PLACE(a_plain_handshake_failure_is_likely_the_suites),
		WITH_PLACE(a_hello_without_a_usual_group_lacks_a_group),
		WITH_PLACE(a_hello_with_a_single_scheme_lacks_a_scheme),
		WITH_PLACE(what_the_server_took_from_others_counts),
		WITH_PLACE(another_capture_is_another_network),
		WITH_PLACE(a_client_older_than_all_others_lacks_a_version),
		WITH_PLACE(two_keys_that_differ_show_in_the_finished_or_the_binder),
		WITH_PLACE(a_client_refuses_what_is_wrong),
		WITH_PLACE(a_valid_certificate_refused_as_expired_means_a_wrong_clock),
		WITH_PLACE(a_sound_certificate_refused_is_just_that),
		WITH_PLACE(a_client_that_leaves_without_a_word_had_a_reason_or_not),
		WITH_PLACE(who_leaves_at_the_certificate_does_so_for_its_flaw),
		WITH_PLACE(a_server_that_leaves_without_the_certificate_wanted_one),
		WITH_PLACE(a_server_that_cannot_read_an_empty_certificate_wanted_one),
		WITH_PLACE(a_server_that_asked_for_a_certificate_refuses_for_it),
		WITH_PLACE(a_revoked_staple_is_told),
		WITH_PLACE(a_close_is_named_by_who_and_how),
		WITH_PLACE(an_alert_that_answers_a_close_is_not_the_cause),
		WITH_PLACE(silence_is_the_servers_unless_a_large_hello_was_lost),
		WITH_PLACE(a_list_of_versions_that_nobody_takes_up_is_a_mismatch),
		WITH_PLACE(another_protocol_is_named),
		WITH_PLACE(what_is_not_over_has_no_cause),
		WITH_PLACE(one_name_under_two_issuers_is_suspected_once_one_is_untrusted),
		WITH_PLACE(an_issuer_nobody_trusts_is_suspected_once_it_signs_for_two_domains),
		WITH_PLACE(weak_choices_are_told),
		WITH_PLACE(blank_members_fire_nothing),
		WITH_PLACE(a_sentinel_counts_only_where_more_was_offered),
		WITH_PLACE(a_missing_name_is_told),
		WITH_PLACE(who_lacks_post_quantum_is_said),
		WITH_PLACE(a_list_of_findings_ends_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
