#include "app/pipeline.h"

#include "app/attempts.h"
#include "app/greetings.h"
#include "app/intake.h"
#include "app/lanes.h"
#include "base/hash.h"
#include "base/xmalloc.h"
#include "dissectors/dissector.h"
#include "dissectors/dns.h"
#include "dissectors/starttls.h"
#include "dissectors/tls.h"
#include "flow/table.h"
#include "record/attempt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A record header, a message header and the version: what shows a hello (dissector.h, looks_late). */
enum { LATE_HELLO_MIN = 11 };

/* What a followed flow has: the dissector's state, and what the record needs of its first packet. */
struct connection {
	uint8_t row;			/* of the table of dissectors */
	uint8_t mac[2][6];		/* by end */
	bool has_mac;
	bool closed_told[2];
	bool truncated;
	uint16_t vlan;
	struct encapsulation encapsulation;
	_Alignas(8) uint8_t state[];	/* the dissector's */
};

struct pipeline {
	struct pipeline_options options;
	struct capture counts;
	struct intake intake;
	struct flow_table *flows;
	uint64_t datagram_connections;	/* now; without any, a datagram that looks like nothing needs no flow */
	struct tls_env env;
	struct greetings greetings;
	size_t connection_size;
	struct connection *blank;
};

static const struct dissector *dissector_of(const struct connection *c)
{
	return &dissectors[c->row];
}

/* ---- a finished handshake learns what its flow knows ---- */

static void tell_ends(struct handshake *h, const struct flow *f, const struct connection *c, unsigned client)
{
	char encapsulation[256];

	h->connection_id = f->id;
	if (f->protocol != PROTOCOL_EAPOL) {
		h->client = f->end[client];
		h->server = f->end[!client];
	}
	h->client_port = f->port[client];
	h->server_port = f->port[!client];
	h->has_mac = c->has_mac;
	memcpy(h->client_mac, c->mac[client], sizeof h->client_mac);
	memcpy(h->server_mac, c->mac[!client], sizeof h->server_mac);
	h->vlan = c->vlan;
	if (c->encapsulation.depth && encapsulation_text(&c->encapsulation, encapsulation, sizeof encapsulation) > 0)
		h->encapsulation = handshake_keep_text(h, encapsulation);
}

/* Contract, section 3: the halves of the round trip are known only where nothing was retransmitted (Karn's rule). */
static void tell_tcp_times(struct handshake *h, const struct flow *f)
{
	if (h->sequence || !(f->opening & OPENING_SYN))
		return;
	if (f->ack_ns >= 0)
		h->tcp_ns = f->ack_ns;
	if (f->syn_retransmitted || f->synack_retransmitted || f->synack_ns < 0)
		return;
	h->server_rtt_ns = f->synack_ns;
	if (f->ack_ns >= f->synack_ns)
		h->client_rtt_ns = f->ack_ns - f->synack_ns;
	if (h->server_hello_ns != TIME_NONE)
		h->server_think_ns = h->server_hello_ns > h->server_rtt_ns ? h->server_hello_ns - h->server_rtt_ns : 0;
}

static void tell_reassembly(struct handshake *h, const struct flow *f, const struct connection *c)
{
	h->reassembly |= (uint32_t)(f->stream[0].marks | f->stream[1].marks);
	if (c->truncated)
		h->reassembly |= REASSEMBLY_TRUNCATED;
	if (f->initiator > 1)
		h->reassembly |= REASSEMBLY_MIDSTREAM;
	if (!f->seen[0] || !f->seen[1]) {
		h->reassembly |= REASSEMBLY_ONE_SIDED;
		/* The other side may have said anything: only an alert proves a failure. */
		if (h->outcome == OUTCOME_FAILED && !h->alert_count) {
			h->outcome = OUTCOME_PARTIAL;
			h->ended_by = ENDED_BY_CAPTURE;
		}
	}
	if (f->protocol == PROTOCOL_TCP)
		h->retransmissions = f->stream[0].retransmissions + f->stream[1].retransmissions;
}

