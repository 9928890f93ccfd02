#include "dissectors/keylog.h"

#include "base/xmalloc.h"
#include "dissectors/crypto.h"

#include <stdlib.h>
#include <string.h>

enum { SECRET_INLINE = 48, SECRET_LEN_MAX = 4096, FIRST_ROOM = 64, LABEL_IGNORED = -1 };

struct entry {
	uint32_t next; /* 1 + the next entry of its chain, 0 at its end */
	uint16_t len;
	uint8_t kind; /* enum secret_kind */
	uint8_t random[RANDOM_LEN];
	union {
		uint8_t bytes[SECRET_INLINE];
		uint8_t *heap; /* owned, where len is above SECRET_INLINE */
	} secret;
};

/* A ring of entries, the oldest overwritten first, and chains of them by the hash of the random. */
struct keylog {
	const struct hash_key *key;
	struct limit_counts *limits;
	struct entry *entries;
	uint32_t *chains; /* as many as there is room; 1 + index of the first entry */
	uint32_t room, used, at;
	struct keylog_counts counts;
};

static const struct label {
	const char *name;
	int8_t kind; /* enum secret_kind, or LABEL_IGNORED */
	uint8_t id_len;
} labels[] = {
	{ "CLIENT_RANDOM", SECRET_MASTER, RANDOM_LEN },
	{ "CLIENT_EARLY_TRAFFIC_SECRET", SECRET_CLIENT_EARLY, RANDOM_LEN },
	{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", SECRET_CLIENT_HANDSHAKE, RANDOM_LEN },
	{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", SECRET_SERVER_HANDSHAKE, RANDOM_LEN },
	{ "CLIENT_TRAFFIC_SECRET_0", SECRET_CLIENT_APPLICATION, RANDOM_LEN },
	{ "SERVER_TRAFFIC_SECRET_0", SECRET_SERVER_APPLICATION, RANDOM_LEN },
	{ "EARLY_EXPORTER_SECRET", LABEL_IGNORED, RANDOM_LEN },
	{ "EXPORTER_SECRET", LABEL_IGNORED, RANDOM_LEN },
	{ "ECH_SECRET", SECRET_ECH, RANDOM_LEN },
	{ "ECH_CONFIG", SECRET_ECH_CONFIG, RANDOM_LEN },
	/* What was written before there was an RFC. */
	{ "RSA", SECRET_RSA_PREMASTER, RSA_ID_LEN },
	{ "CLIENT_TRAFFIC_SECRET", SECRET_CLIENT_APPLICATION, RANDOM_LEN },
	{ "SERVER_TRAFFIC_SECRET", SECRET_SERVER_APPLICATION, RANDOM_LEN },
	{ "QUIC_CLIENT_EARLY_TRAFFIC_SECRET", SECRET_CLIENT_EARLY, RANDOM_LEN },
	{ "QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET", SECRET_CLIENT_HANDSHAKE, RANDOM_LEN },
	{ "QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET", SECRET_SERVER_HANDSHAKE, RANDOM_LEN },
	{ "QUIC_CLIENT_TRAFFIC_SECRET_0", SECRET_CLIENT_APPLICATION, RANDOM_LEN },
	{ "QUIC_SERVER_TRAFFIC_SECRET_0", SECRET_SERVER_APPLICATION, RANDOM_LEN },
	/* Written by some for every generation of keys; they follow from the first one. */
	{ "CLIENT_TRAFFIC_SECRET_N", LABEL_IGNORED, RANDOM_LEN },
	{ "SERVER_TRAFFIC_SECRET_N", LABEL_IGNORED, RANDOM_LEN },
};

/* ---- life ---- */

struct keylog *keylog_create(const struct hash_key *key, struct limit_counts *limits)
{
	struct keylog *k = xcalloc(1, sizeof *k);

	k->key = key;
	k->limits = limits;
	return k;
}

static void entry_finish(struct entry *e)
{
	if (e->len > SECRET_INLINE) {
		crypto_wipe(e->secret.heap, e->len);
		free(e->secret.heap);
	}
	crypto_wipe(e, sizeof *e);
}

void keylog_destroy(struct keylog *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; i < k->used; i++)
		entry_finish(&k->entries[i]);
	free(k->entries);
	free(k->chains);
	free(k);
}

/* ---- the table ---- */

static uint32_t *chain_of(const struct keylog *k, const uint8_t random[RANDOM_LEN])
{
	return &k->chains[hash_bytes(k->key, random, RANDOM_LEN) & (k->room - 1)];
}

static void link_entry(struct keylog *k, uint32_t i)
{
	uint32_t *first = chain_of(k, k->entries[i].random);

	k->entries[i].next = *first;
	*first = i + 1;
}

static void unlink_entry(struct keylog *k, uint32_t i)
{
	uint32_t *from = chain_of(k, k->entries[i].random);

	while (*from != i + 1)
		from = &k->entries[*from - 1].next;
	*from = k->entries[i].next;
}

static void grow(struct keylog *k)
{
	uint32_t room = k->room ? k->room * 2 : FIRST_ROOM;
	struct entry *entries = xmalloc(room * sizeof *entries);

	if (k->used)
		memcpy(entries, k->entries, k->used * sizeof *entries);
	if (k->entries)
		crypto_wipe(k->entries, k->used * sizeof *entries);
	free(k->entries);
	free(k->chains);
	k->entries = entries;
	k->chains = xcalloc(room, sizeof *k->chains);
	k->room = room;
	for (uint32_t i = 0; i < k->used; i++)
		link_entry(k, i);
}

static struct entry *find(const struct keylog *k, const uint8_t random[RANDOM_LEN],
			  enum secret_kind kind)
{
	if (!k || !k->used)
		return NULL;
	for (uint32_t i = *chain_of(k, random); i; i = k->entries[i - 1].next) {
		struct entry *e = &k->entries[i - 1];

		if (e->kind == kind && !memcmp(e->random, random, RANDOM_LEN))
			return e;
	}
	return NULL;
}

static void set_secret(struct entry *e, struct bytes secret)
{
	uint8_t *to = e->secret.bytes;

	if (e->len > SECRET_INLINE) {
		crypto_wipe(e->secret.heap, e->len);
		free(e->secret.heap);
	}
	e->len = (uint16_t)secret.len;
	if (secret.len > SECRET_INLINE)
		to = e->secret.heap = xmalloc(secret.len);
	memcpy(to, secret.at, secret.len);
}

/* A new entry, in the place of the oldest one where there is no more room. */
static struct entry *new_entry(struct keylog *k, uint32_t *index)
{
	_Static_assert((KEYLOG_SECRETS_MAX & (KEYLOG_SECRETS_MAX - 1)) == 0, "chains are masked");
	if (k->used == k->room && k->room < KEYLOG_SECRETS_MAX)
		grow(k);
	if (k->used < k->room) {
		*index = k->used++;
	} else {
		k->limits->bitten[LIMIT_KEYLOG_SECRETS]++;
		*index = k->at++ & (k->room - 1);
		unlink_entry(k, *index);
		entry_finish(&k->entries[*index]);
	}
	struct entry *e = &k->entries[*index];
	memset(e, 0, sizeof *e);
	return e;
}

static void put(struct keylog *k, const uint8_t random[RANDOM_LEN], enum secret_kind kind,
		struct bytes secret)
{
	struct entry *e = find(k, random, kind);
	uint32_t index;

	k->counts.secrets++;
	if (e) {
		set_secret(e, secret);
		return;
	}
	e = new_entry(k, &index);
	memcpy(e->random, random, RANDOM_LEN);
	e->kind = (uint8_t)kind;
	set_secret(e, secret);
	link_entry(k, index);
}

/* ---- lines ---- */

static struct bytes take_word(struct reader *r)
{
	while (rd_more(r) && (*rd_peek(r).at == ' ' || *rd_peek(r).at == '\t'))
		rd_skip(r, 1);
	struct bytes rest = rd_peek(r);
	size_t n = 0;
	while (n < rest.len && rest.at[n] != ' ' && rest.at[n] != '\t')
		n++;
	return rd_take(r, n);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for what is no even number of hexadecimal digits, or too many of them. */
static bool unhex(struct bytes text, uint8_t *out, size_t room, size_t *len)
{
	struct reader r = reader_of(text);

	*len = text.len / 2;
	if (!text.len || text.len % 2 || *len > room)
		return false;
	for (size_t i = 0; rd_more(&r); i++) {
		int high = hex_digit(rd_u8(&r)), low = hex_digit(rd_u8(&r));

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const struct label *find_label(struct bytes word)
{
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		struct bytes name = { (const uint8_t *)labels[i].name, strlen(labels[i].name) };

		if (bytes_equal(name, word))
			return &labels[i];
	}
	return NULL;
}

/* Of a length that a secret of this kind can have. */
static bool length_fits(int kind, size_t len)
{
	if (kind == SECRET_MASTER || kind == SECRET_RSA_PREMASTER)
		return len == MASTER_LEN;
	if (kind == SECRET_ECH || kind == SECRET_ECH_CONFIG)
		return len <= SECRET_LEN_MAX;
	return len == 32 || len == 48;
}

static bool add_line(struct keylog *k, struct bytes line)
{
	uint8_t random[RANDOM_LEN] = { 0 }, secret[SECRET_LEN_MAX];
	struct reader r = reader_of(line);
	struct bytes name = take_word(&r), id = take_word(&r), value = take_word(&r);
	const struct label *label = find_label(name);
	size_t id_len, len;

	if (!name.len || name.at[0] == '#')
		return true;
	/* RFC 9850 section 2: labels that are not known are ignored. */
	if (!label || take_word(&r).len)
		return !label && id.len && value.len;
	if (!unhex(id, random, sizeof random, &id_len) || id_len != label->id_len ||
	    !unhex(value, secret, sizeof secret, &len))
		return false;
	if (label->kind != LABEL_IGNORED) {
		if (!length_fits(label->kind, len))
			return false;
		put(k, random, (enum secret_kind)label->kind, (struct bytes){ secret, len });
	}
	crypto_wipe(secret, len);
	return true;
}

/* Without its end; RFC 9850 section 2 allows CR, LF and both. */
static struct bytes take_line(struct reader *r, bool *ended)
{
	struct bytes rest = rd_peek(r);
	size_t n = 0;

	while (n < rest.len && rest.at[n] != '\n' && rest.at[n] != '\r')
		n++;
	struct bytes line = rd_take(r, n);
	*ended = rd_more(r);
	rd_skip(r, *ended);
	return line;
}

size_t keylog_add(struct keylog *k, struct bytes text, bool whole)
{
	struct reader r = reader_of(text);
	size_t done = 0;

	while (rd_more(&r)) {
		bool ended;
		struct bytes line = take_line(&r, &ended);

		if (!ended && !whole)
			break;
		if (!add_line(k, line))
			k->counts.bad_lines++;
		done = text.len - rd_left(&r);
	}
	return done;
}

/* ---- asking ---- */

static struct bytes secret_of(const struct entry *e)
{
	if (!e)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ e->len > SECRET_INLINE ? e->secret.heap : e->secret.bytes, e->len };
}

struct bytes keylog_find(const struct keylog *k, const uint8_t random[RANDOM_LEN],
			 enum secret_kind kind)
{
	return secret_of(find(k, random, kind));
}

struct bytes keylog_find_premaster(const struct keylog *k, const uint8_t id[RSA_ID_LEN])
{
	uint8_t random[RANDOM_LEN] = { 0 };

	memcpy(random, id, RSA_ID_LEN);
	return keylog_find(k, random, SECRET_RSA_PREMASTER);
}

uint64_t keylog_version(const struct keylog *k)
{
	return k ? k->counts.secrets : 0;
}

void keylog_counts(const struct keylog *k, struct keylog_counts *out)
{
	*out = k->counts;
}
