#include "record/lookups.h"

#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 16, ENTRIES_FIRST = 1024, LOOKED_AT_MAX = 64, NONE = UINT32_MAX };
enum { ASKERS_MAX = 2048 };
enum { PUBLISHED_MAX = 1024, ECH_VERSION = 0xfe0d };
#define LOOKUP_AGE_MAX_NS INT64_C(60000000000)

/* What the entries of one answer share. */
struct answer {
	uint32_t uses;
	int64_t query_ns, answer_ns;
	uint8_t name_len;
	uint8_t name[];
};

/* One address of an answer; in a ring, oldest first, and in the list of its slot, latest first. */
struct entry {
	uint64_t hash;			/* of client and address */
	struct answer *answer;
	uint32_t next;			/* NONE: the last */
};

/* Who asks from a link address, by family: one host, or many behind a router. */
struct asker {
	uint8_t mac[6];
	bool used, many;
	struct address address;
};

struct lookups {
	const struct hash_key *key;
	struct limit_counts *limits;
	uint32_t *slots;		/* SLOTS; the latest entry of each */
	struct entry *entries;
	uint32_t room, count, oldest;
	struct asker *askers;		/* ASKERS_MAX */
	uint64_t *published;		/* PUBLISHED_MAX hashes of ECH configurations; 0: none */
};

struct lookups *lookups_create(const struct hash_key *key, struct limit_counts *limits)
{
	struct lookups *l = xcalloc(1, sizeof *l);

	l->key = key;
	l->limits = limits;
	return l;
}

static void release(struct answer *a)
{
	if (!--a->uses)
		free(a);
}

void lookups_destroy(struct lookups *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		release(l->entries[i].answer);
	free(l->slots);
	free(l->entries);
	free(l->askers);
	free(l->published);
	free(l);
}

static uint64_t hash_pair(const struct lookups *l, const struct address *client, const struct address *server)
{
	struct address pair[2] = { *client, *server };

	return hash_bytes(l->key, pair, sizeof pair);
}

/* ---- addresses ---- */

/* The oldest of its slot is the last of the list. */
static void unlink_entry(struct lookups *l, uint32_t index)
{
	uint32_t *at = &l->slots[l->entries[index].hash % SLOTS];

	while (*at != index)
		at = &l->entries[*at].next;
	*at = l->entries[index].next;
}

static void make_slots(struct lookups *l)
{
	l->slots = xmalloc(SLOTS * sizeof *l->slots);
	memset(l->slots, 0xff, SLOTS * sizeof *l->slots);
}

/* A place for a new entry, the oldest one's where the limit bites. */
static uint32_t take_entry(struct lookups *l)
{
	if (l->count < LOOKUPS_MAX) {
		if (l->count == l->room) {
			l->room = l->room ? l->room * 2 : ENTRIES_FIRST;
			l->entries = xrealloc(l->entries, l->room * sizeof *l->entries);
		}
		return l->count++;
	}
	uint32_t index = l->oldest;
	l->oldest = (l->oldest + 1) % LOOKUPS_MAX;
	l->limits->bitten[LIMIT_LOOKUPS]++;
	unlink_entry(l, index);
	release(l->entries[index].answer);
	return index;
}

static void add_address(struct lookups *l, struct answer *a, const struct lookup *one, const struct address *server)
{
	uint64_t hash = hash_pair(l, &one->client, server);
	uint32_t index = take_entry(l), *slot = &l->slots[hash % SLOTS];

	l->entries[index] = (struct entry){ .hash = hash, .answer = a, .next = *slot };
	*slot = index;
	a->uses++;
}

/* The latest answer that was there before `time_ns`. An entry older than a minute ends the search: those behind it are older. */
static const struct answer *find(const struct lookups *l, uint64_t hash, int64_t time_ns)
{
	uint32_t index = l->slots ? l->slots[hash % SLOTS] : NONE;

	for (unsigned i = 0; index != NONE && i < LOOKED_AT_MAX; i++, index = l->entries[index].next) {
		const struct entry *e = &l->entries[index];

		if (e->hash != hash || e->answer->answer_ns > time_ns)
			continue;
		return time_ns - e->answer->answer_ns <= LOOKUP_AGE_MAX_NS ? e->answer : NULL;
	}
	return NULL;
}

/* ---- hosts with an address of either family ---- */

static bool is_ipv4(const struct address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->at, mapped, sizeof mapped);
}

