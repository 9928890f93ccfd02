#include "dissectors/exchange.h"

#include "base/xmalloc.h"
#include "dissectors/hello.h"
#include "dissectors/messages.h"
#include "registry/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FATAL = 2, CLOSE_NOTIFY = 0, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_APPLICATION_DATA = 23, RECORD_CHANGE_CIPHER_SPEC = 20 };
enum { SPARE_MAX = 1024, TICKET_RECORDS_MAX = 4 };

/* ---- the environment ---- */

void tls_env_init(struct tls_env *env, const struct hash_key *key, struct limit_counts *limits)
{
	*env = (struct tls_env){ .key = key, .limits = limits, .intern = intern_create(key, limits) };
}

static void release_shapes(struct tls_env *env, struct handshake *h)
{
	intern_release_hello(env->intern, h->client_hello);
	intern_release_hello(env->intern, h->client_hello_second);
	intern_release_hello(env->intern, h->server_hello);
	intern_release_hello(env->intern, h->certificate_request);
	intern_release_chain(env->intern, h->server_chain);
	intern_release_chain(env->intern, h->client_chain);
}

/* A spare's first bytes hold the next spare. */
static struct handshake **next_spare(struct handshake *h)
{
	return (struct handshake **)(void *)h;
}

void tls_env_give_back(struct tls_env *env, struct handshake *h)
{
	release_shapes(env, h);
	handshake_finish(h);
	if (env->spare_count >= SPARE_MAX) {
		free(h);
		return;
	}
	*next_spare(h) = env->spare;
	env->spare = h;
	env->spare_count++;
}

void tls_env_finish(struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++)
		tls_env_give_back(env, env->finished[i]);
	for (struct handshake *h = env->spare, *next; h; h = next) {
		next = *next_spare(h);
		free(h);
	}
	intern_destroy(env->intern);
	buffer_finish(&env->scratch);
	*env = (struct tls_env){ 0 };
}

static struct handshake *take_spare(struct tls_env *env)
{
	struct handshake *h = env->spare;

	if (!h)
		return xmalloc(sizeof *h);
	env->spare = *next_spare(h);
	env->spare_count--;
	return h;
}

/* ---- life ---- */

static void reset(struct exchange *x)
{
	handshake_init(&x->h);
	x->h.transport = x->transport;
	x->hello_first_ns = x->hello_last_ns = x->server_hello_first_ns = x->flight_last_ns = TIME_NONE;
	for (int i = 0; i < 2; i++)
		x->side[i] = (struct exchange_side){ .finished_ns = TIME_NONE, .application_ns = TIME_NONE };
}

void exchange_init(struct exchange *x, enum transport transport)
{
	memset(x, 0, sizeof *x);
	x->transport = (uint8_t)transport;
	reset(x);
}

void exchange_finish(struct exchange *x, struct tls_env *env)
{
	release_shapes(env, &x->h);
	handshake_finish(&x->h);
}

bool exchange_is_over(const struct exchange *x)
{
	return x->state == EXCHANGE_DONE && (x->tls13 || x->h.sequence + 1 >= CONNECTION_HANDSHAKES_MAX || x->gap);
}

bool exchange_is_encrypted(const struct exchange *x, enum sender sender)
{
	if (x->state == EXCHANGE_DONE || x->sequence)
		return true;
	/* TLS 1.3 marks what it encrypts as application data; its ChangeCipherSpec means nothing (RFC 8446 section 5). */
	if (x->tls13)
		return false;
	if (!x->version_known && x->offers_tls13 && sender == SENDER_CLIENT)
		return false;
	return x->side[sender].changed_cipher;
}

/* ---- what was deduced at the end ---- */

static int64_t between(int64_t from, int64_t to)
{
	if (from == TIME_NONE || to == TIME_NONE || to < from)
		return TIME_NONE;
	return to - from;
}

static void tell_resumption(struct exchange *x)
{
	struct handshake *h = &x->h;

	if (!h->server_hello || h->resumption)
		return;
	if (x->tls13) {
		h->resumption = RESUMPTION_NONE;
		return;
	}
	if (x->saw_certificate || x->saw_key_exchange || x->saw_hello_done) {
		h->resumption = RESUMPTION_NONE;
		return;
	}
	/* RFC 5077 section 3.4: with a ticket, the client's session id is only echoed to say that the ticket was taken. */
	if (x->side[SENDER_SERVER].changed_cipher && !x->gap)
		h->resumption = x->ticket_offered ? RESUMPTION_TICKET : x->session_echoed ? RESUMPTION_SESSION_ID : RESUMPTION_NONE;
}

