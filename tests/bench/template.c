#include "template.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT_LEN = 1448, SEGMENT_GAP_US = 15, CONNECTIONS_MAX = 16, RECORD_HEADER = 5, RANDOM_LEN = 32, SENTINEL_LEN = 8 };
enum { RECORD_HANDSHAKE = 22, RECORD_DATA = 23, SERVER_HELLO = 2 };

/* A packet as it stands in the capture. */
struct found {
	uint8_t protocol;
	uint32_t source, target;
	uint16_t source_port, target_port;
	struct bytes options, payload;
	struct piece piece;
};

static void fail(const char *capture, const char *what)
{
	fprintf(stderr, "generate: '%s' is no template: %s\n", capture, what);
	exit(1);
}

static struct buffer read_whole(const char *folder, const char *capture)
{
	struct buffer path = { 0 }, content = { 0 };
	size_t got;
	FILE *in;

	buffer_add_format(&path, "%s/%s.pcap", folder, capture);
	in = fopen(buffer_text(&path), "rb");
	if (!in)
		fail(buffer_text(&path), "it cannot be opened");
	while ((got = fread(buffer_reserve(&content, 65536), 1, 65536, in)) > 0)
		content.len += got;
	fclose(in);
	buffer_finish(&path);
	return content;
}

static bool parse_tcp(struct reader r, struct found *out)
{
	out->source_port = rd_u16(&r);
	out->target_port = rd_u16(&r);
	out->piece.seq = rd_u32(&r);
	out->piece.ack = rd_u32(&r);
	size_t header_len = (size_t)(rd_u8(&r) >> 4) * 4;
	out->piece.flags = rd_u8(&r);
	out->piece.window = rd_u16(&r);
	rd_skip(&r, 4);
	if (header_len < 20)
		return false;
	out->options = rd_take(&r, header_len - 20);
	out->payload = rd_rest(&r);
	return !r.bad;
}

static bool parse_udp(struct reader r, struct found *out)
{
	out->source_port = rd_u16(&r);
	out->target_port = rd_u16(&r);
	size_t len = rd_u16(&r);
	rd_skip(&r, 2);
	if (len < 8)
		return false;
	out->payload = rd_take(&r, len - 8);
	return !r.bad;
}

/* An Ethernet frame with IPv4 in it, else false. */
static bool parse_frame(struct reader r, struct found *out)
{
	rd_skip(&r, 12);
	if (rd_u16(&r) != 0x0800)
		return false;
	size_t header_len = (size_t)(rd_u8(&r) & 15) * 4;
	rd_skip(&r, 1);
	size_t total_len = rd_u16(&r);
	rd_skip(&r, 5);
	out->protocol = rd_u8(&r);
	rd_skip(&r, 2);
	out->source = rd_u32(&r);
	out->target = rd_u32(&r);
	if (header_len < 20 || total_len < header_len)
		return false;
	rd_skip(&r, header_len - 20);
	struct reader body = rd_child(&r, total_len - header_len);
	if (body.bad)
		return false;
	if (out->protocol == PROTOCOL_TCP)
		return parse_tcp(body, out);
	return out->protocol == PROTOCOL_UDP && parse_udp(body, out);
}

/* Which of the capture's connections a packet belongs to; `seen` has the first packet of each. */
static size_t connection_of(struct found *seen, size_t *count, struct found *f)
{
	for (size_t i = 0; i < *count; i++) {
		const struct found *s = &seen[i];
		bool there = s->source == f->source && s->source_port == f->source_port && s->target_port == f->target_port;
		bool back = s->source == f->target && s->source_port == f->target_port && s->target_port == f->source_port;

		if (s->protocol == f->protocol && (there || back)) {
			f->piece.from_server = back;
			return i;
		}
	}
	if (*count < CONNECTIONS_MAX)
		seen[(*count)++] = *f;
	return *count - 1;
}

static struct span keep(struct template *t, struct bytes b)
{
	struct span s = { t->bytes.len, b.len };

	buffer_add(&t->bytes, b.at, b.len);
	return s;
}

static struct piece *insert_pieces(struct template *t, size_t at, size_t count)
{
	t->pieces = xrealloc(t->pieces, (t->count + count) * sizeof *t->pieces);
	memmove(t->pieces + at + count, t->pieces + at, (t->count - at) * sizeof *t->pieces);
	t->count += count;
	return t->pieces + at;
}

static void add_found(struct template *t, const struct found *f)
{
	struct piece *p = insert_pieces(t, t->count, 1);

	*p = f->piece;
	p->options = keep(t, f->options);
	p->payload = keep(t, f->payload);
}

/* Numbers from the first of each side, and times from the first packet. */
static void count_from_zero(struct template *t)
{
	uint32_t first[2] = { 0, 0 };

	t->begin_us = t->pieces[0].at_us;
	for (size_t i = 0; i < t->count; i++)
		if (t->pieces[i].flags & FLAG_SYN)
			first[t->pieces[i].from_server] = t->pieces[i].seq;
	for (size_t i = 0; i < t->count; i++) {
		struct piece *p = &t->pieces[i];

		p->seq -= first[p->from_server];
		if (p->flags & FLAG_ACK)
			p->ack -= first[!p->from_server];
		p->at_us -= t->begin_us;
	}
}