/* The server spoke first, and said no other word: that is its answer to the hello. */
static void tell_greeting(const struct pipeline *p, const struct flow *f, struct handshake *h)
{
	const struct greeting *g = greetings_find(&p->greetings, f->id);

	if (!g || h->outcome != OUTCOME_FAILED || h->server_hello || h->hello_retry == 1 || h->answer.len || h->starttls.len)
		return;
	h->answer = handshake_keep(h, (struct bytes){ g->at, g->len }, NULL);
	if (h->ended_by == ENDED_BY_NETWORK)
		h->ended_by = ENDED_BY_SERVER;
}

static void hand_on(struct pipeline *p, const struct flow *f, const struct connection *c)
{
	unsigned client = dissector_of(c)->client(c->state) == 1;

	for (size_t i = 0; i < p->env.finished_count; i++) {
		struct handshake *h = p->env.finished[i];

		tell_ends(h, f, c, client);
		tell_tcp_times(h, f);
		tell_reassembly(h, f, c);
		tell_greeting(p, f, h);
		h->moment = p->env.moment;
		p->counts.handshakes++;
		dns_flush(p->env.dns);
		p->options.emit(p->options.context, h);
	}
	p->env.finished_count = 0;
}

/* ---- connections without a hello ---- */

/* What a flow's note holds beside a road_note (dissectors/starttls.h). */
#define NOTE_HELLO (1U << 31)		/* a hello was seen */
#define NOTE_TOLD (1U << 30)		/* the attempt is counted already */

static void add_attempt(struct pipeline *p, struct flow *f, unsigned client, enum attempt_reason reason, uint32_t levels)
{
	struct attempt_event e = { .client = f->end[client], .server = f->end[!client], .server_port = f->port[!client], .reason = (uint8_t)reason,
		.levels = levels, .first_ns = f->first_ns, .last_ns = f->first_ns, .moment = p->env.moment, .place = f->id };

	f->note |= NOTE_TOLD;
	p->options.emit_attempt(p->options.context, &e);
}

static unsigned client_of(const struct flow *f, const struct road_note *note)
{
	return f->initiator < 2 ? f->initiator : note->client;
}

/* The road ends here: what it says of TLS is final. */
static void tell_road(struct pipeline *p, struct flow *f)
{
	struct road_note note = road_note_of(f->note);
	unsigned client = client_of(f, &note);

	if (f->note & NOTE_HELLO || client > 1)
		return;
	/* Whose first datagram was seen first says nothing: one of an unknown version is none of ours. */
	if (road_note_says_versions(f->note) && note.client < 2)
		add_attempt(p, f, note.client, ATTEMPT_QUIC_VERSION_MISMATCH, 0);
	if (note.reason == ROAD_REFUSED)
		add_attempt(p, f, client, ATTEMPT_STARTTLS_REFUSED, note.levels);
	else if (note.reason == ROAD_STRIPPED)
		add_attempt(p, f, client, ATTEMPT_STARTTLS_STRIPPED, note.levels);
}

static void tell_plain_http(struct pipeline *p, struct flow *f, unsigned end, struct bytes first)
{
	if (f->initiator != !end && is_http_request(first))
		add_attempt(p, f, end, ATTEMPT_PLAIN_HTTP, 0);
}

/* SYN and SYN/ACK were seen, and nothing else than the end; or plaintext where TLS comes first; or TLS was offered and not taken. */
static void tell_unused(struct pipeline *p, struct flow *f)
{
	struct road_note note = road_note_of(f->note);
	unsigned client = client_of(f, &note);
	bool opened = f->opening & OPENING_SYN && f->opening & OPENING_SYNACK;

	if (f->note & (NOTE_HELLO | NOTE_TOLD) || f->unwatched || f->protocol != PROTOCOL_TCP || client > 1 || !(f->closed || f->reset_by))
		return;
	bool tls_port = opened && (f->state == FLOW_NEW || attempt_is_tls_port(f->port[!client]));
	if (note.reason == ROAD_UNUSED || tls_port)
		add_attempt(p, f, client, f->reset_by ? ATTEMPT_RESET : ATTEMPT_CLOSED, note.levels);
}