static void tell_certificates(struct exchange *x)
{
	struct handshake *h = &x->h;
	bool past = x->saw_hello_done || x->side[SENDER_SERVER].changed_cipher || x->saw_key_exchange;

	if (!h->server_hello)
		return;
	if (x->tls13 && h->certificates_visible != 1) {
		h->certificates_visible = 0;
		return;
	}
	if (h->server_certificates >= 0 || past)
		h->certificates_visible = 1;
	if (h->server_certificates < 0 && past && !x->gap)
		h->server_certificates = 0;
	if (h->client_certificates < 0 && !x->gap && (x->side[SENDER_CLIENT].changed_cipher || h->outcome == OUTCOME_COMPLETED))
		h->client_certificates = 0;
	if (!h->client_auth && (h->server_certificates >= 0 || x->saw_hello_done) && (past || h->outcome == OUTCOME_COMPLETED))
		h->client_auth = CLIENT_AUTH_NONE;
}

static void tell_times(struct exchange *x)
{
	struct handshake *h = &x->h;
	bool full = x->saw_certificate || x->saw_key_exchange || x->saw_hello_done;
	/* Abbreviated handshakes and TLS 1.3 end with the client's Finished; an encrypted renegotiation shows only its order. */
	bool client_last = x->tls13 || (h->server_hello ? !full : x->server_finished_first);
	int64_t end = x->side[client_last ? SENDER_CLIENT : SENDER_SERVER].finished_ns;

	h->server_hello_ns = between(x->hello_last_ns, x->server_hello_first_ns);
	if (h->outcome != OUTCOME_COMPLETED)
		return;
	h->tls_ns = between(x->hello_first_ns, end);
	if (h->tls_ns != TIME_NONE)
		h->total_ns = x->sequence ? h->tls_ns : end;
	if (x->finished_by_shape && h->tls_ns != TIME_NONE)
		h->inferred |= INFERRED_TLS_MS | INFERRED_TOTAL_MS;
	h->first_byte_ns = between(x->side[SENDER_CLIENT].application_ns, x->side[SENDER_SERVER].application_ns);
	if (x->tls13 && x->finished_by_shape && h->first_byte_ns != TIME_NONE)
		h->inferred |= INFERRED_FIRST_BYTE_MS;
}

/* The first fatal alert, else the last warning, never close_notify (contract). */
static void tell_alert(struct exchange *x)
{
	struct handshake *h = &x->h;
	const struct alert *chosen = NULL;

	for (uint16_t i = 0; i < h->alert_count; i++) {
		const struct alert *a = &h->alerts[i];

		if (a->description == CLOSE_NOTIFY)
			continue;
		chosen = a;
		if (a->level == FATAL)
			break;
	}
	if (chosen) {
		h->alert_code = chosen->description;
		h->alert_level = chosen->level;
		h->alert_sender = chosen->sender;
	}
}

static void make_absolute(struct exchange *x, int64_t base_ns)
{
	struct handshake *h = &x->h;

	for (uint16_t i = 0; i < h->message_count; i++) {
		struct message *m = i < HANDSHAKE_MESSAGES_INLINE ? &h->messages[i] : &h->more_messages[i - HANDSHAKE_MESSAGES_INLINE];
		m->time_ns += base_ns;
	}
	for (uint16_t i = 0; i < h->alert_count; i++)
		h->alerts[i].time_ns += base_ns;
	h->time_ns = base_ns + (x->sequence && x->hello_first_ns != TIME_NONE ? x->hello_first_ns : 0);
}

static void tell_counts(struct exchange *x, struct tls_env *env)
{
	struct handshake *h = &x->h;

	h->round_trips = x->round_trips;
	if (x->bytes[SENDER_CLIENT])
		h->client_bytes = x->bytes[SENDER_CLIENT];
	if (x->bytes[SENDER_SERVER])
		h->server_bytes = x->bytes[SENDER_SERVER];
	/* A session id that is only there for middleboxes (RFC 8446 appendix D.4) names no session. */
	if (!h->session_offered && h->session_id_len > 0 && !x->offers_tls13 && h->client_hello)
		h->session_offered = hash_bytes(env->key, h->session_id, (size_t)h->session_id_len);
}

/* Hands the handshake on and makes ready for another on the same connection. */
static void emit(struct exchange *x, struct tls_env *env)
{
	tell_resumption(x);
	tell_alert(x);
	tell_certificates(x);
	tell_times(x);
	tell_counts(x, env);
	make_absolute(x, env->base_ns);
	if (x->gap)
		x->h.reassembly |= REASSEMBLY_GAP;
	x->h.sequence = x->sequence;
	struct handshake *h = take_spare(env);
	memcpy(h, &x->h, sizeof *h);
	assert(env->finished_count < sizeof env->finished / sizeof env->finished[0]);
	env->finished[env->finished_count++] = h;
	struct exchange again = { .transport = x->transport, .tls13 = x->tls13, .version_known = x->version_known,
		.sequence = (uint8_t)(x->sequence + 1), .state = EXCHANGE_DONE, .gap = x->gap, };
	*x = again;
	reset(x);
}

