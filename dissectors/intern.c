#include "dissectors/intern.h"

#include "base/xmalloc.h"
#include "dissectors/hello.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>

/* Both kinds begin alike, so that one table finds either. */
struct shape {
	struct shape *next;
	bool is_chain;
	union {
		struct hello *hello;
		struct chain *chain;
	};
};

enum { SLOTS = 1 << 14 };

struct intern {
	const struct hash_key *key;
	struct limit_counts *limits;
	uint32_t count;
	struct shape *slots[SLOTS];
};

struct intern *intern_create(const struct hash_key *key, struct limit_counts *limits)
{
	struct intern *in = xcalloc(1, sizeof *in);

	in->key = key;
	in->limits = limits;
	return in;
}

static uint32_t shape_uses(const struct shape *s)
{
	return s->is_chain ? s->chain->uses : s->hello->uses;
}

static void shape_free(struct shape *s)
{
	if (s->is_chain)
		free(s->chain);
	else
		hello_free(s->hello);
	free(s);
}

/* Forgets what nobody uses; with `all`, everything. */
static void forget(struct intern *in, bool all)
{
	for (size_t i = 0; i < SLOTS; i++) {
		for (struct shape **at = &in->slots[i]; *at;) {
			struct shape *s = *at;

			if (!all && shape_uses(s)) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			shape_free(s);
			in->count--;
		}
	}
}

void intern_destroy(struct intern *in)
{
	if (!in)
		return;
	forget(in, true);
	free(in);
}

static struct shape *find(struct intern *in, uint64_t hash, struct bytes key, bool is_chain)
{
	for (struct shape *s = in->slots[hash % SLOTS]; s; s = s->next) {
		if (s->is_chain != is_chain)
			continue;
		uint64_t its = is_chain ? s->chain->hash : s->hello->hash;
		struct bytes its_key = is_chain ? s->chain->key : s->hello->key;
		if (its == hash && bytes_equal(its_key, key))
			return s;
	}
	return NULL;
}

static struct shape *add(struct intern *in, uint64_t hash, bool is_chain)
{
	if (in->count >= SHAPES_MAX) {
		in->limits->bitten[LIMIT_SHAPES]++;
		forget(in, false);
	}
	struct shape *s = xcalloc(1, sizeof *s);
	s->is_chain = is_chain;
	s->next = in->slots[hash % SLOTS];
	in->slots[hash % SLOTS] = s;
	in->count++;
	return s;
}

struct hello *intern_hello(struct intern *in, struct bytes key)
{
	uint64_t hash = hash_bytes(in->key, key.at, key.len);
	struct shape *s = find(in, hash, key, false);

	if (!s) {
		struct hello *h = hello_from_key(key);

		h->hash = hash;
		s = add(in, hash, false);
		s->hello = h;
	}
	s->hello->uses++;
	return s->hello;
}

void intern_release_hello(struct intern *in, struct hello *h)
{
	(void)in;
	if (!h)
		return;
	assert(h->uses);
	h->uses--;
}

static uint32_t count_certificates(struct bytes list, bool extensions, uint32_t *whole)
{
	struct reader r = reader_of(list);
	uint32_t count = 0;

	*whole = 0;
	while (rd_more(&r)) {
		struct reader certificate = rd_vec24(&r);

		count++;
		if (!certificate.bad)
			++*whole;
		if (extensions)
			(void)rd_vec16(&r);
	}
	return count;
}

static struct chain *chain_make(struct bytes list, bool extensions)
{
	uint32_t whole;
	uint32_t count = count_certificates(list, extensions, &whole);
	uint32_t kept = whole < CHAIN_LENGTH_MAX ? whole : CHAIN_LENGTH_MAX;

	if (!count)
		return NULL;
	struct chain *c = xcalloc(1, sizeof *c + kept * sizeof c->certificates[0] + list.len);
	uint8_t *copy = (uint8_t *)(c->certificates + kept);
	memcpy(copy, list.at, list.len);
	c->key = (struct bytes){ copy, list.len };
	c->count = count;
	c->kept = kept;
	struct reader r = reader_of(c->key);
	for (uint32_t i = 0; i < kept; i++) {
		struct reader certificate = rd_vec24(&r);

		c->certificates[i].der = rd_rest(&certificate);
		SHA256(c->certificates[i].der.at, c->certificates[i].der.len, c->certificates[i].sha256);
		if (extensions)
			(void)rd_vec16(&r);
	}
	return c;
}

struct chain *intern_chain(struct intern *in, struct bytes list, bool extensions)
{
	uint64_t hash = hash_bytes(in->key, list.at, list.len);
	struct shape *s = find(in, hash, list, true);

	if (!s) {
		struct chain *c = chain_make(list, extensions);

		if (!c)
			return NULL;
		if (c->count > c->kept)
			in->limits->bitten[LIMIT_CHAIN_LENGTH]++;
		c->hash = hash;
		s = add(in, hash, true);
		s->chain = c;
	}
	s->chain->uses++;
	return s->chain;
}

void intern_release_chain(struct intern *in, struct chain *c)
{
	(void)in;
	if (!c)
		return;
	assert(c->uses);
	c->uses--;
}
