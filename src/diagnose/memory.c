#include "diagnose/memory.h"

#include <stdio.h>
#include <string.h>

void memory_init(struct memory *m)
{
	memset(m, 0, sizeof *m);
	hash_key_init(&m->key);
}

void memory_finish(struct memory *m)
{
	buffer_finish(&m->scratch);
}

bool codes_hold(const struct codes *c, uint32_t code)
{
	for (uint8_t i = 0; i < c->count; i++)
		if (c->at[i] == code)
			return true;
	return false;
}

static void learn_code(struct codes *c, int32_t code)
{
	if (code > 0 && code <= UINT16_MAX && c->count < CODES_MAX && !codes_hold(c, (uint32_t)code))
		c->at[c->count++] = (uint16_t)code;
}

/* An odd number, so that 0 stands for an empty place. */
static uint64_t scratch_key(const struct memory *m)
{
	return hash_bytes(&m->key, m->scratch.at, m->scratch.len) | 1;
}

struct server_memory *memory_server(struct memory *m, const struct handshake *h)
{
	struct bytes name = handshake_asked_name(h);

	buffer_clear(&m->scratch);
	buffer_add(&m->scratch, h->server.at, sizeof h->server.at);
	buffer_add(&m->scratch, &h->server_port, sizeof h->server_port);
	buffer_add(&m->scratch, &h->transport, sizeof h->transport);
	buffer_add(&m->scratch, name.at, name.len);
	uint64_t key = scratch_key(m);
	struct server_memory *s = &m->servers[(key >> 1) % SERVERS];
	if (s->key != key)
		*s = (struct server_memory){ .key = key };
	return s;
}

void memory_learn_server(struct server_memory *s, const struct handshake *h, const struct judgement *chain)
{
	if (h->version < 0)
		return;
	s->answered = true;
	learn_code(&s->versions, h->version);
	learn_code(&s->suites, h->cipher);
	learn_code(&s->groups, h->named_group);
	learn_code(&s->schemes, h->signature_scheme);
	if (chain) {
		s->has_rsa |= chain->leaf_rsa;
		s->has_ec |= chain->leaf_ec;
	}
}

struct name_memory *memory_name(struct memory *m, const struct handshake *h)
{
	struct bytes name = handshake_asked_name(h);

	if (!name.len)
		return NULL;
	buffer_clear(&m->scratch);
	buffer_add(&m->scratch, name.at, name.len);
	uint64_t key = scratch_key(m);
	struct name_memory *n = &m->names[(key >> 1) % NAMES];
	if (n->key != key)
		*n = (struct name_memory){ .key = key };
	return n;
}

void memory_learn_name(struct name_memory *n, const struct handshake *h, const struct judgement *chain)
{
	bool known = n->issuer && n->issuer == chain->issuer;

	n->issuer = chain->issuer;
	n->trusted = chain->trusted;
	n->time_s = h->time_ns / 1000000000;
	if (!known)
		snprintf(n->issuer_text, sizeof n->issuer_text, "%s", chain->issuer_text ? chain->issuer_text : "");
}

bool memory_signs_for_several(struct memory *m, uint64_t issuer, struct bytes domain)
{
	struct issuer_memory *place = &m->issuers[issuer % ISSUERS];
	uint64_t hash = hash_bytes(&m->key, domain.at, domain.len) | 1;

	if (place->issuer != issuer || !place->domain)
		*place = (struct issuer_memory){ .issuer = issuer, .domain = hash };
	place->several |= place->domain != hash;
	return place->several;
}
