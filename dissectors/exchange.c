#include "dissectors/exchange.h"

#include "dissectors/exchange_parts.h"
#include "dissectors/hello.h"
#include "dissectors/messages.h"

#include <string.h>

/* Enough of an answer that is not TLS to tell what it is. */
enum { ANSWER_KEPT = 48 };

/* ---- life ---- */

void exchange_reset(struct exchange *x)
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
	exchange_reset(x);
}

void exchange_finish(struct exchange *x, struct tls_env *env)
{
	tls_env_release_shapes(env, &x->h);
	ech_destroy(x->ech);
	handshake_finish(&x->h);
}

bool exchange_is_over(const struct exchange *x)
{
	return x->state == EXCHANGE_DONE && (x->tls13 || x->refused || x->h.sequence + 1 >= CONNECTION_HANDSHAKES_MAX || x->gap);
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

/* ---- progress ---- */

void exchange_reach(struct exchange *x, enum stage stage)
{
	if (x->h.stage < stage)
		x->h.stage = (uint8_t)stage;
}

void exchange_log(struct exchange *x, struct tls_env *env, enum sender sender, uint16_t type, uint32_t bytes, int64_t ns, bool decrypted)
{
	struct message m = { .type = type, .sender = (uint8_t)sender, .bytes = bytes, .time_ns = ns, .decrypted = decrypted };

	if (!handshake_add_message(&x->h, m)) {
		env->limits->bitten[LIMIT_MESSAGES]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
	}
}

/* A round trip is a flight of the client's that the server answered. */
void exchange_note_flight(struct exchange *x, enum sender sender)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	if (sender == SENDER_SERVER && x->last_flight == 1 + SENDER_CLIENT && x->round_trips < UINT8_MAX)
		x->round_trips++;
	x->last_flight = (uint8_t)(1 + sender);
	x->side[sender].present = true;
}

void exchange_begin(struct exchange *x, int64_t first_ns)
{
	if (x->state == EXCHANGE_WAITING || x->state == EXCHANGE_DONE)
		x->state = EXCHANGE_RUNNING;
	if (x->hello_first_ns == TIME_NONE)
		x->hello_first_ns = first_ns;
}

void exchange_complete(struct exchange *x)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	x->state = EXCHANGE_COMPLETED;
	x->h.outcome = OUTCOME_COMPLETED;
	x->first_after_finished = 1;
	exchange_reach(x, STAGE_FINISHED);
}

static void complete_if_both(struct exchange *x)
{
	if (x->side[SENDER_CLIENT].finished && x->side[SENDER_SERVER].finished)
		exchange_complete(x);
}

void exchange_finished(struct exchange *x, enum sender sender, int64_t ns)
{
	if (x->side[sender].finished)
		return;
	x->side[sender].finished = true;
	x->side[sender].finished_ns = ns;
	if (sender == SENDER_SERVER && !x->side[SENDER_CLIENT].finished && !x->tls13)
		x->server_finished_first = true;
	exchange_reach(x, STAGE_FINISHED);
	complete_if_both(x);
}

void exchange_fail(struct exchange *x, enum sender by)
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

static uint64_t hash_or_none(const struct tls_env *env, struct bytes b)
{
	return b.len ? hash_bytes(env->key, b.at, b.len) : 0;
}

/* Those of the hello that the server answers: after a HelloRetryRequest some of the first may be gone (RFC 8446 section 4.1.2). */
static void keep_psk_facts(struct exchange *x, struct tls_env *env, const struct hello_facts *f)
{
	x->psk_external = f->psk_external;
	for (int i = 0; i < 2; i++)
		x->psk_hash[i] = hash_or_none(env, f->psk_identities[i]);
}

/* RFC 9849: the first byte tells the hello that a client sends (0) from the inner one that a server hands on to another behind it (1). */
static uint8_t ech_of(const struct client_hello *ch)
{
	struct reader r = reader_of(ch->facts.ech);

	if (!ch->facts.ech.len)
		return ch->whole ? ECH_NONE : ECH_UNSEEN;
	return rd_u8(&r) == 1 ? ECH_ACCEPTED : ECH_OFFERED;
}

/* RFC 9849 section 5: type, cipher suite, config_id. */
static uint16_t ech_config_of(const struct client_hello *ch)
{
	struct reader r = reader_of(ch->facts.ech);
	bool outer = rd_u8(&r) == 0;

	rd_skip(&r, 4);
	uint8_t id = rd_u8(&r);
	return outer && !r.bad ? (uint16_t)(1 + id) : 0;
}

