/* generate.c: captures to measure with. `generate FOLDER CAPTURE PERCENT SEED OUT.pcap OUT.csv` takes
 * connections of the captures in FOLDER as templates and lays out many like them, side by side: each
 * with addresses, ports, sequence numbers, randoms, a name and checksums of its own. OUT.csv has the
 * truth: a line for each row that a reader owes, with the name that it must carry. PERCENT and SEED fix
 * every byte.
 */
#include "template.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 6, TEMPLATES_MAX = 32, LABEL_MAX = 32 };
enum { ETHERNET_LEN = 14, IP_LEN = 20, TCP_LEN = 20, UDP_LEN = 8, RANDOM_MAX = 32, SERVERS = 4096 };
/* What becomes of one packet in a disturbed connection. */
enum disorder { IN_ORDER, SWAPPED, LOST, TWICE, IN_PIECES, DISORDERS };
enum { ODD_PERCENT = 2, SWAPPED_US = 300, RETRANSMITTED_US = 200000, PIECE_LEN = 90 };
enum { LATER_US = 60000000 };
enum { PAGE_RECORDS = 1, PAGE_RECORD_LEN = 6000, BULK_RECORDS = 47, BULK_RECORD_LEN = 16384 };
enum { MAIL_LEN = 20000, DOWNLOAD_LEN = 120000, STREAM_PACKETS = 100 };

struct source {
	const char *capture;
	unsigned index, weight;
};

/* What is made of each template of a part. */
enum shape {
	PAGE, BULK, OPEN, CUT, SYN_ALONE, PLAIN_MAIL, PLAIN_DOWNLOAD, QUERY, UNCHANGED, MIDWAY_QUIC,
};

struct part {
	const struct source *sources;
	enum shape shape;
	uint32_t count;              /* at 100 percent */
	uint32_t shortest_ms, longest_ms;
	bool disturbed, owes_row, owes_name, many_clients;  /* a client for each connection */
};

struct scenario {
	const char *name;
	uint32_t span_ms;            /* at 100 percent, from the first begin to the last */
	struct part parts[PARTS_MAX];
};

static const struct source sessions[] = {
	{ "curl_nginx", 0, 3 },
	{ "chromium_nginx", 0, 2 },
	{ "chromium_mlkem", 0, 2 },
	{ "tls13_openssl", 0, 1 },
	{ "resume_tls13", 0, 1 },
	{ "resume_tls13", 1, 2 },
	{ "gnutls_tls13", 0, 1 },
	{ "nss_tls13", 0, 1 },
	{ "pq_x25519mlkem768", 0, 1 },
	{ "client_auth_tls13_provided", 0, 1 },
	{ "certificate_wildcard_fits", 0, 3 },
	{ "curl_nginx_tls12", 0, 1 },
	{ "chain_with_root", 0, 1 },
	{ "chain_of_five", 0, 1 },
	{ "tls12_ecdhe_ecdsa", 0, 1 },
	{ "client_auth_provided", 0, 1 },
	{ "resume_tls12_ticket", 1, 1 },
	{ "resume_tls12_session_id", 1, 1 },
	{ NULL, 0, 0 },
};
static const struct source large_answers[] = {
	{ "curl_nginx", 0, 2 },
	{ "gnutls_tls13", 0, 1 },
	{ "certificate_wildcard_fits", 0, 1 },
	{ NULL, 0, 0 },
};
static const struct source resumed[] = { { "resume_tls13", 1, 1 }, { NULL, 0, 0 } };
static const struct source one[] = { { "curl_nginx", 0, 1 }, { NULL, 0, 0 } };
static const struct source lookups[] = { { "dns_address", 0, 1 }, { NULL, 0, 0 } };
static const struct source mails[] = { { "starttls_not_offered", 0, 1 }, { NULL, 0, 0 } };
static const struct source queries[] = { { "mysql_not_taken", 0, 1 }, { NULL, 0, 0 } };
static const struct source downloads[] = { { "http_connect_refused", 0, 1 }, { NULL, 0, 0 } };
static const struct source streams[] = { { "quic_chromium_nginx", 0, 1 }, { NULL, 0, 0 } };