static void in_vain(void *context, const struct syn_ends *ends, const struct syn *syn, bool refused)
{
	struct pipeline *p = context;
	struct attempt_event e = { .client = ends->client, .server = ends->server, .server_port = ends->server_port,
		.reason = refused ? ATTEMPT_REFUSED : ATTEMPT_UNANSWERED, .first_ns = syn->time_ns, .last_ns = syn->time_ns,
		.moment = p->env.moment, .place = syn->number };

	/* Those without an answer come behind the flows whose time is over. */
	if (e.moment % MOMENT_PARTS == MOMENT_FLOWS)
		e.moment += MOMENT_SYNS - MOMENT_FLOWS;
	p->options.emit_attempt(p->options.context, &e);
}

/* ---- a flow's bytes ---- */

/* Tells the dissectors whose bytes come next. */
static void serve(struct pipeline *p, const struct flow *f)
{
	p->env.base_ns = f->first_ns;
	p->env.end = f->end;
	p->env.port = f->port;
}

static void disconnect(struct pipeline *p, struct flow *f)
{
	struct connection *c = f->connection;
	struct stream_pool *pool = flow_table_pool(p->flows);

	p->datagram_connections -= !dissector_of(c)->stream;
	bool hello = dissector_of(c)->client(c->state) < 2;
	p->env.road_note = 0;
	dissector_of(c)->finish(c->state, &p->env);
	f->note = hello ? NOTE_HELLO : p->env.road_note;
	tell_road(p, f);
	flow_disconnect(p->flows, f);
	stream_ignore(&f->stream[0], pool);
	stream_ignore(&f->stream[1], pool);
	f->state = FLOW_OPAQUE;
}

static void connect(struct pipeline *p, struct flow *f, const struct segment *s, unsigned sender, const struct dissector *d)
{
	struct connection *c = flow_connect(p->flows, f);

	c->row = (uint8_t)(d - dissectors);
	d->init(c->state);
	c->has_mac = s->has_mac;
	memcpy(c->mac[sender], s->src_mac, sizeof c->mac[0]);
	memcpy(c->mac[!sender], s->dst_mac, sizeof c->mac[0]);
	c->vlan = s->vlan;
	if (s->encapsulation.depth)
		c->encapsulation = s->encapsulation;
	f->state = FLOW_FOLLOWED;
	p->datagram_connections += !d->stream;
}

/* Hands on what is in order. False once the flow is not followed any more. */
static bool drain(struct pipeline *p, struct flow *f, unsigned end)
{
	struct connection *c = f->connection;
	struct chunk chunk;

	while (stream_next(&f->stream[end], flow_table_pool(p->flows), &chunk)) {
		p->counts.reassembly_gaps += chunk.missing != 0;
		bool ours = dissector_of(c)->push(c->state, &p->env, end, &chunk);
		hand_on(p, f, c);
		if (!ours || dissector_of(c)->is_over(c->state)) {
			disconnect(p, f);
			f->unwatched = ours;
			return false;
		}
	}
	return true;
}

static bool push(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end)
{
	struct connection *c = f->connection;
	bool running = !c || dissector_of(c)->is_running(c->state);
	struct stream_segment in = { .seq = flow_data_seq(s), .data = s->payload, .wire_len = s->payload_len, .time_ns = s->time_ns, .number = s->number };

	if (c && running && s->payload_len > s->payload.len)
		c->truncated = true;
	return stream_push(&f->stream[end], flow_table_pool(p->flows), &in, running) == STREAM_NEW;
}

/* Very few first bytes may be those of several protocols: they wait until it can be told. `first`: those that came in pieces. */
static bool awaits_more(struct stream *s, struct stream_pool *pool, uint8_t head[DISSECTOR_ENOUGH], struct bytes *first)
{
	*first = (struct bytes){ head, 0 };
	if (stream_brings(s, pool, DISSECTOR_ENOUGH))
		return false;
	stream_hold(s, pool);
	first->len = stream_peek(s, head, DISSECTOR_ENOUGH);
	return first->len && first->len < DISSECTOR_ENOUGH && !stream_gives_up(s) && dissector_wants_more(*first);
}

