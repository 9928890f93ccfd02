#include "dissectors/dns.h"

#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* RFC 1035 section 3.2.2, RFC 3596 section 2.1, RFC 9460 section 14.1. */
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_SVCB = 64, TYPE_HTTPS = 65, CLASS_IN = 1 };
/* RFC 1035 section 4.1.1. */
enum { FLAG_RESPONSE = 0x8000, FLAGS_OPCODE = 0x7800, FLAG_TRUNCATED = 0x0200, FLAGS_RCODE = 0x000f, FLAG_ZERO = 0x0040 };
enum { HEADER_LEN = 12, LABEL_MAX = 63, POINTER = 0xc0 };
/* Jumps within one name, aliases of one name, records of one answer: more are read by nobody. */
enum { JUMPS_MAX = 32, ALIASES_MAX = 16, RECORDS_MAX = 128 };
/* RFC 9460 section 14.3.2. */
enum { PARAMETER_IPV4HINT = 4, PARAMETER_ECH = 5, PARAMETER_IPV6HINT = 6 };
enum { WAYS = 4 };
/* Resolvers give a query up after some seconds. */
#define PATIENCE_NS INT64_C(30000000000)

struct query {
	uint64_t hash;			/* of the ends, number and question; 0: none */
	int64_t time_ns;
};

struct dns {
	const struct hash_key *key;
	struct limit_counts *limits;
	void (*deliver)(void *context, struct lookup_batch *batch);
	void *context;
	struct lookup_batch *batch;	/* NULL: nothing waits */
	struct query queries[DNS_QUERIES_MAX];
};

struct header {
	uint16_t id, flags, questions, answers;
};

/* A name in lower case, labels joined by dots. */
struct name {
	uint8_t len;
	uint8_t at[LOOKUP_NAME];
};

struct dns *dns_create(const struct hash_key *key, struct limit_counts *limits, void (*deliver)(void *context, struct lookup_batch *batch), void *context)
{
	struct dns *d = xcalloc(1, sizeof *d);

	d->key = key;
	d->limits = limits;
	d->deliver = deliver;
	d->context = context;
	return d;
}

void dns_destroy(struct dns *d)
{
	if (!d)
		return;
	free(d->batch);
	free(d);
}

void dns_flush(struct dns *d)
{
	struct lookup_batch *b = d->batch;

	d->batch = NULL;
	if (b && b->count)
		d->deliver(d->context, xrealloc(b, sizeof *b - (LOOKUP_BATCH - b->count) * sizeof *b->each));
	else
		free(b);
}

/* Where the next lookup goes; it counts once kept. */
static struct lookup *place(struct dns *d)
{
	if (d->batch && d->batch->count == LOOKUP_BATCH)
		dns_flush(d);
	if (!d->batch) {
		d->batch = xmalloc(sizeof *d->batch);
		d->batch->count = 0;
	}
	return &d->batch->each[d->batch->count];
}

/* ---- names ---- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool add_label(struct name *n, struct bytes label)
{
	if (n->len + 1u + label.len >= LOOKUP_NAME)
		return false;
	if (n->len)
		n->at[n->len++] = '.';
	for (size_t i = 0; i < label.len; i++)
		n->at[n->len++] = lower(label.at[i]);
	return true;
}

/* RFC 1035 section 4.1.4. A pointer leads backwards only: each one before where the last piece began, so that none can loop. */
static bool read_name(struct reader *r, struct bytes message, struct name *out)
{
	struct reader piece = *r;
	size_t begin = message.len - rd_left(&piece);
	bool jumped = false;

	out->len = 0;
	for (unsigned jumps = 0; jumps < JUMPS_MAX;) {
		uint8_t len = rd_u8(&piece);

		if (len >= POINTER) {
			size_t to = (size_t)(len & 0x3f) << 8 | rd_u8(&piece);

			if (piece.bad || to >= begin)
				return false;
			if (!jumped)
				*r = piece;
			jumped = true;
			jumps++;
			begin = to;
			piece = reader_of(message);
			rd_skip(&piece, to);
			continue;
		}
		struct bytes label = rd_take(&piece, len);
		if (piece.bad || len > LABEL_MAX)
			return false;
		if (!len) {
			if (!jumped)
				*r = piece;
			return true;
		}
		if (!add_label(out, label))
			return false;
	}
	return false;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->len == b->len && !memcmp(a->at, b->at, a->len);
}