/* RFC 9849 sections 6.1.5 and 6.2.1: after a HelloRetryRequest a real offer is sealed anew, with no key of its own, and GREASE is sent again as it was. */
static void compare_ech(struct exchange *x, const struct tls_env *env, const struct client_hello *ch)
{
	struct handshake *h = &x->h;

	if (h->ech == ECH_OFFERED && x->ech_hash && x->ech_hash == hash_or_none(env, ch->facts.ech))
		h->ech = ECH_GREASE;
}

static enum hello_kind hello_kind(const struct exchange *x)
{
	return x->transport == TRANSPORT_QUIC ? HELLO_CLIENT_QUIC : x->transport == TRANSPORT_DTLS ? HELLO_CLIENT_DTLS : HELLO_CLIENT;
}

static void forget_inner_hello(struct exchange *x)
{
	ech_destroy(x->ech);
	x->ech = NULL;
}

/* What the client really says, where the user has the secret of it; its PSKs are those that the server may take (RFC 9849 section 6.1.2). */
static void open_ech(struct exchange *x, struct tls_env *env, const struct exchange_message *m, bool again)
{
	struct handshake *h = &x->h;
	struct client_hello inner;

	if (!(env->keylog || env->more_secrets) || h->ech != ECH_OFFERED || m->cut || (again && !x->ech))
		return;
	struct bytes body = ech_open(&x->ech, env, h->client_random, m->body, x->transport == TRANSPORT_DTLS);
	if (!body.len || !client_hello_parse(body, hello_kind(x), &inner, &env->scratch))
		return;
	keep_random(h->inner_random, &h->has_inner_random, inner.random);
	keep_psk_facts(x, env, &inner.facts);
	if (!h->inner_server_name.len)
		h->inner_server_name = handshake_keep(h, inner.facts.server_name, NULL);
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
	/* The first hello was lost, or is older than the capture. */
	if (x->transport == TRANSPORT_DTLS && ch->cookie.len)
		h->dtls_cookie = 1;
	x->ticket_offered = f->session_ticket.len != 0;
	x->renegotiation_offered = f->renegotiation_info || ch->has_renegotiation_scsv || !ch->whole;
	x->early_data_pending = f->early_data;
	h->early_data = f->early_data ? EARLY_DATA_OFFERED : ch->whole ? EARLY_DATA_NONE : EARLY_DATA_UNSEEN;
	h->ech = ech_of(ch);
	h->ech_config = ech_config_of(ch);
	x->ech_hash = hash_or_none(env, f->ech);
	h->session_offered = hash_or_none(env, f->session_ticket);
	keep_psk_facts(x, env, f);
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
	/* A renegotiation that is readable. */
	if (x->state == EXCHANGE_COMPLETED && m->decrypted)
		exchange_emit(x, env);
	if (x->state == EXCHANGE_DONE && !exchange_may_renegotiate(x, env))
		return;
	exchange_begin(x, m->first_ns);
	exchange_note_flight(x, SENDER_CLIENT);
	exchange_log(x, env, SENDER_CLIENT, log_as, m->bytes, m->last_ns, m->decrypted);
	if (!m->cut) {
		x->hello_last_ns = m->last_ns;
		exchange_reach(x, STAGE_CLIENT_HELLO);
	}
	struct hello *hello = intern_hello(env->intern, buffer_bytes(&env->scratch));
	if (h->client_hello) {
		intern_release_hello(env->intern, h->client_hello_second);
		h->client_hello_second = hello;
		/* That of the hello that is answered: QUIC begins with another after a Version Negotiation. */
		keep_random(h->client_random, &h->has_client_random, ch->random);
		keep_psk_facts(x, env, &ch->facts);
		if (h->hello_retry == 1)
			compare_ech(x, env, ch);
		else
			forget_inner_hello(x);
		open_ech(x, env, m, h->hello_retry == 1);
		return;
	}
	h->client_hello = hello;
	x->hello_cut = m->cut;
	x->offers_tls13 = offers_tls13(hello);
	keep_client_facts(x, env, ch);
	open_ech(x, env, m, false);
}

static void on_client_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct client_hello ch;

	if (client_hello_parse(m->body, hello_kind(x), &ch, &env->scratch))
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
	exchange_note_flight(x, SENDER_SERVER);
	exchange_log(x, env, SENDER_SERVER, MESSAGE_SSL2_SERVER_HELLO, m->bytes, m->last_ns, false);
	x->version_known = true;
	x->server_hello_first_ns = m->first_ns;
	h->version = sh.version;
	h->hello_retry = 0;
	h->resumption = sh.session_hit ? RESUMPTION_SESSION_ID : RESUMPTION_NONE;
	h->server_chain = single_chain(env, sh.certificate);
	h->server_certificates = h->server_chain ? 1 : 0;
	h->certificates_visible = 1;
	exchange_reach(x, h->server_chain ? STAGE_CERTIFICATE : STAGE_SERVER_HELLO);
}