/* What one side says until the other one answers. */
static struct buffer first_words(const struct template *t, bool from_server)
{
	struct buffer words = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		const struct piece *p = &t->pieces[i];

		if (p->from_server == from_server)
			buffer_add(&words, t->bytes.at + p->payload.at, p->payload.len);
		else if (p->payload.len && words.len)
			break;
	}
	return words;
}

/* Where the bytes at `at` of a side's words lie; nowhere if they are in two packets. */
static struct span place_of(const struct template *t, bool from_server, size_t at, size_t len)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct piece *p = &t->pieces[i];

		if (p->from_server != from_server)
			continue;
		if (at < p->payload.len)
			return at + len <= p->payload.len ? (struct span){ p->payload.at + at, len } : (struct span){ 0, 0 };
		at -= p->payload.len;
	}
	return (struct span){ 0, 0 };
}

/* RFC 6066 section 3: the one host name of a list. */
static struct bytes host_name(struct reader extension)
{
	struct reader list = rd_vec16(&extension);

	rd_skip(&list, 1);
	struct reader name = rd_vec16(&list);
	return rd_rest(&name);
}

/* RFC 8446 section 4.1.2. */
static void find_in_client_hello(struct template *t, struct bytes words)
{
	struct reader r = reader_of(words);
	struct bytes name = { NULL, 0 };

	rd_skip(&r, RECORD_HEADER + 4 + 2);
	t->client_random = place_of(t, false, (size_t)(r.at - words.at), RANDOM_LEN);
	rd_skip(&r, RANDOM_LEN);
	(void)rd_vec8(&r);
	(void)rd_vec16(&r);
	(void)rd_vec8(&r);
	struct reader extensions = rd_vec16(&r);
	while (rd_more(&extensions) && !name.len) {
		bool server_name = rd_u16(&extensions) == 0;
		struct reader extension = rd_vec16(&extensions);

		if (server_name)
			name = host_name(extension);
	}
	const uint8_t *dot = name.len ? memchr(name.at, '.', name.len) : NULL;
	if (!dot)
		return;
	t->name = place_of(t, false, (size_t)(name.at - words.at), name.len);
	if (t->name.len)
		t->label = (struct span){ t->name.at, (size_t)(dot - name.at) };
}

/* The end of a server's random may say that a version was refused (RFC 8446 section 4.1.3): it stays. */
static void find_in_server_hello(struct template *t, struct bytes words)
{
	struct reader r = reader_of(words);
	uint8_t record = rd_u8(&r);

	rd_skip(&r, RECORD_HEADER - 1);
	uint8_t message = rd_u8(&r);
	rd_skip(&r, 3 + 2);
	if (record == RECORD_HANDSHAKE && message == SERVER_HELLO)
		t->server_random = place_of(t, true, (size_t)(r.at - words.at), RANDOM_LEN - SENTINEL_LEN);
}

static void find_places(struct template *t)
{
	struct buffer client = first_words(t, false), server = first_words(t, true);

	if (t->protocol == PROTOCOL_TCP && client.len && client.at[0] == RECORD_HANDSHAKE) {
		find_in_client_hello(t, buffer_bytes(&client));
		find_in_server_hello(t, buffer_bytes(&server));
	}
	buffer_finish(&client);
	buffer_finish(&server);
}

static const struct piece *first_payload(const struct template *t, bool from_server)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->pieces[i].from_server == from_server && t->pieces[i].payload.len)
			return &t->pieces[i];
	return NULL;
}

void template_load(struct template *t, const char *folder, const char *capture, unsigned index)
{
	struct buffer content = read_whole(folder, capture);
	struct reader r = reader_of(buffer_bytes(&content));
	struct found seen[CONNECTIONS_MAX];
	size_t connections = 0;

	*t = (struct template){ 0 };
	if (rd_u32_le(&r) != 0xa1b2c3d4)
		fail(capture, "it is no pcap file of microseconds");
	rd_skip(&r, 20);
	while (rd_more(&r)) {
		struct found f = { 0 };
		uint64_t seconds = rd_u32_le(&r);
		uint32_t micros = rd_u32_le(&r), len = rd_u32_le(&r);

		rd_skip(&r, 4);
		f.piece.at_us = seconds * 1000000 + micros;
		if (!parse_frame(rd_child(&r, len), &f) || connection_of(seen, &connections, &f) != index)
			continue;
		if (!t->count) {
			t->protocol = f.protocol;
			t->server_port = f.target_port;
		}
		add_found(t, &f);
	}
	if (!t->count)
		fail(capture, "it has no such connection");
	count_from_zero(t);
	find_places(t);
	buffer_finish(&content);
}

/* Bytes that look sealed, the same ones in each run. */
static void add_noise(struct buffer *b, size_t len)
{
	uint64_t state = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < len; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		buffer_add(b, &(uint8_t){ (uint8_t)(state >> 56) }, 1);
	}
}