#define NAMED .owes_row = true, .owes_name = true
#define FINISHED NAMED, .shortest_ms = 200, .longest_ms = 2000
#define HALF NAMED, .many_clients = true, .shortest_ms = 20, .longest_ms = 200
static const struct scenario scenarios[] = {
	{ "handshakes", 40000, { { sessions, PAGE, 200000, .disturbed = true, FINISHED } } },
	{ "bulk", 30000, { { large_answers, BULK, 1500, NAMED, .shortest_ms = 2000, .longest_ms = 9000 } } },
	{ "syn", 40000, { { one, SYN_ALONE, 4000000, .many_clients = true } } },
	{ "idle", 100000, { { resumed, OPEN, 1000000, .many_clients = true, FINISHED } } },
	{ "half", 100000, { { one, CUT, 1000000, HALF } } },
	{ "storm", 40000, {
		{ sessions, PAGE, 40000, FINISHED },
		{ one, CUT, 200000, HALF },
		{ one, SYN_ALONE, 2000000, .many_clients = true },
	} },
	{ "mix", 30000, {
		{ lookups, QUERY, 200000, .shortest_ms = 5, .longest_ms = 80 },
		{ mails, PLAIN_MAIL, 10000, .shortest_ms = 300, .longest_ms = 3000 },
		{ queries, UNCHANGED, 20000, .shortest_ms = 50, .longest_ms = 500 },
		{ downloads, PLAIN_DOWNLOAD, 3000, .shortest_ms = 1000, .longest_ms = 9000 },
		{ streams, MIDWAY_QUIC, 3000, .shortest_ms = 1000, .longest_ms = 9000 },
	} },
};
#undef NAMED
#undef FINISHED
#undef HALF

/* A connection that still has packets to come. */
struct connection {
	const struct template *t;
	uint32_t client, server, first[2];
	uint16_t client_port;
	enum disorder disorder;
	size_t victim, flight_end;
	uint64_t begin_us, longer_1024ths, delay_us, seed;
	uint32_t left;
	char label[LABEL_MAX];
};

/* A packet that is due. Of the same time the one asked for first goes first. */
struct due {
	uint64_t at_us, order;
	struct connection *connection;
	size_t piece;
	bool alone;                  /* not followed by the next one of its connection */
};

struct crowd {
	const struct part *part;
	struct template templates[TEMPLATES_MAX];
	unsigned weights[TEMPLATES_MAX], weight;
	size_t count;
	uint64_t total, begun;
};

struct generator {
	FILE *out, *truth;
	uint64_t random, order, begin_us, last_us, span_us;
	uint64_t labels_used[LABEL_MAX];
	struct crowd crowds[PARTS_MAX];
	size_t crowd_count;
	struct due *heap;
	size_t heap_count, heap_room;
	struct buffer frame;
};

static void fail(const char *what, const char *which)
{
	fprintf(stderr, "generate: %s '%s'\n", what, which);
	exit(1);
}

static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t draw(struct generator *g)
{
	return mixed(g->random += 0x9e3779b97f4a7c15);
}

static uint64_t draw_between(struct generator *g, uint64_t least, uint64_t most)
{
	return least + draw(g) % (most - least + 1);
}