void exchange_ssl2_master_key(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct reader r = reader_of(m->body);

	if (x->state != EXCHANGE_RUNNING)
		return;
	exchange_note_flight(x, SENDER_CLIENT);
	exchange_log(x, env, SENDER_CLIENT, 16, m->bytes, m->last_ns, false);
	rd_skip(&r, 1);
	uint32_t kind = rd_u24(&r);
	if (!r.bad)
		x->h.cipher = (int32_t)kind;
	exchange_reach(x, STAGE_KEY_EXCHANGE);
}

/* SERVER-VERIFY, CLIENT-FINISHED, SERVER-FINISHED: all encrypted, so that only their number tells. */
void exchange_ssl2_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t bytes, int64_t ns)
{
	if (x->state != EXCHANGE_RUNNING)
		return;
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_ENCRYPTED, bytes, ns, false);
	if (x->ssl2_records[sender] < UINT8_MAX)
		x->ssl2_records[sender]++;
	if (x->ssl2_records[SENDER_CLIENT] < 1 || x->ssl2_records[SENDER_SERVER] < 2)
		return;
	x->saw_certificate = true;
	x->h.inferred |= INFERRED_OUTCOME;
	exchange_finished(x, SENDER_CLIENT, ns);
	exchange_finished(x, SENDER_SERVER, ns);
}

/* What was sent early counts as never sent. */
void exchange_reject_early_data(struct exchange *x)
{
	struct exchange_side *client = &x->side[SENDER_CLIENT];

	if (x->h.early_data != EARLY_DATA_OFFERED)
		return;
	x->h.early_data = EARLY_DATA_REJECTED;
	x->early_data_pending = false;
	client->application_data = false;
	client->application_ns = TIME_NONE;
}

/* The key that the server took, by its place in the client's list. */
static void keep_selected_psk(struct exchange *x, uint16_t selected)
{
	struct handshake *h = &x->h;

	x->psk_taken = true;
	x->psk_is_external = selected < 32 && x->psk_external >> selected & 1;
	h->resumption = x->psk_is_external ? RESUMPTION_NONE : RESUMPTION_PSK;
	h->session_offered = selected < 2 ? x->psk_hash[selected] : 0;
	/* RFC 8446 section 4.2.10: early data belongs to the first key. */
	if (selected)
		exchange_reject_early_data(x);
}

static void on_retry(struct exchange *x, struct tls_env *env, const struct exchange_message *m, const struct server_hello *sh)
{
	x->h.hello_retry = 1;
	if (x->transport == TRANSPORT_DTLS && sh->facts.cookie.len)
		x->h.dtls_cookie = 1;	/* RFC 9147 section 5.1 */
	x->h.retry_group = sh->facts.selected_group ? sh->facts.selected_group : -1;
	x->tls13 = true;
	ech_retried(x->ech, env, sh->cipher, m->body);
	exchange_reject_early_data(x);	/* RFC 8446 section 4.2.10 */
	exchange_log(x, env, SENDER_SERVER, MESSAGE_HELLO_RETRY_REQUEST, m->bytes, m->last_ns, m->decrypted);
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
		h->secure_renegotiation = f->renegotiation_info && (x->renegotiation_offered || !h->client_hello);
		if (f->sct)
			h->sct_count = sct_list_count(f->scts);
	} else if (f->has_psk) {
		keep_selected_psk(x, f->psk_selected);
	}
	if (!x->tls13 || !f->has_psk)
		exchange_reject_early_data(x);
	if (sh->session_id.len && !x->tls13)
		h->session_given = hash_bytes(env->key, sh->session_id.at, sh->session_id.len);
	if (h->hello_retry < 0)
		h->hello_retry = 0;
	if (x->transport == TRANSPORT_DTLS && h->dtls_cookie < 0)
		h->dtls_cookie = 0;
}

/* The server proves by the end of its random that it read the inner hello. */
static void tell_ech(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	if (x->ech && !m->cut)
		x->h.ech = ech_accepted(x->ech, env, (uint16_t)x->h.cipher, m->body) ? ECH_ACCEPTED : ECH_REJECTED;
	forget_inner_hello(x);
}

