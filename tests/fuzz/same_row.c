/* same_row.c: a conversation over TCP, in the form of tls.c's inputs, delivered whole, byte by byte, record by record
 * and out of order. However it is cut, the handshakes are the same. What does not begin with a ClientHello is left
 * out: what it is, is told by how it begins.
 */
#include "app/pipeline.h"
#include "base/buffer.h"
#include "base/reader.h"
#include "dissectors/tls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { FLIGHTS = 24, BYTES_MAX = 3000, FLIGHT_NS = 1000000 };

enum cut { WHOLE, BYTE_BY_BYTE, RECORD_BY_RECORD, OUT_OF_ORDER, CUTS };

struct flight {
	unsigned end;
	uint8_t closes;		/* 0, or TCP_FIN or TCP_RST behind it */
	struct buffer bytes;
};

struct conversation {
	struct flight flights[FLIGHTS];
	size_t count, bytes;
};

struct delivery {
	struct pipeline *pipeline;
	struct buffer rows;
	uint64_t number;
	int64_t now_ns;
	uint32_t next[2];
};

/* ---- what comes out ---- */

static void add_int(struct buffer *out, const char *what, int64_t value)
{
	buffer_add_format(out, " %s=%lld", what, (long long)value);
}

static void add_bytes(struct buffer *out, const char *what, struct bytes b)
{
	buffer_add_format(out, " %s=", what);
	for (struct reader r = reader_of(b); rd_more(&r);)
		buffer_add_format(out, "%02x", rd_u8(&r));
}

static void add_ladder(struct buffer *out, const struct handshake *h)
{
	for (uint16_t i = 0; i < h->message_count; i++) {
		const struct message *m = handshake_message(h, i);

		buffer_add_format(out, " %u:%x:%u:%lld", m->sender, m->type, m->bytes, (long long)m->time_ns);
	}
	for (uint16_t i = 0; i < h->alert_count; i++)
		buffer_add_format(out, " alert %u:%u:%u", h->alerts[i].sender, h->alerts[i].level, h->alerts[i].description);
}

static void add_row(struct buffer *out, const struct handshake *h)
{
	add_int(out, "outcome", h->outcome);
	add_int(out, "stage", h->stage);
	add_int(out, "ended_by", h->ended_by);
	add_int(out, "inferred", h->inferred);
	add_int(out, "reassembly", h->reassembly);
	add_int(out, "version", h->version);
	add_int(out, "cipher", h->cipher);
	add_int(out, "group", h->named_group);
	add_int(out, "scheme", h->signature_scheme);
	add_int(out, "resumption", h->resumption);
	add_int(out, "early_data", h->early_data);
	add_int(out, "client_auth", h->client_auth);
	add_int(out, "alert", h->alert_code);
	add_int(out, "certificates", h->server_certificates);
	add_int(out, "round_trips", h->round_trips);
	add_int(out, "client_bytes", h->client_bytes);
	add_int(out, "server_bytes", h->server_bytes);
	add_int(out, "tls_ns", h->tls_ns);
	add_int(out, "server_hello_ns", h->server_hello_ns);
	add_int(out, "first_byte_ns", h->first_byte_ns);
	add_bytes(out, "name", handshake_text(h, h->server_name));
	add_bytes(out, "alpn", handshake_text(h, h->alpn));
	add_bytes(out, "cause", handshake_text(h, h->cause));
	add_bytes(out, "random", (struct bytes){ h->client_random, sizeof h->client_random });
	add_ladder(out, h);
	buffer_add_text(out, "\n");
}

static void take(void *context, struct handshake *h)
{
	struct delivery *d = context;

	add_row(&d->rows, h);
	pipeline_give_back(d->pipeline, h);
}

static void take_lookups(void *context, struct lookup_batch *batch)
{
	(void)context;
	free(batch);
}

static void take_attempt(void *context, const struct attempt_event *e)
{
	(void)context;
	(void)e;
}

/* ---- how it goes in ---- */

static void add_number(struct buffer *out, uint64_t value, unsigned width)
{
	while (width-- > 0)
		buffer_add(out, &(uint8_t){ (uint8_t)(value >> 8 * width) }, 1);
}

/* No checksum: a host that leaves them to its network card. */
static void send_at(struct delivery *d, unsigned end, uint8_t flags, uint32_t seq, struct bytes data)
{
	const uint32_t address[2] = { 0x0a000001, 0x0a000002 };
	const uint16_t port[2] = { 49152, 443 };
	struct buffer f = { 0 };

	add_number(&f, 0x4500, 2);
	add_number(&f, 40 + data.len, 2);
	add_number(&f, 0x1234000040060000, 8);
	add_number(&f, address[end], 4);
	add_number(&f, address[!end], 4);
	add_number(&f, port[end], 2);
	add_number(&f, port[!end], 2);
	add_number(&f, seq, 4);
	add_number(&f, flags & TCP_ACK ? d->next[!end] : 0, 4);
	add_number(&f, 0x5000U | flags, 2);
	add_number(&f, 0xffff00000000, 6);
	buffer_add(&f, data.at, data.len);
	struct packet p = { .time_ns = d->now_ns, .number = ++d->number, .data = buffer_bytes(&f), .wire_len = (uint32_t)f.len, .link_type = 101 };

	pipeline_packets(d->pipeline, &p, 1);
	buffer_finish(&f);
}