/* ---- progress ---- */

static void reach(struct exchange *x, enum stage stage)
{
	if (x->h.stage < stage)
		x->h.stage = (uint8_t)stage;
}

static void log_message(struct exchange *x, struct tls_env *env, enum sender sender, uint16_t type, uint32_t bytes, int64_t ns, bool decrypted)
{
	struct message m = { .type = type, .sender = (uint8_t)sender, .bytes = bytes, .time_ns = ns, .decrypted = decrypted };

	if (!handshake_add_message(&x->h, m)) {
		env->limits->bitten[LIMIT_MESSAGES]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
	}
}

/* A round trip is a flight of the client's that the server answered. */
static void note_flight(struct exchange *x, enum sender sender)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	if (sender == SENDER_SERVER && x->last_flight == 1 + SENDER_CLIENT && x->round_trips < UINT8_MAX)
		x->round_trips++;
	x->last_flight = (uint8_t)(1 + sender);
	x->side[sender].present = true;
}

static void begin(struct exchange *x, int64_t first_ns)
{
	if (x->state == EXCHANGE_WAITING || x->state == EXCHANGE_DONE)
		x->state = EXCHANGE_RUNNING;
	if (x->hello_first_ns == TIME_NONE)
		x->hello_first_ns = first_ns;
}

static void complete(struct exchange *x)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	x->state = EXCHANGE_COMPLETED;
	x->h.outcome = OUTCOME_COMPLETED;
	x->first_after_finished = 1;
	reach(x, STAGE_FINISHED);
}

static void complete_if_both(struct exchange *x)
{
	if (x->side[SENDER_CLIENT].finished && x->side[SENDER_SERVER].finished)
		complete(x);
}

static void finished(struct exchange *x, enum sender sender, int64_t ns)
{
	if (x->side[sender].finished)
		return;
	x->side[sender].finished = true;
	x->side[sender].finished_ns = ns;
	if (sender == SENDER_SERVER && !x->side[SENDER_CLIENT].finished && !x->tls13)
		x->server_finished_first = true;
	reach(x, STAGE_FINISHED);
	complete_if_both(x);
}

static void fail(struct exchange *x, enum sender by)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	x->state = EXCHANGE_FAILED;
	x->h.outcome = OUTCOME_FAILED;
	x->h.ended_by = by == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
}

/* ---- messages ---- */

static void keep_session(struct exchange *x, struct bytes id)
{
	struct handshake *h = &x->h;

	if (id.len > sizeof h->session_id)
		return;
	h->session_id_len = (int16_t)id.len;
	memset(h->session_id, 0, sizeof h->session_id);
	if (id.len)
		memcpy(h->session_id, id.at, id.len);
}

static void keep_random(uint8_t to[32], bool *has, struct bytes random)
{
	memset(to, 0, 32);
	/* An SSL 2.0 challenge may be shorter: it stands at the end (RFC 6101 appendix E). */
	if (random.len <= 32)
		memcpy(to + 32 - random.len, random.at, random.len);
	*has = random.len != 0;
}

static void keep_client_facts(struct exchange *x, struct tls_env *env, const struct client_hello *ch)
{
	struct handshake *h = &x->h;
	const struct hello_facts *f = &ch->facts;
	bool fits = true;

	keep_random(h->client_random, &h->has_client_random, ch->random);
	keep_session(x, ch->session_id);
	h->server_name = handshake_keep(h, f->server_name, &fits);
	if (!fits)
		env->limits->bitten[LIMIT_TEXT_BYTES]++;
	x->ticket_offered = f->session_ticket.len != 0;
	x->psk_offered = f->has_psk;
	x->early_data_pending = f->early_data;
	h->early_data = f->early_data ? EARLY_DATA_OFFERED : ch->whole ? EARLY_DATA_NONE : EARLY_DATA_UNSEEN;
	h->ech = f->ech.len ? ECH_OFFERED : ch->whole ? ECH_NONE : ECH_UNSEEN;
	struct bytes session = f->has_psk ? f->psk_identity : f->session_ticket;
	h->session_offered = session.len ? hash_bytes(env->key, session.at, session.len) : 0;
}

static bool offers_tls13(const struct hello *hello)
{
	const struct offer_list *versions = &hello->offers[OFFER_VERSION];

	for (uint32_t i = 0; i < versions->count; i++) {
		if (version_is_tls13((uint16_t)versions->codes[i]))
			return true;
	}
	return false;
}

/* Another whole hello with another random, after an answer: a new handshake in the clear. */
static bool is_new_handshake(const struct exchange *x, const struct client_hello *ch)
{
	return x->h.server_hello && x->h.hello_retry != 1 && ch->random.len == 32 && x->h.has_client_random &&
		memcmp(ch->random.at, x->h.client_random, 32) != 0;
}