/* The first bytes of a flow, in order, decide whether it is followed: those of `end`, which the segment of `sender` let through. */
static void decide(struct pipeline *p, struct flow *f, const struct segment *s, unsigned sender, unsigned end)
{
	struct stream_pool *pool = flow_table_pool(p->flows);
	uint8_t head[DISSECTOR_ENOUGH];
	struct bytes first;
	struct chunk chunk;

	f->state = FLOW_UNDECIDED;
	if (awaits_more(&f->stream[end], pool, head, &first))
		return;
	if (!stream_next(&f->stream[end], pool, &chunk))
		return;
	if (first.len <= chunk.data.len)
		first = chunk.data;
	const struct dissector *d = chunk.missing ? NULL : dissector_for(true, first);
	if (f->initiator == !end && !chunk.missing && tls_looks(first) == LOOK_NO)
		greetings_note(&p->greetings, f->id, first, stream_last(&f->stream[end]));
	if (!d) {
		tell_plain_http(p, f, end, first);
		stream_ignore(&f->stream[0], pool);
		stream_ignore(&f->stream[1], pool);
		f->state = FLOW_OPAQUE;
		return;
	}
	connect(p, f, s, sender, d);
	struct connection *c = f->connection;
	c->truncated = s->payload_len > s->payload.len;
	bool ours = dissector_of(c)->push(c->state, &p->env, end, &chunk);
	hand_on(p, f, c);
	if (!ours)
		disconnect(p, f);
	else if (drain(p, f, end))
		drain(p, f, !end);
}

/* TLS that begins in the middle of something else: both directions start anew where this segment stands. */
static void start_late(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end, const struct dissector *d)
{
	struct stream_pool *pool = flow_table_pool(p->flows);
	const struct greeting *g = greetings_find(&p->greetings, f->id);
	/* The greeting and the hello may have crossed on the way. */
	uint32_t peer = g && g->next - s->ack < 1u << 31 ? g->next : s->ack;

	stream_finish(&f->stream[0], pool);
	stream_finish(&f->stream[1], pool);
	f->stream[0] = f->stream[1] = (struct stream){ 0 };
	stream_start(&f->stream[end], s->seq - 1);
	stream_start(&f->stream[!end], peer - 1);
	connect(p, f, s, end, d);
}

static void give_up(struct pipeline *p, struct flow *f)
{
	stream_give_up(&f->stream[0], flow_table_pool(p->flows), 0);
	stream_give_up(&f->stream[1], flow_table_pool(p->flows), 0);
}

/* A hole at the end has nothing behind it that would show it. */
static void tell_tails(const struct flow *f, struct connection *c)
{
	for (unsigned end = 0; end < 2; end++)
		if (stream_lacks_tail(&f->stream[end]))
			dissector_of(c)->lacks_tail(c->state, end);
}

static void tell_closed(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end)
{
	struct connection *c = f->connection;
	bool reset = s->flags & TCP_RST && f->reset_by == 1 + end;
	bool fin = f->closed & 1 << end && stream_at_fin(&f->stream[end]);

	if ((!reset && !fin) || c->closed_told[end])
		return;
	c->closed_told[end] = true;
	if (reset) {
		/* Nothing fills a hole after a reset. */
		give_up(p, f);
		if (!drain(p, f, 0) || !drain(p, f, 1))
			return;
		tell_tails(f, c);
	}
	dissector_of(c)->closed(c->state, &p->env, end, reset);
	hand_on(p, f, c);
	if (dissector_of(c)->is_over(c->state)) {
		disconnect(p, f);
		/* A hello that is sent again and again after the close is none of a new connection. */
		f->unwatched = true;
	}
}

static void follow(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end)
{
	if (s->payload_len && push(p, f, s, end) && !drain(p, f, end))
		return;
	if (s->flags & TCP_ACK && stream_acknowledge(&f->stream[!end], flow_table_pool(p->flows), s->ack) && !drain(p, f, !end))
		return;
	if (f->closed || f->reset_by) {
		tell_closed(p, f, s, end);
		if (f->connection && f->closed & 1 << !end)
			tell_closed(p, f, s, !end);
	}
}

