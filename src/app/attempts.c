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
	uint32_t used;			/* order of use; 0: empty */
	bool changed;
	int64_t first_ns, last_ns;
};

struct table {
	struct row *rows;		/* NULL until the first */
	bool makes_room;
};

struct attempts {
	struct table sure, elsewhere;
	const struct hash_key *key;
	struct limit_counts *limits;
	uint32_t clock;
};

static struct row *find(struct attempts *a, struct table *t, const struct key *key)
{
	if (!t->rows)
		t->rows = xcalloc(SETS * WAYS, sizeof *t->rows);
	struct row *set = &t->rows[hash_bytes(a->key, key, sizeof *key) % SETS * WAYS];
	struct row *free_row = NULL, *oldest = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		struct row *r = &set[i];

		if (r->used && !memcmp(&r->key, key, sizeof *key)) {
			r->used = ++a->clock;
			return r;
		}
		if (!r->used)
			free_row = r;
		else if (!oldest || r->used < oldest->used)
			oldest = r;
	}
	if (!free_row) {
		a->limits->bitten[LIMIT_ATTEMPT_ROWS]++;
		free_row = t->makes_room ? oldest : NULL;
	}
	if (free_row)
		*free_row = (struct row){ .key = *key, .used = ++a->clock };
	return free_row;
}

static bool is_known(const struct attempts *a, const struct table *t, const struct key *key)
{
	const struct row *set = &t->rows[hash_bytes(a->key, key, sizeof *key) % SETS * WAYS];

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].used && !memcmp(&set[i].key, key, sizeof *key))
			return true;
	return false;
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

void attempts_add(struct attempts *a, const struct attempt_event *e)
{
	struct table *t = e->levels || attempt_is_tls_port(e->server_port) ? &a->sure : &a->elsewhere;
	struct key key = { .server = e->server, .levels = e->levels, .port = e->server_port, .reason = e->reason, .any_client = 1 };
	struct row *all = find(a, t, &key);

	if (!all)
		return;
	key.client = e->client;
	key.any_client = 0;
	if (all->clients >= ATTEMPT_CLIENTS_MAX && !is_known(a, t, &key)) {
		a->limits->bitten[LIMIT_ATTEMPT_CLIENTS]++;
		count(all, e);
		return;
	}
	bool is_new = !is_known(a, t, &key);
	struct key server = all->key;
	struct row *one = find(a, t, &key);
	/* Its own server's row may have made room for it. */
	bool kept = !memcmp(&all->key, &server, sizeof server);

	if (kept && is_new && one)
		all->clients++;
	if (one || kept)
		count(one ? one : all, e);
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
	free(a->elsewhere.rows);
	free(a);
}