static void on_client_hello_parsed(struct exchange *x, struct tls_env *env, const struct exchange_message *m, const struct client_hello *ch, uint16_t log_as)
{
	struct handshake *h = &x->h;

	if (x->state == EXCHANGE_RUNNING && is_new_handshake(x, ch)) {
		if (x->sequence + 1 >= CONNECTION_HANDSHAKES_MAX) {
			env->limits->bitten[LIMIT_CONNECTION_HANDSHAKES]++;
			return;
		}
		exchange_end(x, env, EXCHANGE_END_IDLE, -1);
	}
	begin(x, m->first_ns);
	note_flight(x, SENDER_CLIENT);
	log_message(x, env, SENDER_CLIENT, log_as, m->bytes, m->last_ns, m->decrypted);
	if (!m->cut) {
		x->hello_last_ns = m->last_ns;
		reach(x, STAGE_CLIENT_HELLO);
	}
	struct hello *hello = intern_hello(env->intern, buffer_bytes(&env->scratch));
	if (h->client_hello) {
		intern_release_hello(env->intern, h->client_hello_second);
		h->client_hello_second = hello;
		return;
	}
	h->client_hello = hello;
	x->hello_cut = m->cut;
	x->offers_tls13 = offers_tls13(hello);
	keep_client_facts(x, env, ch);
}

static void on_client_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	enum hello_kind kind = x->transport == TRANSPORT_QUIC ? HELLO_CLIENT_QUIC : x->transport == TRANSPORT_DTLS ? HELLO_CLIENT_DTLS : HELLO_CLIENT;
	struct client_hello ch;

	if (client_hello_parse(m->body, kind, &ch, &env->scratch))
		on_client_hello_parsed(x, env, m, &ch, m->type);
}

void exchange_ssl2_client_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct client_hello ch;

	if (ssl2_client_hello_parse(m->body, &ch, &env->scratch))
		on_client_hello_parsed(x, env, m, &ch, MESSAGE_SSL2_CLIENT_HELLO);
}

/* A chain of one, as the certificate_list of TLS would have it. */
static struct chain *single_chain(struct tls_env *env, struct bytes der)
{
	uint8_t length[3] = { (uint8_t)(der.len >> 16), (uint8_t)(der.len >> 8), (uint8_t)der.len };

	if (!der.len)
		return NULL;
	buffer_clear(&env->scratch);
	buffer_add(&env->scratch, length, sizeof length);
	buffer_add(&env->scratch, der.at, der.len);
	return intern_chain(env->intern, buffer_bytes(&env->scratch), false);
}

void exchange_ssl2_server_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct handshake *h = &x->h;
	struct ssl2_server_hello sh;

	if (x->state != EXCHANGE_RUNNING || h->version >= 0 || !ssl2_server_hello_parse(m->body, &sh))
		return;
	note_flight(x, SENDER_SERVER);
	log_message(x, env, SENDER_SERVER, MESSAGE_SSL2_SERVER_HELLO, m->bytes, m->last_ns, false);
	x->version_known = true;
	x->server_hello_first_ns = m->first_ns;
	h->version = sh.version;
	h->hello_retry = 0;
	h->resumption = sh.session_hit ? RESUMPTION_SESSION_ID : RESUMPTION_NONE;
	h->server_chain = single_chain(env, sh.certificate);
	h->server_certificates = h->server_chain ? 1 : 0;
	h->certificates_visible = 1;
	reach(x, h->server_chain ? STAGE_CERTIFICATE : STAGE_SERVER_HELLO);
}

void exchange_ssl2_master_key(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct reader r = reader_of(m->body);

	if (x->state != EXCHANGE_RUNNING)
		return;
	note_flight(x, SENDER_CLIENT);
	log_message(x, env, SENDER_CLIENT, 16, m->bytes, m->last_ns, false);
	rd_skip(&r, 1);
	uint32_t kind = rd_u24(&r);
	if (!r.bad)
		x->h.cipher = (int32_t)kind;
	reach(x, STAGE_KEY_EXCHANGE);
}

/* SERVER-VERIFY, CLIENT-FINISHED, SERVER-FINISHED: all encrypted, so that only their number tells. */
void exchange_ssl2_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t bytes, int64_t ns)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	note_flight(x, sender);
	log_message(x, env, sender, MESSAGE_ENCRYPTED, bytes, ns, false);
	if (x->ssl2_records[sender] < UINT8_MAX)
		x->ssl2_records[sender]++;
	if (x->ssl2_records[SENDER_CLIENT] < 1 || x->ssl2_records[SENDER_SERVER] < 2)
		return;
	x->saw_certificate = true;
	x->h.inferred |= INFERRED_OUTCOME;
	finished(x, SENDER_CLIENT, ns);
	finished(x, SENDER_SERVER, ns);
}