static struct piece *last_before(struct template *t, size_t end, bool from_server)
{
	for (size_t i = end; i > 0; i--)
		if (t->pieces[i - 1].from_server == from_server && t->pieces[i - 1].flags & FLAG_ACK)
			return &t->pieces[i - 1];
	return NULL;
}

/* What stands after inserted bytes of the server comes later, in its numbers and in time. */
static void shift_after(struct template *t, size_t from, uint32_t len, uint64_t gap_us)
{
	for (size_t i = from; i < t->count; i++) {
		struct piece *p = &t->pieces[i];

		p->at_us += gap_us;
		if (p->from_server)
			p->seq += len;
		else if (p->flags & FLAG_ACK)
			p->ack += len;
	}
}

/* The server's bytes `data` before packet `at`, in full segments, every second one acknowledged. */
static void insert_data(struct template *t, size_t at, struct span data)
{
	size_t segments = (data.len + SEGMENT_LEN - 1) / SEGMENT_LEN, acks = (segments + 1) / 2;
	const struct piece *server_before = last_before(t, at, true), *client_before = last_before(t, at, false);

	assert(server_before && client_before);
	struct piece server = *server_before, client = *client_before;
	uint64_t at_us = t->pieces[at - 1].at_us;
	struct piece *p = insert_pieces(t, at, segments + acks);

	shift_after(t, at + segments + acks, (uint32_t)data.len, (segments + 1) * SEGMENT_GAP_US);
	server.seq += (uint32_t)server.payload.len;
	server.ack = client.seq + (uint32_t)client.payload.len;
	client.seq = server.ack;
	client.payload.len = 0;
	for (size_t i = 0; i < segments; i++) {
		size_t from = i * SEGMENT_LEN, left = data.len - from;

		server.payload = (struct span){ data.at + from, left < SEGMENT_LEN ? left : SEGMENT_LEN };
		server.at_us = client.at_us = at_us += SEGMENT_GAP_US;
		*p++ = server;
		server.seq += (uint32_t)server.payload.len;
		client.ack = server.seq;
		if (i % 2 || i + 1 == segments)
			*p++ = client;
	}
}

static size_t closing_piece(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->pieces[i].flags & (FLAG_FIN | FLAG_RST))
			return i;
	return t->count;
}

void template_add_records(struct template *t, size_t records, size_t record_len)
{
	size_t at = closing_piece(t);
	struct span data = { t->bytes.len, 0 };
	const uint8_t header[RECORD_HEADER] = { RECORD_DATA, 3, 3, (uint8_t)(record_len >> 8), (uint8_t)record_len };

	while (at > 1 && (t->pieces[at - 1].from_server || !t->pieces[at - 1].payload.len))
		at--;
	if (at > 1)
		at--;
	for (size_t i = 0; i < records; i++) {
		buffer_add(&t->bytes, header, sizeof header);
		add_noise(&t->bytes, record_len);
	}
	data.len = t->bytes.len - data.at;
	insert_data(t, at, data);
}

void template_add_plain(struct template *t, size_t len)
{
	size_t at = closing_piece(t);
	struct span data = { t->bytes.len, len };

	while (at > 1 && !(t->pieces[at - 1].from_server && t->pieces[at - 1].payload.len))
		at--;
	add_noise(&t->bytes, len);
	insert_data(t, at, data);
}

void template_repeat(struct template *t, size_t times)
{
	size_t last = t->count - 1;

	while (last > 0 && !t->pieces[last].from_server)
		last--;
	struct piece p = t->pieces[last];
	for (size_t i = 0; i < times; i++) {
		p.at_us += SEGMENT_GAP_US;
		*insert_pieces(t, last + 1 + i, 1) = p;
	}
	shift_after(t, last + 1 + times, 0, times * SEGMENT_GAP_US);
}

void template_drop(struct template *t, size_t count)
{
	assert(count < t->count);
	t->count -= count;
	memmove(t->pieces, t->pieces + count, t->count * sizeof *t->pieces);
	uint64_t begin_us = t->pieces[0].at_us;
	for (size_t i = 0; i < t->count; i++)
		t->pieces[i].at_us -= begin_us;
}

void template_keep(struct template *t, size_t count)
{
	assert(count <= t->count);
	t->count = count;
}

size_t template_flight_end(const struct template *t, size_t index)
{
	bool from_server = t->pieces[index].from_server;
	size_t end = index;

	for (size_t i = index; i < t->count; i++) {
		const struct piece *p = &t->pieces[i];

		if ((p->payload.len && p->from_server != from_server) || p->flags & (FLAG_FIN | FLAG_RST))
			break;
		end = i;
	}
	return end;
}

void template_leave_open(struct template *t)
{
	const struct piece *answer = first_payload(t, true);

	assert(answer);
	template_keep(t, template_flight_end(t, (size_t)(answer - t->pieces)) + 1);
}

void template_cut_hello(struct template *t)
{
	const struct piece *hello = first_payload(t, false);

	assert(hello);
	template_keep(t, (size_t)(hello - t->pieces) + 1);
	t->pieces[t->count - 1].payload.len /= 2;
}

void template_finish(struct template *t)
{
	free(t->pieces);
	buffer_finish(&t->bytes);
}