static void on_server_hello(struct exchange *x, struct tls_env *env, const struct exchange_message *m)
{
	struct server_hello sh;

	if (!server_hello_parse(m->body, &sh, &env->scratch))
		return;
	exchange_begin(x, x->hello_first_ns);
	exchange_note_flight(x, SENDER_SERVER);
	if (server_hello_is_retry(&sh)) {
		on_retry(x, env, m, &sh);
		return;
	}
	exchange_log(x, env, SENDER_SERVER, m->type, m->bytes, m->last_ns, m->decrypted);
	if (x->h.server_hello)
		return;
	x->server_hello_first_ns = m->first_ns;
	x->h.server_hello = intern_hello(env->intern, buffer_bytes(&env->scratch));
	keep_server_facts(x, env, &sh);
	tell_ech(x, env, m);
	if (!m->cut)
		exchange_reach(x, STAGE_SERVER_HELLO);
}

static void keep_ocsp_response(struct exchange *x, struct bytes response)
{
	if (response.len && !x->h.ocsp_response.len)
		x->h.ocsp_response = handshake_keep(&x->h, response, NULL);
}

static void keep_entry_facts(struct exchange *x, struct bytes list)
{
	struct certificate_entry entry;

	certificate_entry_parse(list, &entry);
	keep_ocsp_response(x, entry.ocsp_response);
	if (entry.scts.at)
		x->h.sct_count = sct_list_count(entry.scts);
}

static void on_certificate_status(struct exchange *x, const struct exchange_message *m)
{
	struct bytes response;

	if (certificate_status_parse(m->body, &response))
		keep_ocsp_response(x, response);
}

void exchange_certificate(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m)
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
		exchange_reach(x, STAGE_CERTIFICATE);
		if (h->server_chain || h->server_certificates > 0) {
			intern_release_chain(env->intern, chain);
			return;
		}
		h->server_chain = chain;
		h->server_certificates = chain ? (int32_t)chain->count : 0;
		h->certificates_visible = 1;
		if (x->tls13)
			keep_entry_facts(x, all);
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
	if (!t.ticket.len)
		return;
	/* A server of TLS 1.3 gives several, and the client takes any of them. */
	uint64_t given = hash_bytes(env->key, t.ticket.at, t.ticket.len);
	if (!x->tls13 || !x->tickets_given)
		x->h.session_given = given;
	else if (x->tickets_given <= HANDSHAKE_TICKETS_MORE)
		x->h.more_sessions_given[x->tickets_given - 1] = given;
	if (x->tickets_given < UINT8_MAX)
		x->tickets_given++;
}

/* RFC 8446 section 4.4.3 */
static void on_certificate_verify(struct exchange *x, const struct exchange_message *m)
{
	struct reader r = reader_of(m->body);
	uint16_t scheme = rd_u16(&r);

	if (!r.bad && x->h.signature_scheme < 0)
		x->h.signature_scheme = scheme;
}

static void on_client_key_exchange(struct exchange *x)
{
	exchange_reach(x, STAGE_KEY_EXCHANGE);
	if (x->h.client_auth == CLIENT_AUTH_REQUESTED && x->h.client_certificates < 0 && !x->gap)
		x->h.client_auth = CLIENT_AUTH_DECLINED;
}

enum handshake_type {
	CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY_REQUEST = 3, NEW_SESSION_TICKET = 4, DRAFT_HELLO_RETRY_REQUEST = 6, ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14, CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16, FINISHED = 20, CERTIFICATE_STATUS = 22,
	COMPRESSED_CERTIFICATE = 25,
};