static void on_retry(struct exchange *x, struct tls_env *env, const struct exchange_message *m, const struct server_hello *sh)
{
	x->h.hello_retry = 1;
	x->tls13 = true;
	x->early_data_pending = false;	/* RFC 8446 section 4.2.10: a retry rejects it */
	(void)sh;
	log_message(x, env, SENDER_SERVER, MESSAGE_HELLO_RETRY_REQUEST, m->bytes, m->last_ns, m->decrypted);
}

static void keep_server_facts(struct exchange *x, struct tls_env *env, const struct server_hello *sh)
{
	struct handshake *h = &x->h;
	const struct hello_facts *f = &sh->facts;

	h->version = server_hello_version(sh);
	h->cipher = sh->cipher;
	h->compression = sh->compression;
	if (f->selected_group)
		h->named_group = f->selected_group;
	if (f->alpn.len)
		h->alpn = handshake_keep(h, f->alpn, NULL);
	keep_random(h->server_random, &h->has_server_random, sh->random);
	x->tls13 = version_is_tls13((uint16_t)h->version);
	x->version_known = true;
	x->session_echoed = sh->session_id.len && h->session_id_len == (int16_t)sh->session_id.len &&
		!memcmp(sh->session_id.at, h->session_id, sh->session_id.len);
	if (sh->session_id.len)
		keep_session(x, sh->session_id);
	if (!x->tls13) {
		h->extended_master_secret = f->extended_master_secret;
		h->encrypt_then_mac = f->encrypt_then_mac;
		h->secure_renegotiation = f->renegotiation_info;
	} else if (f->has_psk) {
		h->resumption = RESUMPTION_PSK;
	}
	if (sh->session_id.len && !x->tls13)
		h->session_given = hash_bytes(env->key, sh->session_id.at, sh->session_id.len);
	if (h->hello_retry < 0)
		h->hello_retry = 0;
}

static void on_server_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct server_hello sh;

	if (!server_hello_parse(m->body, &sh, &env->scratch))
		return;
	begin(x, x->hello_first_ns);
	note_flight(x, SENDER_SERVER);
	if (server_hello_is_retry(&sh)) {
		on_retry(x, env, m, &sh);
		return;
	}
	log_message(x, env, SENDER_SERVER, m->type, m->bytes, m->last_ns, m->decrypted);
	if (x->h.server_hello)
		return;
	x->server_hello_first_ns = m->first_ns;
	x->h.server_hello = intern_hello(env->intern, buffer_bytes(&env->scratch));
	keep_server_facts(x, env, &sh);
	if (!m->cut)
		reach(x, STAGE_SERVER_HELLO);
}

static void on_certificate(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m)
{
	struct reader r = reader_of(m->body);
	struct handshake *h = &x->h;

	if (x->tls13) {
		struct reader context = rd_vec8(&r);

		(void)context;
	}
	struct reader list = rd_vec24(&r);
	struct bytes all = list.bad ? (struct bytes){ NULL, 0 } : rd_rest(&list);
	struct chain *chain = all.len ? intern_chain(env->intern, all, x->tls13) : NULL;
	if (sender == SENDER_SERVER) {
		x->saw_certificate = true;
		reach(x, STAGE_CERTIFICATE);
		if (h->server_chain || h->server_certificates > 0) {
			intern_release_chain(env->intern, chain);
			return;
		}
		h->server_chain = chain;
		h->server_certificates = chain ? (int32_t)chain->count : 0;
		h->certificates_visible = 1;
		return;
	}
	if (h->client_chain) {
		intern_release_chain(env->intern, chain);
		return;
	}
	h->client_chain = chain;
	h->client_certificates = chain ? (int32_t)chain->count : 0;
	h->client_auth = chain ? CLIENT_AUTH_PROVIDED : CLIENT_AUTH_DECLINED;
}

static void on_server_key_exchange(struct exchange *x, const struct exchange_message *m)
{
	struct server_key_exchange ske;

	x->saw_key_exchange = true;
	if (!server_key_exchange_parse(m->body, (uint16_t)(x->h.cipher < 0 ? 0 : x->h.cipher), (uint16_t)(x->h.version < 0 ? 0 : x->h.version), &ske))
		return;
	if (ske.named_group >= 0)
		x->h.named_group = ske.named_group;
	if (ske.dh_bits >= 0)
		x->h.dh_bits = ske.dh_bits;
	if (ske.signature_scheme >= 0)
		x->h.signature_scheme = ske.signature_scheme;
}

static void on_certificate_request(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	x->saw_certificate_request = true;
	if (!x->h.client_auth)
		x->h.client_auth = CLIENT_AUTH_REQUESTED;
	if (!x->h.certificate_request && certificate_request_key(m->body, (uint16_t)(x->h.version < 0 ? 0 : x->h.version), &env->scratch))
		x->h.certificate_request = intern_hello(env->intern, buffer_bytes(&env->scratch));
}

