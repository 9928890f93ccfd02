#include "app/attempts.h"

#include "base/xmalloc.h"
#include "dissectors/starttls.h"
#include "record/attempt.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, SETS = ATTEMPT_ROWS_MAX / 2 / WAYS };

_Static_assert((int)ATTEMPT_STARTTLS_ROOM >= (int)ROAD_NAMES_ROOM, "a road's name fits");

/* Without padding: it is hashed and compared as bytes. */
struct key {
	struct address client, server;
	uint32_t levels;
	uint16_t port;
	uint8_t reason;
	uint8_t any_client;
};

_Static_assert(sizeof(struct key) == 40, "a key has no padding");

struct row {
	struct key key;
	uint64_t attempts;
	uint32_t clients;		/* of the row for any client: how many have a row of their own */
	uint32_t used;			/* order of use */
	bool changed;
	int64_t first_ns, last_ns;
};

struct table {
	struct row *rows;		/* NULL until the first */
	uint32_t *tags;			/* of the rows, so that a miss looks at one cache line; 0: empty */
	bool makes_room;
};

struct attempts {
	struct table sure, elsewhere;
	const struct hash_key *key;
	struct limit_counts *limits;
	uint32_t clock;
};

static uint64_t hash_of(const struct attempts *a, const struct key *key)
{
	return hash_bytes(a->key, key, sizeof *key);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static struct row *known(const struct table *t, uint64_t hash, const struct key *key)
{
	uint32_t first = (uint32_t)hash % SETS * WAYS;

	for (uint32_t i = first; t->rows && i < first + WAYS; i++)
		if (t->tags[i] == tag_of(hash) && !memcmp(&t->rows[i].key, key, sizeof *key))
			return &t->rows[i];
	return NULL;
}

/* A free place for the key; where there is none, the oldest of the table that makes room, or NULL. */
static struct row *place_for(struct attempts *a, struct table *t, uint64_t hash)
{
	uint32_t first = (uint32_t)hash % SETS * WAYS, oldest = first;

	for (uint32_t i = first; i < first + WAYS; i++) {
		if (!t->tags[i]) {
			t->tags[i] = tag_of(hash);
			return &t->rows[i];
		}
		if (t->rows[i].used < t->rows[oldest].used)
			oldest = i;
	}
	a->limits->bitten[LIMIT_ATTEMPT_ROWS]++;
	if (!t->makes_room)
		return NULL;
	t->tags[oldest] = tag_of(hash);
	return &t->rows[oldest];
}

static struct row *make(struct attempts *a, struct table *t, uint64_t hash, const struct key *key)
{
	if (!t->rows) {
		t->rows = xcalloc(SETS * WAYS, sizeof *t->rows);
		t->tags = xcalloc(SETS * WAYS, sizeof *t->tags);
	}
	struct row *r = place_for(a, t, hash);

	if (r)
		*r = (struct row){ .key = *key };
	return r;
}

static void count(struct row *r, const struct attempt_event *e)
{
	if (!r->attempts || e->first_ns < r->first_ns)
		r->first_ns = e->first_ns;
	if (!r->attempts || e->last_ns > r->last_ns)
		r->last_ns = e->last_ns;
	r->attempts++;
	r->changed = true;
}

/* The row that counts those whose clients have none of their own. */
static struct row *common_row(struct attempts *a, struct table *t, const struct attempt_event *e)
{
	struct key key = { .server = e->server, .levels = e->levels, .port = e->server_port, .reason = e->reason, .any_client = 1 };
	uint64_t hash = hash_of(a, &key);
	struct row *r = known(t, hash, &key);

	return r ? r : make(a, t, hash, &key);
}

void attempts_add(struct attempts *a, const struct attempt_event *e)
{
	struct table *t = e->levels || attempt_is_tls_port(e->server_port) ? &a->sure : &a->elsewhere;
	struct key key = { .client = e->client, .server = e->server, .levels = e->levels, .port = e->server_port, .reason = e->reason };
	uint64_t hash = hash_of(a, &key);
	struct row *r = known(t, hash, &key);

	if (!r) {
		struct row *common = common_row(a, t, e);

		if (common && common->clients < ATTEMPT_CLIENTS_MAX) {
			common->clients++;
			common->used = ++a->clock;
			r = make(a, t, hash, &key);
		} else {
			a->limits->bitten[LIMIT_ATTEMPT_CLIENTS] += common != NULL;
			r = common;
		}
	}
	if (!r)
		return;
	r->used = ++a->clock;
	count(r, e);
}

static void give(const struct row *r, bool elsewhere, struct attempt *out)
{
	*out = (struct attempt){ .client = r->key.client, .server = r->key.server, .server_port = r->key.port, .reason = r->key.reason,
		.any_client = r->key.any_client, .only_with_tls = elsewhere, .attempts = r->attempts, .first_ns = r->first_ns, .last_ns = r->last_ns };
	road_names(r->key.levels, out->starttls);
}

static size_t take(struct table *t, bool elsewhere, struct attempt *out)
{
	size_t n = 0;

	for (size_t i = 0; t->rows && i < SETS * WAYS; i++) {
		if (!t->rows[i].changed)
			continue;
		if (out) {
			give(&t->rows[i], elsewhere, &out[n]);
			t->rows[i].changed = false;
		}
		n++;
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct attempt *x = a, *y = b;

	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	int order = memcmp(&x->server, &y->server, sizeof x->server);
	if (!order)
		order = memcmp(&x->client, &y->client, sizeof x->client);
	return order ? order : x->server_port - y->server_port;
}

struct attempt *attempts_take(struct attempts *a, bool all, size_t *count_out)
{
	size_t sure = take(&a->sure, false, NULL);
	size_t n = sure + (all ? take(&a->elsewhere, true, NULL) : 0);

	*count_out = n;
	if (!n)
		return NULL;
	struct attempt *out = xcalloc(n, sizeof *out);
	take(&a->sure, false, out);
	if (all)
		take(&a->elsewhere, true, out + sure);
	/* The places depend on a random key: the same capture shall give the same rows. */
	qsort(out, n, sizeof *out, compare);
	return out;
}

struct attempts *attempts_create(const struct hash_key *key, struct limit_counts *limits)
{
	struct attempts *a = xcalloc(1, sizeof *a);

	*a = (struct attempts){ .key = key, .limits = limits, .elsewhere.makes_room = true };
	return a;
}

void attempts_destroy(struct attempts *a)
{
	if (!a)
		return;
	free(a->sure.rows);
	free(a->sure.tags);
	free(a->elsewhere.tags);
	free(a->elsewhere.rows);
	free(a);
}