static void on_other(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m)
{
	exchange_log(x, env, sender, m->type, m->bytes, m->last_ns, m->decrypted);
	switch (m->type) {
	case CERTIFICATE:
		exchange_certificate(x, env, sender, m);
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
		if (sender == SENDER_SERVER) {
			x->h.hello_retry = 1;
			exchange_reject_early_data(x);
		}
		break;
	case HELLO_VERIFY_REQUEST:
		if (x->transport == TRANSPORT_DTLS)
			x->h.dtls_cookie = 1;
		break;
	case SERVER_HELLO_DONE:
		x->saw_hello_done = true;
		break;
	case CLIENT_KEY_EXCHANGE:
		on_client_key_exchange(x);
		break;
	case CERTIFICATE_STATUS:
		if (sender == SENDER_SERVER)
			on_certificate_status(x, m);
		break;
	case CERTIFICATE_VERIFY:
		if (sender == SENDER_SERVER && x->tls13)
			on_certificate_verify(x, m);
		break;
	case ENCRYPTED_EXTENSIONS:
		if (sender == SENDER_SERVER && x->tls13)
			exchange_encrypted_extensions(x, env, m);
		break;
	case COMPRESSED_CERTIFICATE:
		if (x->tls13)
			exchange_compressed_certificate(x, env, sender, m);
		break;
	case FINISHED:
		x->server_flight_opened |= sender == SENDER_SERVER && m->decrypted;
		exchange_finished(x, sender, m->last_ns);
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
	/* TLS 1.3: tickets, and the client's certificate where it is asked for late. */
	bool after = x->state == EXCHANGE_COMPLETED && x->tls13 && m->decrypted;
	if ((x->state != EXCHANGE_RUNNING && !after) || m->cut)
		return;
	exchange_note_flight(x, sender);
	on_other(x, env, sender, m);
}

void exchange_change_cipher(struct exchange *x, struct tls_env *env, enum sender sender, int64_t first_ns, int64_t last_ns)
{
	(void)first_ns;
	x->side[sender].changed_cipher = true;
	if (x->state != EXCHANGE_RUNNING)
		return;
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_CHANGE_CIPHER_SPEC, 1, last_ns, false);
}

/* A stream that ends too early is answered so (decode_error by OpenSSL); after a FIN, other alerts still mean what was sent before. */
bool exchange_answers_close(const struct exchange *x, struct alert a)
{
	static const uint8_t minding[] = { UNEXPECTED_MESSAGE_ALERT, DECODE_ERROR_ALERT, INTERNAL_ERROR_ALERT };

	return x->side[!a.sender].closed && memchr(minding, a.description, sizeof minding);
}

void exchange_alert(struct exchange *x, struct tls_env *env, enum sender sender, struct alert a)
{
	a.sender = (uint8_t)sender;
	if (x->state == EXCHANGE_COMPLETED && a.decrypted)
		exchange_alert_after(x, env, sender, a);
	if (x->state != EXCHANGE_RUNNING && x->state != EXCHANGE_FAILED)
		return;
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_ALERT, 2, a.time_ns, a.decrypted);
	if (!handshake_add_alert(&x->h, a)) {
		env->limits->bitten[LIMIT_ALERTS]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
	}
	/* SSL 3.0 says so instead of an empty Certificate (RFC 6101 section 5.4.2). */
	if (a.description == NO_CERTIFICATE && sender == SENDER_CLIENT && x->h.client_auth == CLIENT_AUTH_REQUESTED)
		x->h.client_auth = CLIENT_AUTH_DECLINED;
	if (a.level != FATAL || a.description == CLOSE_NOTIFY)
		return;
	if (x->state == EXCHANGE_RUNNING)
		x->h.alert_after_close = x->h.server_hello ? x->side[!sender].closed : exchange_answers_close(x, a);
	exchange_fail(x, sender);
}

/* ---- what the carrier tells ---- */

void exchange_packet(struct exchange *x, uint64_t number)
{
	if (x->state <= EXCHANGE_RUNNING || x->state == EXCHANGE_FAILED)
		exchange_count_packet(x, number);
}

void exchange_again(struct exchange *x)
{
	if (x->state == EXCHANGE_WAITING || x->state == EXCHANGE_DONE)
		return;
	x->h.retransmissions = x->h.retransmissions < 0 ? 1 : x->h.retransmissions + 1;
}

void exchange_count_packet(struct exchange *x, uint64_t number)
{
	struct handshake *h = &x->h;

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

/* RFC 6520 section 4: whoever asks for more than was sent is after memory that is not his. */
void exchange_heartbeat(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t claimed, uint32_t record_len, int64_t ns)
{
	enum { HEARTBEAT_HEADER = 3 };

	if (x->state != EXCHANGE_RUNNING && x->state != EXCHANGE_FAILED)
		return;
	exchange_log(x, env, sender, MESSAGE_HEARTBEAT, record_len, ns, false);
	if (claimed + HEARTBEAT_HEADER > record_len)
		x->h.heartbleed_probe = true;
}

void exchange_gap(struct exchange *x, enum sender sender)
{
	(void)sender;
	if (x->state <= EXCHANGE_RUNNING)
		x->gap = true;
}

void exchange_not_tls(struct exchange *x, struct bytes first, int64_t ns)
{
	(void)ns;
	if (x->state != EXCHANGE_RUNNING || x->h.server_hello)
		return;
	if (first.len > ANSWER_KEPT)
		first.len = ANSWER_KEPT;
	x->h.answer = handshake_keep(&x->h, first, NULL);
	x->not_tls_answer = true;
	exchange_fail(x, SENDER_SERVER);
}
