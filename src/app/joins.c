#include "app/joins.h"

#include "app/applications.h"
#include "base/hash.h"
#include "base/xmalloc.h"
#include "record/lookups.h"

#include <stdlib.h>
#include <strings.h>

struct joins {
	struct hash_key key;
	struct limit_counts limits;
	struct lookups *lookups;
	struct applications *applications;	/* NULL: without nDPI */
};

struct joins *joins_create(bool without_ndpi)
{
	struct joins *j = xcalloc(1, sizeof *j);

	hash_key_init(&j->key);
	if (!without_ndpi)
		j->applications = applications_create(&j->limits);
	return j;
}

void joins_destroy(struct joins *j)
{
	if (!j)
		return;
	lookups_destroy(j->lookups);
	applications_destroy(j->applications);
	free(j);
}

void joins_begin(struct joins *j)
{
	lookups_destroy(j->lookups);
	j->lookups = lookups_create(&j->key, &j->limits);
	j->limits = (struct limit_counts){ 0 };
}

void joins_learn(struct joins *j, const struct lookup *one)
{
	lookups_add(j->lookups, one);
}

static bool same_name(struct bytes a, struct bytes b)
{
	return a.len && a.len == b.len && !strncasecmp((const char *)a.at, (const char *)b.at, a.len);
}

/* RFC 9849 section 6.1: a real offer goes out under the configuration's public name. Where the client reached the server by
 * the very name that its hello shows, and nobody was seen to publish such a configuration for it, the offer is GREASE. */
static void tell_ech(const struct joins *j, struct handshake *h)
{
	struct bytes name = handshake_text(h, h->server_name);

	if (h->ech != ECH_OFFERED || !h->ech_config || !same_name(name, handshake_text(h, h->dns_name)))
		return;
	if (lookups_publishes(j->lookups, (uint8_t)(h->ech_config - 1), name))
		return;
	h->ech = ECH_GREASE;
	h->inferred |= INFERRED_ECH;
}

void joins_tell(struct joins *j, struct handshake *h)
{
	lookups_tell(j->lookups, h);
	tell_ech(j, h);
	if (j->applications)
		applications_tell(j->applications, h);
}

void joins_add_limits(const struct joins *j, struct limit_counts *out)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		out->bitten[i] += j->limits.bitten[i];
}