static void on_new_session_ticket(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct new_session_ticket t;

	if (!new_session_ticket_parse(m->body, x->tls13, &t))
		return;
	if (x->h.ticket_lifetime_s < 0)
		x->h.ticket_lifetime_s = t.lifetime_s;
	if (t.ticket.len)
		x->h.session_given = hash_bytes(env->key, t.ticket.at, t.ticket.len);
}

static void on_client_key_exchange(struct exchange *x)
{
	reach(x, STAGE_KEY_EXCHANGE);
	if (x->h.client_auth == CLIENT_AUTH_REQUESTED && x->h.client_certificates < 0 && !x->gap)
		x->h.client_auth = CLIENT_AUTH_DECLINED;
}

enum handshake_type {
	CLIENT_HELLO = 1, SERVER_HELLO = 2, NEW_SESSION_TICKET = 4, DRAFT_HELLO_RETRY_REQUEST = 6, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14, CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16, FINISHED = 20, CERTIFICATE_STATUS = 22,
};

static void on_other(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m)
{
	log_message(x, env, sender, m->type, m->bytes, m->last_ns, m->decrypted);
	switch (m->type) {
	case CERTIFICATE:
		on_certificate(x, env, sender, m);
		break;
	case SERVER_KEY_EXCHANGE:
		on_server_key_exchange(x, m);
		break;
	case CERTIFICATE_REQUEST:
		on_certificate_request(x, env, m);
		break;
	case NEW_SESSION_TICKET:
		on_new_session_ticket(x, env, m);
		break;
	case DRAFT_HELLO_RETRY_REQUEST:
		if (sender == SENDER_SERVER)
			x->h.hello_retry = 1;
		break;
	case SERVER_HELLO_DONE:
		x->saw_hello_done = true;
		break;
	case CLIENT_KEY_EXCHANGE:
		on_client_key_exchange(x);
		break;
	case FINISHED:
		finished(x, sender, m->last_ns);
		break;
	default:
		break;
	}
}

void exchange_message(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m)
{
	if (m->type == CLIENT_HELLO && sender == SENDER_CLIENT) {
		on_client_hello(x, env, m);
		return;
	}
	if (m->type == SERVER_HELLO && sender == SENDER_SERVER) {
		on_server_hello(x, env, m);
		return;
	}
	if (x->state != EXCHANGE_RUNNING || m->cut)
		return;
	note_flight(x, sender);
	on_other(x, env, sender, m);
}

void exchange_change_cipher(struct exchange *x, struct tls_env *env, enum sender sender, int64_t first_ns, int64_t last_ns)
{
	(void)first_ns;
	x->side[sender].changed_cipher = true;
	if (x->state != EXCHANGE_RUNNING)
		return;
	note_flight(x, sender);
	log_message(x, env, sender, MESSAGE_CHANGE_CIPHER_SPEC, 1, last_ns, false);
}

void exchange_alert(struct exchange *x, struct tls_env *env, enum sender sender, struct alert a)
{
	if (x->state != EXCHANGE_RUNNING && x->state != EXCHANGE_FAILED)
		return;
	a.sender = (uint8_t)sender;
	note_flight(x, sender);
	log_message(x, env, sender, MESSAGE_ALERT, 2, a.time_ns, a.decrypted);
	if (!handshake_add_alert(&x->h, a)) {
		env->limits->bitten[LIMIT_ALERTS]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
	}
	if (a.level == FATAL && a.description != CLOSE_NOTIFY)
		fail(x, sender);
}

/* ---- records that cannot be read ---- */

struct shape_sizes {
	uint32_t finished, finished_other, alert, end_of_early_data;
};

/* RFC 8446 section 5.2: content, its type, and the tag of the AEAD; padding aside. */
static struct shape_sizes shape_sizes(int32_t cipher)
{
	const struct suite *suite = cipher < 0 ? NULL : registry_suite((uint32_t)cipher);
	uint32_t flags = suite ? suite->flags : 0;
	uint32_t tag = flags & SUITE_CCM_8 ? 8 : 16;
	uint32_t hash = flags & SUITE_SHA384 ? 48 : 32;

	return (struct shape_sizes){ .finished = 4 + hash + 1 + tag, .alert = 2 + 1 + tag, .end_of_early_data = 4 + 1 + tag };
}

static void client_finished_by_shape(struct exchange *x, int64_t ns)
{
	x->finished_by_shape = true;
	x->h.inferred |= INFERRED_OUTCOME;
	x->flight_pending = false;
	x->side[SENDER_SERVER].finished = true;
	finished(x, SENDER_CLIENT, ns);
}

static void encrypted_alert(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t ns)
{
	x->side[sender].alert_encrypted = true;
	log_message(x, env, sender, MESSAGE_ENCRYPTED_ALERT, len, ns, false);
}