static void look_late(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end)
{
	const struct dissector *late = s->payload.len < LATE_HELLO_MIN ? NULL : dissector_for_late(true, s->payload);

	if (!late) {
		if (s->payload_len && f->initiator == end)
			greetings_forget(&p->greetings, f->id);
		return;
	}
	start_late(p, f, s, end, late);
	follow(p, f, s, end);
}

static void doubt(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end)
{
	struct stream_segment in = { .seq = s->seq, .data = s->payload, .wire_len = s->payload_len, .time_ns = s->time_ns, .number = s->number };

	if (f->state != FLOW_OPAQUE)
		stream_doubt(&f->stream[end], flow_table_pool(p->flows), &in);
}

/* A datagram of a flow that is followed, or the first that looks like something. */
static void take_datagram(struct pipeline *p, struct flow *f, const struct segment *s, unsigned end, const struct dissector *d)
{
	struct chunk chunk = { .data = s->payload, .time_ns = s->time_ns, .number = s->number, .missing = 0 };

	serve(p, f);
	if (s->fragments_overlap)
		f->stream[end].marks |= REASSEMBLY_OVERLAP;
	if (!f->connection)
		connect(p, f, s, end, d);
	struct connection *c = f->connection;
	if (s->payload_len > s->payload.len && dissector_of(c)->is_running(c->state))
		c->truncated = true;
	bool ours = dissector_of(c)->push(c->state, &p->env, end, &chunk);
	hand_on(p, f, c);
	if (!ours)
		disconnect(p, f);
	else
		f->unwatched = dissector_of(c)->is_over(c->state);
}

/* Names are looked up by many that never shake hands: a message of DNS needs no flow. */
static void domain_message(struct pipeline *p, const struct segment *s)
{
	struct dns_path path = { .from = s->src, .to = s->dst, .from_port = s->src_port, .to_port = s->dst_port, .time_ns = s->time_ns,
		.moment = p->env.moment, .has_mac = s->has_mac };

	memcpy(path.to_mac, s->dst_mac, sizeof path.to_mac);
	dns_message(p->env.dns, &path, s->payload);
}

/* Most datagrams are none of ours: one that looks like nothing gets no flow, and finds one only where some are followed. Whoever is over is kept, so that a
 * late copy of its hello is known for one; only what begins another connection wakes it. */
static void datagram(struct pipeline *p, const struct segment *s)
{
	const struct dissector *d = dissector_for_datagram(s->payload);
	unsigned end;

	if (!d && !p->datagram_connections)
		return;
	struct flow *f = d ? flow_table_get(p->flows, s, &end) : flow_table_find(p->flows, s, &end);
	if (!f || (!d && (!f->connection || f->unwatched)))
		return;
	struct connection *c = f->connection;
	struct chunk chunk = { .data = s->payload, .time_ns = s->time_ns, .number = s->number, .missing = 0 };
	if (d && c && dissector_of(c)->begins_anew && dissector_of(c)->begins_anew(c->state, &p->env, end, &chunk)) {
		flow_table_remove(p->flows, f);
		f = flow_table_get(p->flows, s, &end);
	}
	if (!f->unwatched)
		take_datagram(p, f, s, end, d);
}