static void send(struct delivery *d, unsigned end, uint8_t flags)
{
	send_at(d, end, flags, d->next[end], (struct bytes){ NULL, 0 });
	d->next[end] += flags & (TCP_SYN | TCP_FIN) ? 1 : 0;
}

static size_t record_len(struct reader r)
{
	size_t left = rd_left(&r);

	rd_skip(&r, 3);
	size_t len = 5 + (size_t)rd_u16(&r);
	return r.bad || len > left ? left : len;
}

static size_t piece_len(enum cut how, const struct reader *r)
{
	if (how == WHOLE)
		return rd_left(r);
	if (how == RECORD_BY_RECORD)
		return record_len(*r);
	return how == BYTE_BY_BYTE || rd_left(r) < 7 ? 1 : 7;
}

struct piece {
	uint32_t seq;
	struct bytes data;
};

/* A shuffle that the bytes decide. */
static void shuffle(struct piece *pieces, size_t count)
{
	uint32_t chance = 1;

	for (size_t i = count; i > 1; i--) {
		chance = chance * 1103515245 + 12345 + pieces[i - 1].data.at[0];
		size_t other = (chance >> 8) % i;
		struct piece p = pieces[i - 1];

		pieces[i - 1] = pieces[other];
		pieces[other] = p;
	}
}

static void send_flight(struct delivery *d, enum cut how, const struct flight *f)
{
	struct piece *pieces = calloc(f->bytes.len + 1, sizeof *pieces);
	size_t count = 0;

	for (struct reader r = reader_of(buffer_bytes(&f->bytes)); rd_more(&r); count++) {
		pieces[count] = (struct piece){ d->next[f->end], rd_take(&r, piece_len(how, &r)) };
		d->next[f->end] += (uint32_t)pieces[count].data.len;
	}
	if (how == OUT_OF_ORDER)
		shuffle(pieces, count);
	for (size_t i = 0; i < count; i++)
		send_at(d, f->end, TCP_ACK, pieces[i].seq, pieces[i].data);
	free(pieces);
	d->now_ns += FLIGHT_NS;
	if (f->closes)
		send(d, f->end, f->closes | TCP_ACK);
}

static struct delivery deliver(const struct conversation *c, enum cut how)
{
	const struct hash_key key = { 0 };
	struct delivery d = { .next = { 1000, 0xfffffff0 }, .now_ns = FLIGHT_NS };

	d.pipeline = pipeline_create(&(struct pipeline_options){
		.emit = take, .emit_lookups = take_lookups, .emit_attempt = take_attempt, .key = &key, .context = &d });
	send(&d, 0, TCP_SYN);
	send(&d, 1, TCP_SYN | TCP_ACK);
	send(&d, 0, TCP_ACK);
	for (size_t i = 0; i < c->count; i++)
		send_flight(&d, how, &c->flights[i]);
	pipeline_drain(d.pipeline);
	pipeline_destroy(d.pipeline);
	return d;
}

/* ---- the input ---- */

static void add_part(struct conversation *c, uint8_t what, struct bytes part)
{
	struct flight *last = c->count ? &c->flights[c->count - 1] : NULL;

	if (last && last->closes)
		return;
	if (!last || last->end != (what & 1U)) {
		if (c->count == FLIGHTS)
			return;
		last = &c->flights[c->count++];
		last->end = what & 1;
	}
	buffer_add(&last->bytes, part.at, part.len);
	c->bytes += part.len;
	if (what & 12)
		last->closes = what & 4 ? TCP_RST : TCP_FIN;
}

static void read_conversation(struct conversation *c, struct bytes input)
{
	struct reader r = reader_of(input);

	while (rd_left(&r) >= 2 && c->bytes < BYTES_MAX) {
		uint8_t what = rd_u8(&r);
		size_t n = rd_u8(&r);

		add_part(c, what, rd_take(&r, n < rd_left(&r) ? n : rd_left(&r)));
	}
}

static bool begins_with_hello(const struct conversation *c)
{
	return c->count && !c->flights[0].end && tls_looks_late(buffer_bytes(&c->flights[0].bytes)) == LOOK_YES;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct conversation c = { 0 };

	read_conversation(&c, (struct bytes){ at, len });
	if (begins_with_hello(&c)) {
		struct delivery whole = deliver(&c, WHOLE);

		for (enum cut how = WHOLE + 1; how < CUTS; how++) {
			struct delivery cut = deliver(&c, how);

			assert(!strcmp(buffer_text(&whole.rows), buffer_text(&cut.rows)));
			buffer_finish(&cut.rows);
		}
		buffer_finish(&whole.rows);
	}
	for (size_t i = 0; i < c.count; i++)
		buffer_finish(&c.flights[i].bytes);
	return 0;
}