static void put_u16(struct buffer *b, uint32_t v)
{
	buffer_add(b, (const uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void put_u32(struct buffer *b, uint32_t v)
{
	put_u16(b, v >> 16);
	put_u16(b, v & 0xffff);
}

static void put_u32_le(struct buffer *b, uint64_t v)
{
	buffer_add(b, (const uint8_t[]){ (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) }, 4);
}

static uint64_t sum_of(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;
	size_t i = 0;

	for (; i + 1 < len; i += 2)
		sum += (uint64_t)at[i] << 8 | at[i + 1];
	return i < len ? sum + ((uint64_t)at[i] << 8) : sum;
}

static void set_checksum(uint8_t *at, uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

static void put_ip(struct buffer *b, const struct connection *c, bool from_server, size_t body_len)
{
	static const uint8_t client_mac[] = { 2, 0, 0, 0, 0, 1 }, server_mac[] = { 2, 0, 0, 0, 0, 2 };

	buffer_add(b, from_server ? client_mac : server_mac, 6);
	buffer_add(b, from_server ? server_mac : client_mac, 6);
	put_u16(b, 0x0800);
	size_t ip = b->len;
	put_u16(b, 0x4500);
	put_u16(b, (uint32_t)(IP_LEN + body_len));
	put_u32(b, 0x4000);
	put_u16(b, 64u << 8 | c->t->protocol);
	put_u16(b, 0);
	put_u32(b, from_server ? c->server : c->client);
	put_u32(b, from_server ? c->client : c->server);
	set_checksum(b->at + ip + 10, sum_of(b->at + ip, IP_LEN));
}

/* Lays as much of `text` over the payload as the place that it replaces is shown. */
static void overlay(uint8_t *payload, struct span shown, struct span place, const uint8_t *text)
{
	size_t from = place.at > shown.at ? place.at : shown.at;
	size_t place_end = place.at + place.len, shown_end = shown.at + shown.len;
	size_t end = place_end < shown_end ? place_end : shown_end;

	if (from < end)
		memcpy(payload + (from - shown.at), text + (from - place.at), end - from);
}

static void put_payload(struct buffer *b, const struct connection *c, const struct piece *p)
{
	uint8_t random[2][RANDOM_MAX];
	size_t at = b->len;

	buffer_add(b, c->t->bytes.at + p->payload.at, p->payload.len);
	for (size_t i = 0; i < sizeof random; i += 8) {
		uint64_t v = mixed(c->seed + i);
		memcpy((uint8_t *)random + i, &v, sizeof v);
	}
	overlay(b->at + at, p->payload, c->t->label, (const uint8_t *)c->label);
	overlay(b->at + at, p->payload, c->t->client_random, random[0]);
	overlay(b->at + at, p->payload, c->t->server_random, random[1]);
}

static void put_tcp(struct buffer *b, const struct connection *c, const struct piece *p)
{
	put_u32(b, p->seq + c->first[p->from_server]);
	put_u32(b, p->flags & FLAG_ACK ? p->ack + c->first[!p->from_server] : 0);
	put_u16(b, (uint32_t)((TCP_LEN + p->options.len) / 4 << 12) | p->flags);
	put_u16(b, p->window);
	put_u32(b, 0);
	buffer_add(b, c->t->bytes.at + p->options.at, p->options.len);
}

static void write_record(struct generator *g, uint64_t at_us)
{
	struct buffer header = { 0 };

	/* Packets come in the order of their times. */
	if (at_us > g->last_us)
		g->last_us = at_us;
	put_u32_le(&header, g->last_us / 1000000);
	put_u32_le(&header, g->last_us % 1000000);
	put_u32_le(&header, g->frame.len);
	put_u32_le(&header, g->frame.len);
	fwrite(header.at, 1, header.len, g->out);
	fwrite(g->frame.at, 1, g->frame.len, g->out);
	buffer_finish(&header);
}

static void write_packet(struct generator *g, const struct connection *c, const struct piece *p, uint64_t at_us)
{
	struct buffer *b = &g->frame;
	bool tcp = c->t->protocol == PROTOCOL_TCP;
	size_t body_len = (tcp ? TCP_LEN + p->options.len : UDP_LEN) + p->payload.len, body = ETHERNET_LEN + IP_LEN;

	buffer_clear(b);
	put_ip(b, c, p->from_server, body_len);
	put_u16(b, p->from_server ? c->t->server_port : c->client_port);
	put_u16(b, p->from_server ? c->client_port : c->t->server_port);
	if (tcp) {
		put_tcp(b, c, p);
	} else {
		put_u16(b, (uint32_t)body_len);
		put_u16(b, 0);
	}
	put_payload(b, c, p);
	/* The pseudo-header of RFC 9293 section 3.1: both addresses, the protocol and the length. */
	uint64_t sum = sum_of(b->at + body - 8, 8) + c->t->protocol + body_len;
	set_checksum(b->at + body + (tcp ? 16 : 6), sum + sum_of(b->at + body, body_len));
	write_record(g, at_us);
}

static bool earlier(const struct due *a, const struct due *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct generator *g, struct due d)
{
	size_t i = g->heap_count++;

	d.order = g->order++;
	if (g->heap_count > g->heap_room) {
		g->heap_room = 2 * g->heap_count + 1024;
		g->heap = xrealloc(g->heap, g->heap_room * sizeof *g->heap);
	}
	for (; i > 0 && earlier(&d, &g->heap[(i - 1) / 2]); i = (i - 1) / 2)
		g->heap[i] = g->heap[(i - 1) / 2];
	g->heap[i] = d;
}

static struct due heap_pop(struct generator *g)
{
	struct due first = g->heap[0], last = g->heap[--g->heap_count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < g->heap_count && earlier(&g->heap[child + 1], &g->heap[child]))
			child++;
		if (child >= g->heap_count || !earlier(&g->heap[child], &last))
			break;
		g->heap[i] = g->heap[child];
		i = child;
	}
	g->heap[i] = last;
	return first;
}

static uint64_t time_of(const struct connection *c, size_t piece)
{
	uint64_t at_us = c->begin_us + (c->t->pieces[piece].at_us * c->longer_1024ths >> 10);

	return c->disorder != IN_ORDER && piece > c->flight_end ? at_us + c->delay_us : at_us;
}

/* A packet with bytes is chosen. One that is to be overtaken needs a follower in its flight. */
static void disturb(struct generator *g, struct connection *c)
{
	size_t first = draw(g) % c->t->count;

	for (size_t i = 0; i < c->t->count; i++) {
		size_t at = (first + i) % c->t->count;

		if (!c->t->pieces[at].payload.len)
			continue;
		c->victim = at;
		c->flight_end = template_flight_end(c->t, at);
		break;
	}
	c->disorder = (enum disorder)draw_between(g, IN_ORDER + 1, DISORDERS - 1);
	if (c->disorder == SWAPPED && c->flight_end == c->victim)
		c->disorder = IN_PIECES;
	c->delay_us = c->disorder == LOST ? RETRANSMITTED_US : SWAPPED_US;
}

/* Labels count up with the digits of base 36, in as many letters as the template has. */
static void choose_label(struct generator *g, struct connection *c)
{
	size_t len = c->t->label.len;
	uint64_t number;

	assert(len < LABEL_MAX);
	number = g->labels_used[len]++;
	for (size_t i = len; i > 0; i--, number /= 36)
		c->label[i - 1] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
	if (number)
		fail("no more names are as short as that of", (const char *)c->t->bytes.at + c->t->name.at);
}

static const struct template *choose_template(struct generator *g, const struct crowd *crowd)
{
	uint64_t at = draw(g) % crowd->weight;
	size_t i = 0;

	while (at >= crowd->weights[i])
		at -= crowd->weights[i++];
	return &crowd->templates[i];
}

static void write_truth(struct generator *g, const struct part *part, const struct connection *c)
{
	static const char *const disorders[] = { "", "swapped", "lost", "twice", "in pieces" };
	const struct span *name = &c->t->name, *label = &c->t->label;

	if (!part->owes_row)
		return;
	fprintf(g->truth, "%u.%u.%u.%u,%u,", c->client >> 24, c->client >> 16 & 255, c->client >> 8 & 255, c->client & 255,
		c->client_port);
	if (part->owes_name)
		fprintf(g->truth, "%.*s%.*s", (int)label->len, c->label, (int)(name->len - label->len),
			(const char *)c->t->bytes.at + name->at + label->len);
	fprintf(g->truth, ",%s\n", disorders[c->disorder]);
}

/* A tenth as many clients as connections, or one for each; always another pair of address and port. */
static void choose_ends(struct generator *g, const struct crowd *crowd, struct connection *c)
{
	uint64_t clients = crowd->part->many_clients ? (1 << 24) - 1 : crowd->total / 10 + 1, which = crowd->begun % clients + 1;
	uint32_t network = 10 + (uint32_t)(crowd - g->crowds);

	/* An odd factor makes the last three bytes another order of the same numbers. */
	c->client = network << 24 | (uint32_t)(which * 10368889 & 0xffffff);
	c->client_port = (uint16_t)(32768 + (crowd->begun / clients * 7919 + which) % 28000);
	c->server = 198u << 24 | 18u << 16 | (uint32_t)draw_between(g, 1, SERVERS);
	c->first[0] = (uint32_t)draw(g);
	c->first[1] = (uint32_t)draw(g);
}

static void begin_connection(struct generator *g, struct crowd *crowd, uint64_t begin_us)
{
	struct connection *c = xcalloc(1, sizeof *c);
	const struct part *part = crowd->part;

	c->t = choose_template(g, crowd);
	choose_ends(g, crowd, c);
	c->begin_us = begin_us;
	c->seed = draw(g);
	uint64_t own_us = c->t->pieces[c->t->count - 1].at_us + 1;
	c->longer_1024ths = draw_between(g, part->shortest_ms, part->longest_ms) * 1000 * 1024 / own_us;
	if (part->owes_name)
		choose_label(g, c);
	if (part->disturbed && draw(g) % 100 < ODD_PERCENT)
		disturb(g, c);
	write_truth(g, part, c);
	c->left = 1;
	heap_push(g, (struct due){ .at_us = begin_us, .connection = c });
	crowd->begun++;
}

/* While the receiver waits for the victim it can acknowledge no more than what came before. */
static uint32_t ack_of(const struct connection *c, size_t piece)
{
	const struct piece *p = &c->t->pieces[piece], *victim = &c->t->pieces[c->victim];
	bool waits = (c->disorder == LOST || c->disorder == SWAPPED) && piece > c->victim && piece <= c->flight_end;

	return waits && p->from_server != victim->from_server && p->ack > victim->seq ? victim->seq : p->ack;
}

static void write_in_pieces(struct generator *g, const struct connection *c, struct piece p, uint64_t at_us)
{
	for (size_t left = p.payload.len; left; left -= p.payload.len) {
		p.payload.len = left < PIECE_LEN ? left : PIECE_LEN;
		write_packet(g, c, &p, at_us++);
		p.payload.at += p.payload.len;
		p.seq += (uint32_t)p.payload.len;
	}
}

static void release(struct connection *c)
{
	if (!--c->left)
		free(c);
}

/* The packet that is disturbed comes later, or once more, or in pieces; the others go on. */
static bool write_victim(struct generator *g, struct connection *c, const struct piece *p, uint64_t at_us)
{
	struct due again = { .connection = c, .piece = c->victim, .alone = true };

	switch (c->disorder) {
	case SWAPPED:
	case LOST:
		again.at_us = time_of(c, c->flight_end) + c->delay_us - 1;
		break;
	case TWICE:
		again.at_us = at_us + RETRANSMITTED_US;
		write_packet(g, c, p, at_us);
		break;
	case IN_PIECES:
		write_in_pieces(g, c, *p, at_us);
		return true;
	default:
		return false;
	}
	c->left++;
	heap_push(g, again);
	return true;
}

static void advance(struct generator *g, struct due d)
{
	struct connection *c = d.connection;
	struct piece p = c->t->pieces[d.piece];

	p.ack = ack_of(c, d.piece);
	if (d.alone || d.piece != c->victim || !write_victim(g, c, &p, d.at_us))
		write_packet(g, c, &p, d.at_us);
	if (!d.alone && d.piece + 1 < c->t->count) {
		c->left++;
		heap_push(g, (struct due){ .at_us = time_of(c, d.piece + 1), .connection = c, .piece = d.piece + 1 });
	}
	release(c);
}

static void shape_template(struct template *t, enum shape shape)
{
	switch (shape) {
	case PAGE:
		template_add_records(t, PAGE_RECORDS, PAGE_RECORD_LEN);
		break;
	case BULK:
		template_add_records(t, BULK_RECORDS, BULK_RECORD_LEN);
		break;
	case OPEN:
		template_leave_open(t);
		break;
	case CUT:
		template_cut_hello(t);
		break;
	case SYN_ALONE:
		template_keep(t, 1);
		break;
	case PLAIN_MAIL:
		template_add_plain(t, MAIL_LEN);
		break;
	case PLAIN_DOWNLOAD:
		template_add_plain(t, DOWNLOAD_LEN);
		break;
	case QUERY:
		template_keep(t, 2);
		break;
	case MIDWAY_QUIC:
		template_drop(t, 11);
		template_repeat(t, STREAM_PACKETS);
		break;
	case UNCHANGED:
		break;
	}
}

static void open_crowd(struct generator *g, const struct part *part, const char *folder, uint64_t scale)
{
	struct crowd *crowd = &g->crowds[g->crowd_count++];

	crowd->part = part;
	crowd->total = (uint64_t)part->count * scale / 10000;
	for (const struct source *s = part->sources; s->capture; s++) {
		struct template *t = &crowd->templates[crowd->count];

		assert(crowd->count < TEMPLATES_MAX);
		template_load(t, folder, s->capture, s->index);
		if (part->owes_name && !t->label.len)
			fail("no name lies in one packet of", s->capture);
		/* After all that they show, and while their certificates are valid. */
		if (t->begin_us + LATER_US > g->begin_us)
			g->begin_us = t->begin_us + LATER_US;
		shape_template(t, part->shape);
		crowd->weights[crowd->count++] = s->weight;
		crowd->weight += s->weight;
	}
}

/* Evenly over the span, so that a smaller scale is the same traffic for a shorter time. */
static uint64_t next_begin_us(const struct generator *g, const struct crowd *crowd)
{
	return crowd->begun < crowd->total ? g->begin_us + g->span_us * crowd->begun / crowd->total : UINT64_MAX;
}

static struct crowd *next_crowd(struct generator *g)
{
	struct crowd *next = NULL;

	for (size_t i = 0; i < g->crowd_count; i++)
		if (!next || next_begin_us(g, &g->crowds[i]) < next_begin_us(g, next))
			next = &g->crowds[i];
	return next;
}

static void run(struct generator *g)
{
	for (;;) {
		struct crowd *next = next_crowd(g);
		uint64_t begin_us = next_begin_us(g, next);

		if (begin_us != UINT64_MAX && (!g->heap_count || begin_us <= g->heap[0].at_us))
			begin_connection(g, next, begin_us);
		else if (g->heap_count)
			advance(g, heap_pop(g));
		else
			break;
	}
}

static FILE *create(const char *path)
{
	FILE *out = fopen(path, "wb");

	if (!out)
		fail("cannot create", path);
	return out;
}

static void close_written(FILE *out, const char *path)
{
	if (ferror(out) | fclose(out))
		fail("cannot write", path);
}

static const struct scenario *scenario_of(const char *name)
{
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	fail("there is no capture", name);
	return NULL;
}

static void finish(struct generator *g)
{
	for (size_t i = 0; i < g->crowd_count; i++)
		for (size_t j = 0; j < g->crowds[i].count; j++)
			template_finish(&g->crowds[i].templates[j]);
	buffer_finish(&g->frame);
	free(g->heap);
}

/* The header of a pcap file: microseconds, Ethernet. */
static void write_file_header(FILE *out)
{
	struct buffer b = { 0 };

	put_u32_le(&b, 0xa1b2c3d4);
	put_u32_le(&b, 4u << 16 | 2);
	put_u32_le(&b, 0);
	put_u32_le(&b, 0);
	put_u32_le(&b, 262144);
	put_u32_le(&b, 1);
	fwrite(b.at, 1, b.len, out);
	buffer_finish(&b);
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: generate FOLDER CAPTURE PERCENT SEED OUT.pcap OUT.csv\n");
		return 2;
	}
	const struct scenario *scenario = scenario_of(argv[2]);
	/* Hundredths of a percent: tests want very small captures. */
	uint64_t scale = (uint64_t)(strtod(argv[3], NULL) * 100 + 0.5);
	struct generator *g = xcalloc(1, sizeof *g);

	g->random = mixed(strtoull(argv[4], NULL, 10));
	g->span_us = (uint64_t)scenario->span_ms * 1000 * scale / 10000;
	g->out = create(argv[5]);
	g->truth = create(argv[6]);
	setvbuf(g->out, NULL, _IOFBF, 1 << 20);
	write_file_header(g->out);
	for (const struct part *part = scenario->parts; part < scenario->parts + PARTS_MAX && part->sources; part++)
		open_crowd(g, part, argv[1], scale);
	run(g);
	close_written(g->out, argv[5]);
	close_written(g->truth, argv[6]);
	finish(g);
	free(g);
	return 0;
}