/* hash: of TCP, as flow_table_prefetch() gave it. */
static void segment(struct pipeline *p, const struct segment *s, uint64_t hash)
{
	unsigned end;

	if (s->protocol != PROTOCOL_TCP) {
		if ((s->dst_port == DNS_PORT || s->src_port == DNS_PORT) && dns_looks(s->payload))
			domain_message(p, s);
		else
			datagram(p, s);
		return;
	}
	struct flow *f = flow_table_get_hashed(p->flows, s, hash, &end);

	if (!f || f->unwatched)
		return;
	serve(p, f);
	if (s->fragments_overlap)
		f->stream[end].marks |= REASSEMBLY_OVERLAP;
	if (f->doubted) {
		doubt(p, f, s, end);
		return;
	}
	switch (f->state) {
	case FLOW_NEW:
	case FLOW_UNDECIDED:
		if (s->flags & TCP_ACK && stream_acknowledge(&f->stream[!end], flow_table_pool(p->flows), s->ack))
			decide(p, f, s, end, !end);
		if (f->state <= FLOW_UNDECIDED && s->payload_len && push(p, f, s, end))
			decide(p, f, s, end, end);
		else if (f->state == FLOW_FOLLOWED)
			follow(p, f, s, end);
		break;
	case FLOW_OPAQUE:
		look_late(p, f, s, end);
		break;
	case FLOW_FOLLOWED:
		follow(p, f, s, end);
		/* What showed that the road leads nowhere may be a hello in its midst. */
		if (f->state == FLOW_OPAQUE && !f->unwatched)
			look_late(p, f, s, end);
		break;
	default:
		break;
	}
}

/* ---- the end of a flow ---- */

static void end_connection(struct pipeline *p, struct flow *f, enum flow_end how)
{
	static const enum exchange_end ends[] = {
		[FLOW_END_IDLE] = EXCHANGE_END_IDLE, [FLOW_END_EVICTED] = EXCHANGE_END_EVICTED, [FLOW_END_REPLACED] = EXCHANGE_END_IDLE,
		[FLOW_END_CAPTURE] = EXCHANGE_END_CAPTURE, [FLOW_END_CLOSED] = EXCHANGE_END_IDLE,
	};

	/* A flow may be retired in the middle of another one's packet. */
	serve(p, f);
	give_up(p, f);
	if (!drain(p, f, 0) || !drain(p, f, 1))
		return;
	struct connection *c = f->connection;
	tell_tails(f, c);
	dissector_of(c)->end(c->state, &p->env, ends[how], f->first_closer ? f->first_closer - 1 : -1);
	hand_on(p, f, c);
	disconnect(p, f);
}

static void retire(void *context, struct flow *f, enum flow_end how)
{
	struct pipeline *p = context;

	if (f->connection)
		end_connection(p, f, how);
	tell_unused(p, f);
}

/* ---- packets ---- */

/* Packets opened at once, so that memory has time to bring each one's flow before its turn comes. */
enum { AHEAD = 16 };

static uint64_t prefetch(const struct pipeline *p, const struct segment *s)
{
	return s->protocol == PROTOCOL_TCP ? flow_table_prefetch(p->flows, s) : 0;
}

static void few_packets(struct pipeline *p, const struct packet *packets, size_t count)
{
	enum decap_result result[AHEAD];
	struct segment s[AHEAD];
	uint64_t hash[AHEAD];

	for (size_t i = 0; i < count; i++) {
		result[i] = intake_open(&p->intake, &packets[i], &s[i]);
		hash[i] = result[i] == DECAP_SEGMENT ? prefetch(p, &s[i]) : 0;
	}
	for (size_t i = 0; i < count; i++)
		if (hash[i])
			flow_table_prefetch_flow(p->flows, hash[i]);
	for (size_t i = 0; i < count; i++) {
		flow_table_tick(p->flows, packets[i].time_ns);
		if (result[i] == DECAP_SEGMENT)
			segment(p, &s[i], hash[i]);
		else if (result[i] == DECAP_FRAGMENT && intake_join(&p->intake, result[i], &s[i]))
			segment(p, &s[i], prefetch(p, &s[i]));
	}
}

void pipeline_packets(struct pipeline *p, const struct packet *packets, size_t count)
{
	for (; count > AHEAD; packets += AHEAD, count -= AHEAD)
		few_packets(p, packets, AHEAD);
	few_packets(p, packets, count);
}

void pipeline_segment(struct pipeline *p, const struct segment *s, const struct flow_clock *clock)
{
	p->env.moment = moment_of(s->number, MOMENT_PACKET);
	flow_table_follow(p->flows, clock);
	segment(p, s, prefetch(p, s));
}