/* ---- headers ---- */

static struct header read_header(struct reader *r)
{
	struct header h = { .id = rd_u16(r), .flags = rd_u16(r), .questions = rd_u16(r), .answers = rd_u16(r) };

	rd_skip(r, 4);
	return h;
}

/* Nobody asks more than one question (RFC 9619), and only standard queries ask for names. */
static bool is_plausible(const struct header *h)
{
	return h->questions == 1 && !(h->flags & (FLAGS_OPCODE | FLAG_ZERO));
}

bool dns_looks(struct bytes message)
{
	struct reader r = reader_of(message);
	struct header h = read_header(&r);

	return !r.bad && is_plausible(&h) && (h.flags & FLAG_RESPONSE || (!h.answers && !(h.flags & FLAGS_RCODE)));
}

/* ---- answers ---- */

static void add_address(struct lookup *out, struct bytes b)
{
	struct address a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(b.len == 4 ? a.at + 12 : a.at, b.at, b.len);
	for (unsigned i = 0; i < out->address_count; i++)
		if (!memcmp(&out->addresses[i], &a, sizeof a))
			return;
	if (out->address_count < LOOKUP_ADDRESSES)
		out->addresses[out->address_count++] = a;
}

static void add_hints(struct lookup *out, struct reader r, size_t len)
{
	while (rd_left(&r) >= len)
		add_address(out, rd_take(&r, len));
}

/* RFC 9460 section 2.2; a priority of 0 is an alias, and has no parameters. */
static void read_service(struct lookup *out, struct reader r, struct bytes message)
{
	struct name target;

	if (!rd_u16(&r) || !read_name(&r, message, &target))
		return;
	while (rd_more(&r)) {
		uint16_t key = rd_u16(&r);
		struct reader value = rd_vec16(&r);

		if (key == PARAMETER_IPV4HINT)
			add_hints(out, value, 4);
		else if (key == PARAMETER_IPV6HINT)
			add_hints(out, value, 16);
		else if (key == PARAMETER_ECH && rd_left(&value) <= LOOKUP_ECH && !out->ech_len) {
			struct bytes ech = rd_rest(&value);

			out->ech_len = (uint16_t)ech.len;
			if (ech.len)
				memcpy(out->ech, ech.at, ech.len);
		}
	}
}

static void read_data(struct lookup *out, uint16_t type, struct reader r, struct bytes message)
{
	if ((type == TYPE_A && rd_left(&r) == 4) || (type == TYPE_AAAA && rd_left(&r) == 16))
		add_address(out, rd_rest(&r));
	else if (type == TYPE_HTTPS || type == TYPE_SVCB)
		read_service(out, r, message);
}

/* One walk over the records: what belongs to `wanted`, which follows the aliases as they come. False where it is malformed. */
static bool walk(struct lookup *out, struct reader r, struct bytes message, unsigned count, struct name *wanted, unsigned *aliases)
{
	for (unsigned i = 0; i < count && i < RECORDS_MAX; i++) {
		struct name owner, target;

		if (!read_name(&r, message, &owner))
			return false;
		uint16_t type = rd_u16(&r), class = rd_u16(&r);
		rd_skip(&r, 4);
		struct reader data = rd_vec16(&r);
		if (r.bad)
			return false;
		if (class != CLASS_IN || !same_name(&owner, wanted))
			continue;
		if (type != TYPE_CNAME)
			read_data(out, type, data, message);
		else if (!read_name(&data, message, &target))
			return false;
		else if ((*aliases)++ < ALIASES_MAX)
			*wanted = target;
	}
	return true;
}

static bool read_answer(const struct header *h, struct reader r, struct bytes message, struct lookup *out)
{
	struct name wanted;
	unsigned aliases = 0, before;

	out->address_count = 0;
	out->ech_len = 0;
	if (!read_name(&r, message, &wanted) || !wanted.len)
		return false;
	rd_skip(&r, 4);
	out->name_len = wanted.len;
	memcpy(out->name, wanted.at, wanted.len);
	/* Aliases mostly come in order; where they do not, another walk goes on from where this one got. */
	do {
		before = aliases;
		if (!walk(out, r, message, h->answers, &wanted, &aliases))
			return false;
	} while (aliases != before && aliases < ALIASES_MAX && !out->address_count);
	return out->address_count || out->ech_len;
}