/* TLS 1.3, the handshake's keys not at hand: only sizes and order speak (contract, tls_ms). */
static void running_tls13(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t last_ns)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);

	if (sender == SENDER_SERVER) {
		if (x->flight_pending && !x->early_data_pending) {
			client_finished_by_shape(x, x->flight_last_ns);
			return;
		}
		note_flight(x, sender);
		log_message(x, env, sender, MESSAGE_ENCRYPTED, len, last_ns, false);
		return;
	}
	if (len == size.alert && !x->early_data_pending) {
		encrypted_alert(x, env, sender, len, last_ns);
		x->h.inferred |= INFERRED_ALERT | INFERRED_OUTCOME | INFERRED_ENDED_BY;
		x->h.alert_code = ALERT_ENCRYPTED;
		x->h.alert_sender = SENDER_CLIENT;
		fail(x, SENDER_CLIENT);
		return;
	}
	if (x->early_data_pending) {
		if (len == size.end_of_early_data)
			x->early_data_pending = false;
		return;
	}
	note_flight(x, sender);
	log_message(x, env, sender, MESSAGE_ENCRYPTED, len, last_ns, false);
	if (len == size.finished) {
		client_finished_by_shape(x, last_ns);
		return;
	}
	x->flight_pending = true;
	x->flight_last_ns = last_ns;
}

/* After the client's Finished: tickets, then application data; or the refusal of what the client sent. */
static void completed_tls13(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);
	struct exchange_side *client = &x->side[SENDER_CLIENT], *server = &x->side[SENDER_SERVER];

	if (sender == SENDER_CLIENT) {
		if (len == size.alert)
			client->alert_encrypted = true;
		else if (client->application_ns == TIME_NONE)
			client->application_ns = first_ns;
		client->application_data |= len != size.alert;
		return;
	}
	if (len == size.alert) {
		if (x->first_after_finished == 1 && !client->alert_encrypted && !client->closed) {
			encrypted_alert(x, env, sender, len, last_ns);
			x->first_after_finished = 2;
		}
		return;
	}
	if (x->first_after_finished == 1)
		x->first_after_finished = 3;
	if (!x->tickets_over && x->ticket_records < TICKET_RECORDS_MAX && (!x->ticket_records || x->ticket_record_len == len)) {
		x->ticket_records++;
		x->ticket_record_len = len;
		return;
	}
	x->tickets_over = true;
	server->application_data = true;
	if (server->application_ns == TIME_NONE)
		server->application_ns = first_ns;
}

static void application_data(struct exchange *x, enum sender sender, int64_t first_ns)
{
	struct exchange_side *s = &x->side[sender];

	s->application_data = true;
	if (s->application_ns == TIME_NONE)
		s->application_ns = first_ns;
	/* Both speak under new keys: whatever was lost before, both Finished must have passed. */
	if (x->state == EXCHANGE_RUNNING && x->side[!sender].application_data && x->version_known) {
		x->h.inferred |= INFERRED_OUTCOME;
		complete(x);
	}
}

static bool may_renegotiate(const struct exchange *x, struct tls_env *env)
{
	if (x->sequence >= CONNECTION_HANDSHAKES_MAX) {
		env->limits->bitten[LIMIT_CONNECTION_HANDSHAKES]++;
		return false;
	}
	return true;
}

/* An encrypted handshake record: a Finished after the ChangeCipherSpec, or a renegotiation's beginning. */
static void encrypted_handshake(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	if (x->state == EXCHANGE_COMPLETED) {
		/* Nothing but a renegotiation follows in handshake records (RFC 5246 section 7.4.1). */
		emit(x, env);
	}
	if (x->state == EXCHANGE_DONE) {
		/* A HelloRequest alone is no attempt: the client may ignore it. */
		if (sender == SENDER_SERVER || x->tls13 || !may_renegotiate(x, env))
			return;
		begin(x, first_ns);
	}
	if (x->state != EXCHANGE_RUNNING)
		return;
	note_flight(x, sender);
	log_message(x, env, sender, MESSAGE_ENCRYPTED, len, last_ns, false);
	if (x->side[sender].changed_cipher)
		finished(x, sender, last_ns);
}

void exchange_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint8_t type, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	switch (type) {
	case RECORD_CHANGE_CIPHER_SPEC:
		exchange_change_cipher(x, env, sender, first_ns, last_ns);
		break;
	case RECORD_HANDSHAKE:
		encrypted_handshake(x, env, sender, len, first_ns, last_ns);
		break;
	case RECORD_ALERT:
		if (x->state == EXCHANGE_RUNNING) {
			encrypted_alert(x, env, sender, len, last_ns);
			x->h.alert_code = ALERT_ENCRYPTED;
			x->h.alert_sender = sender;
		}
		x->side[sender].alert_encrypted = true;
		break;
	case RECORD_APPLICATION_DATA:
		if (!x->tls13)
			application_data(x, sender, first_ns);
		else if (x->state == EXCHANGE_RUNNING)
			running_tls13(x, env, sender, len, last_ns);
		else if (x->state == EXCHANGE_COMPLETED)
			completed_tls13(x, env, sender, len, first_ns, last_ns);
		break;
	default:
		break;
	}
	/* What first_byte_ms needs is there, or can no longer be: the server spoke first. */
	if (x->state == EXCHANGE_COMPLETED && x->side[SENDER_SERVER].application_data) {
		if (!x->side[SENDER_CLIENT].application_data)
			x->side[SENDER_SERVER].application_ns = TIME_NONE;
		emit(x, env);
	}
}