void pipeline_time(struct pipeline *p, uint64_t number, const struct flow_clock *clock)
{
	p->env.moment = moment_of(number, MOMENT_FLOWS);
	flow_table_follow(p->flows, clock);
}

void pipeline_flush(struct pipeline *p)
{
	dns_flush(p->env.dns);
}

/* ---- life ---- */

static size_t largest_state(void)
{
	size_t largest = 0;

	for (size_t i = 0; i < dissector_count; i++)
		largest = dissectors[i].size > largest ? dissectors[i].size : largest;
	return (largest + 7) / 8 * 8;
}

/* What connections keep on the heap. */
static uint64_t held(const void *context)
{
	const struct pipeline *p = context;

	return p->env.message_bytes + p->env.sealed_bytes;
}

static void deliver_lookups(void *context, struct lookup_batch *batch)
{
	struct pipeline *p = context;

	p->options.emit_lookups(p->options.context, batch);
}

struct pipeline *pipeline_create(const struct pipeline_options *options)
{
	struct pipeline *p = xcalloc(1, sizeof *p);

	p->options = *options;
	intake_init(&p->intake, options->key, &p->counts.limits);
	tls_env_init(&p->env, options->key, &p->counts.limits);
	p->env.more_secrets = options->more_secrets;
	p->env.secrets_context = options->context;
	p->env.dns = dns_create(options->key, &p->counts.limits, deliver_lookups, p);
	p->connection_size = sizeof *p->blank + largest_state();
	p->blank = xcalloc(1, p->connection_size);
	p->blank->vlan = VLAN_NONE;
	/* TLS is what most connections that wait are: its blank state packs to nothing. */
	dissectors[0].init(p->blank->state);
	struct flow_table_options table = { .connection_size = p->connection_size, .blank_connection = p->blank, .key = options->key,
		.limits = &p->counts.limits, .retire = retire, .in_vain = in_vain, .context = p,
		.bytes_max = options->memory, .held = held, .bit_by_bit = options->live, .flows_max = options->share > 1 ? FLOWS_MAX / options->share : FLOWS_MAX,
		.awake_max = options->share > 1 ? AWAKE_MAX / options->share : AWAKE_MAX };
	p->flows = flow_table_create(&table);
	return p;
}

size_t pipeline_secrets(struct pipeline *p, struct bytes text, bool whole)
{
	return tls_env_secrets(&p->env, text, whole);
}

void pipeline_secret_counts(const struct pipeline *p, uint64_t *secrets, uint64_t *bad_lines)
{
	struct keylog_counts counts = { 0 };

	if (p->env.keylog)
		keylog_counts(p->env.keylog, &counts);
	*secrets = counts.secrets;
	*bad_lines = counts.bad_lines;
}

void pipeline_drain(struct pipeline *p)
{
	p->env.moment = moment_of(MOMENT_END_NUMBER, MOMENT_FLOWS);
	flow_table_drain(p->flows);
	dns_flush(p->env.dns);
}

void pipeline_tick(struct pipeline *p, int64_t now_ns)
{
	flow_table_tick(p->flows, now_ns);
}

void pipeline_give_back(struct pipeline *p, struct handshake *h)
{
	tls_env_give_back(&p->env, h);
}

void pipeline_counts(const struct pipeline *p, struct capture *out)
{
	struct flow_table_counts flows;

	flow_table_counts(p->flows, &flows);
	intake_counts(&p->intake, out);
	out->reassembly_gaps = p->counts.reassembly_gaps;
	out->flows = flows.flows;
	out->evicted_flows = flows.evicted;
	out->handshakes = p->counts.handshakes;
	out->limits = p->counts.limits;
}

uint64_t pipeline_unknown_links(const struct pipeline *p)
{
	return p->intake.decap.unknown_link;
}

void pipeline_destroy(struct pipeline *p)
{
	if (!p)
		return;
	flow_table_destroy(p->flows);
	intake_finish(&p->intake);
	dns_destroy(p->env.dns);
	tls_env_finish(&p->env);
	free(p->blank);
	free(p);
}