bool dns_read_answer(struct bytes message, struct lookup *out)
{
	struct reader r = reader_of(message);
	struct header h = read_header(&r);

	if (r.bad || !is_plausible(&h) || !(h.flags & FLAG_RESPONSE) || h.flags & (FLAGS_RCODE | FLAG_TRUNCATED))
		return false;
	return read_answer(&h, r, message, out);
}

/* ---- queries and their answers ---- */

/* The question as it stands: an answer repeats it. Views into the message. */
static struct bytes question_of(struct reader r)
{
	struct reader from = r;
	uint8_t len;

	while ((len = rd_u8(&r))) {
		if (len > LABEL_MAX)
			return (struct bytes){ 0 };
		rd_skip(&r, len);
	}
	rd_skip(&r, 4);
	return r.bad ? (struct bytes){ 0 } : rd_take(&from, rd_left(&from) - rd_left(&r));
}

static uint64_t hash_query(const struct dns *d, struct address client, struct address server, uint16_t port, uint16_t id, struct bytes question)
{
	struct { struct address client, server; uint16_t port, id; uint8_t question[LOOKUP_NAME + 5]; } q;

	q.client = client;
	q.server = server;
	q.port = port;
	q.id = id;
	/* Some servers answer in lower case what was asked in mixed case. */
	for (size_t i = 0; i < question.len; i++)
		q.question[i] = lower(question.at[i]);
	uint64_t hash = hash_bytes(d->key, &q, sizeof q - sizeof q.question + question.len);
	return hash ? hash : 1;
}

static struct query *find_query(struct dns *d, uint64_t hash)
{
	struct query *set = &d->queries[hash % (DNS_QUERIES_MAX / WAYS) * WAYS];

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].hash == hash)
			return &set[i];
	return NULL;
}

/* A query that is repeated keeps the time of its first. */
static void remember(struct dns *d, uint64_t hash, int64_t time_ns)
{
	struct query *set = &d->queries[hash % (DNS_QUERIES_MAX / WAYS) * WAYS], *oldest = set;

	if (find_query(d, hash))
		return;
	for (unsigned i = 0; i < WAYS; i++) {
		if (!set[i].hash || (oldest->hash && set[i].time_ns < oldest->time_ns))
			oldest = &set[i];
	}
	/* What waited too long was not going to be answered. */
	d->limits->bitten[LIMIT_DNS_QUERIES] += oldest->hash && time_ns - oldest->time_ns < PATIENCE_NS;
	*oldest = (struct query){ hash, time_ns };
}

static void answered(struct dns *d, struct query *q, const struct dns_path *path, const struct header *h, struct reader r, struct bytes message)
{
	int64_t query_ns = q->time_ns;

	q->hash = 0;
	if (h->flags & (FLAGS_RCODE | FLAG_TRUNCATED) || query_ns > path->time_ns)
		return;
	struct lookup *out = place(d);
	out->client = path->to;
	out->has_mac = path->has_mac;
	memcpy(out->client_mac, path->to_mac, sizeof out->client_mac);
	out->query_ns = query_ns;
	out->answer_ns = path->time_ns;
	out->moment = path->moment;
	if (read_answer(h, r, message, out))
		d->batch->count++;
}

void dns_message(struct dns *d, const struct dns_path *path, struct bytes message)
{
	struct reader r = reader_of(message);
	struct header h = read_header(&r);

	if (r.bad || !is_plausible(&h))
		return;
	struct bytes question = question_of(r);
	if (!question.len || question.len > LOOKUP_NAME + 5)
		return;
	if (h.flags & FLAG_RESPONSE) {
		struct query *q = find_query(d, hash_query(d, path->to, path->from, path->to_port, h.id, question));

		if (q)
			answered(d, q, path, &h, r, message);
	} else {
		remember(d, hash_query(d, path->from, path->to, path->from_port, h.id, question), path->time_ns);
	}
}