static struct asker *asker_of(const struct lookups *l, const uint8_t mac[6], bool ipv4)
{
	uint8_t text[7] = { mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], ipv4 };

	return &l->askers[hash_bytes(l->key, text, sizeof text) % ASKERS_MAX];
}

static void note_asker(struct lookups *l, const struct lookup *one)
{
	if (!one->has_mac)
		return;
	if (!l->askers)
		l->askers = xcalloc(ASKERS_MAX, sizeof *l->askers);
	struct asker *a = asker_of(l, one->client_mac, is_ipv4(&one->client));
	if (!a->used || memcmp(a->mac, one->client_mac, sizeof a->mac) || is_ipv4(&a->address) != is_ipv4(&one->client)) {
		*a = (struct asker){ .used = true, .address = one->client };
		memcpy(a->mac, one->client_mac, sizeof a->mac);
	}
	a->many |= memcmp(&a->address, &one->client, sizeof a->address) != 0;
}

/* The address under which the same host asks over the other version of IP: that of the only asker at its link address. */
static const struct address *other_address(const struct lookups *l, const struct handshake *h)
{
	if (!l->askers || !h->has_mac)
		return NULL;
	const struct asker *a = asker_of(l, h->client_mac, !is_ipv4(&h->client));
	if (!a->used || a->many || memcmp(a->mac, h->client_mac, sizeof a->mac) != 0)
		return NULL;
	/* Both versions may have fallen into one place. */
	return is_ipv4(&a->address) != is_ipv4(&h->client) ? &a->address : NULL;
}

void lookups_tell(const struct lookups *l, struct handshake *h)
{
	if (h->sequence || h->time_ns == TIME_NONE)
		return;
	const struct answer *a = find(l, hash_pair(l, &h->client, &h->server), h->time_ns);
	const struct address *other = a ? NULL : other_address(l, h);
	if (other)
		a = find(l, hash_pair(l, other, &h->server), h->time_ns);
	if (!a)
		return;
	h->dns_ns = a->answer_ns - a->query_ns;
	h->dns_name = handshake_keep(h, (struct bytes){ a->name, a->name_len }, NULL);
}

/* ---- ECH ---- */

static uint64_t hash_config(const struct lookups *l, uint8_t id, struct bytes public_name)
{
	uint8_t text[256] = { id };

	if (public_name.len >= sizeof text)
		return 0;
	for (size_t i = 0; i < public_name.len; i++)
		text[i + 1] = public_name.at[i] >= 'A' && public_name.at[i] <= 'Z' ? public_name.at[i] | 0x20 : public_name.at[i];
	return hash_bytes(l->key, text, public_name.len + 1);
}

static void publish(struct lookups *l, uint8_t id, struct bytes public_name)
{
	uint64_t hash = hash_config(l, id, public_name);

	if (!l->published)
		l->published = xcalloc(PUBLISHED_MAX, sizeof *l->published);
	l->published[hash % PUBLISHED_MAX] = hash;
}

bool lookups_publishes(const struct lookups *l, uint8_t config_id, struct bytes public_name)
{
	uint64_t hash = hash_config(l, config_id, public_name);

	return hash && l->published && l->published[hash % PUBLISHED_MAX] == hash;
}

/* RFC 9849 section 4: config_id, kem_id, public_key, cipher_suites, maximum_name_length, public_name. */
static void read_configs(struct lookups *l, struct bytes list)
{
	struct reader r = reader_of(list), configs = rd_vec16(&r);

	while (rd_more(&configs)) {
		uint16_t version = rd_u16(&configs);
		struct reader c = rd_vec16(&configs);
		uint8_t id = rd_u8(&c);

		rd_skip(&c, 2);
		rd_vec16(&c);
		rd_vec16(&c);
		rd_skip(&c, 1);
		struct reader name = rd_vec8(&c);
		if (version == ECH_VERSION && !c.bad)
			publish(l, id, rd_rest(&name));
	}
}

void lookups_add(struct lookups *l, const struct lookup *one)
{
	note_asker(l, one);
	if (one->ech_len)
		read_configs(l, (struct bytes){ one->ech, one->ech_len });
	if (!one->address_count)
		return;
	if (!l->slots)
		make_slots(l);
	struct answer *a = xmalloc(sizeof *a + one->name_len);
	*a = (struct answer){ .uses = 1, .query_ns = one->query_ns, .answer_ns = one->answer_ns, .name_len = one->name_len };
	memcpy(a->name, one->name, one->name_len);
	for (unsigned i = 0; i < one->address_count; i++)
		add_address(l, a, one, &one->addresses[i]);
	release(a);
}