/* ---- what the carrier tells ---- */

void exchange_packet(struct exchange *x, uint64_t number)
{
	struct handshake *h = &x->h;

	if (x->state > EXCHANGE_RUNNING && x->state != EXCHANGE_FAILED)
		return;
	if (h->last_packet == number && h->packets)
		return;
	if (!h->packets || number < h->first_packet)
		h->first_packet = number;
	if (!h->packets || number > h->last_packet)
		h->last_packet = number;
	h->packets++;
}

void exchange_bytes(struct exchange *x, enum sender sender, uint32_t bytes)
{
	if (x->state > EXCHANGE_RUNNING && x->state != EXCHANGE_FAILED)
		return;
	x->bytes[sender] += bytes;
}

void exchange_gap(struct exchange *x, enum sender sender)
{
	(void)sender;
	if (x->state <= EXCHANGE_RUNNING)
		x->gap = true;
}

void exchange_not_tls(struct exchange *x, struct bytes first, int64_t ns)
{
	(void)first;
	(void)ns;
	if (x->state != EXCHANGE_RUNNING || x->h.server_hello)
		return;
	x->not_tls_answer = true;
	fail(x, SENDER_SERVER);
}

/* ---- the end ---- */

static void end_unfinished(struct exchange *x, enum exchange_end how, int sender)
{
	struct handshake *h = &x->h;
	bool answered = x->side[SENDER_SERVER].present;
	bool asked = x->side[SENDER_CLIENT].present;

	/* The server's Finished ends a full handshake up to TLS 1.2: it is sent only after the client's. */
	if (x->side[SENDER_SERVER].finished && !x->tls13 && (x->saw_certificate || x->saw_hello_done) && x->version_known) {
		h->inferred |= INFERRED_OUTCOME;
		complete(x);
		return;
	}
	if (x->gap || how == EXCHANGE_END_EVICTED || !asked || (x->hello_cut && how != EXCHANGE_END_CAPTURE)) {
		h->outcome = OUTCOME_PARTIAL;
		h->ended_by = ENDED_BY_CAPTURE;
		return;
	}
	if (how == EXCHANGE_END_CAPTURE && sender < 0) {
		h->outcome = OUTCOME_OPEN;
		return;
	}
	h->outcome = OUTCOME_FAILED;
	if (!answered && sender != SENDER_SERVER)
		h->ended_by = ENDED_BY_NETWORK;
	else if (sender >= 0)
		h->ended_by = sender == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
	else
		h->ended_by = ENDED_BY_NETWORK;
}

/* TLS 1.3 without keys: an alert's size and a close, right after the client's last flight, is a refusal. */
static bool refused_by_shape(const struct exchange *x)
{
	return x->tls13 && x->finished_by_shape && x->first_after_finished == 2 && !x->side[SENDER_CLIENT].alert_encrypted;
}

static void end_completed(struct exchange *x, enum exchange_end how, int sender)
{
	struct handshake *h = &x->h;
	bool closed = how == EXCHANGE_END_FIN || how == EXCHANGE_END_RST;

	if (closed && sender == SENDER_SERVER && refused_by_shape(x)) {
		h->outcome = OUTCOME_FAILED;
		h->ended_by = ENDED_BY_SERVER;
		h->alert_code = ALERT_ENCRYPTED;
		h->alert_sender = SENDER_SERVER;
		h->inferred |= INFERRED_OUTCOME | INFERRED_ENDED_BY | INFERRED_ALERT | INFERRED_STAGE;
	}
}

void exchange_end(struct exchange *x, struct tls_env *env, enum exchange_end how, int sender)
{
	if (how == EXCHANGE_END_FIN && sender >= 0)
		x->side[sender].closed = true;
	if (x->state == EXCHANGE_WAITING || x->state == EXCHANGE_DONE)
		return;
	/* After one FIN the other side may still speak: only a completed handshake has nothing more to say. */
	if (how == EXCHANGE_END_FIN && x->state == EXCHANGE_RUNNING && !(x->side[0].closed && x->side[1].closed))
		return;
	if (x->state == EXCHANGE_RUNNING)
		end_unfinished(x, how, sender);
	if (x->state == EXCHANGE_COMPLETED)
		end_completed(x, how, sender);
	emit(x, env);
}
