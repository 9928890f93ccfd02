#include "diagnose/trust.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/xmalloc.h"
#include "diagnose/judge.h"
#include "diagnose/roots.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* Tables of a fixed size: what falls on the same place replaces what was there. */
enum { JUDGEMENTS = 4096, AUTHORITIES = 1024, DAY_S = 86400 };

struct remembered {
	uint64_t key, check;		/* two hashes of the chain; key 0: empty */
	int64_t from_s, until_s;	/* the judgement holds for times in between */
	uint32_t place;			/* 1 + that of the authority that it depends on; 0: none */
	uint32_t epoch;			/* of that place */
	struct judgement judgement;
};

struct trust {
	struct trust_options options;
	struct roots *roots;
	bool roots_read, has_roots;
	struct hash_key keys[2];
	struct buffer scratch;
	struct authority {
		X509 *x;
		uint32_t epoch;		/* how often it was replaced */
	} authorities[AUTHORITIES];
	uint32_t asked;			/* 1 + the place that the judgement in progress looked at; 0: none */
	struct parsed parsed;
	struct remembered remembered[JUDGEMENTS];
};

/* --- roots --- */

static bool read_named_roots(struct trust *t, struct error *error)
{
	const struct trust_options *o = &t->options;

	if (o->ca_file && !roots_add_file(t->roots, o->ca_file))
		return error_set(error, EXIT_IO, "cannot read certificates from '%s': name a file in PEM", o->ca_file);
	if (o->ca_path && !roots_add_folder(t->roots, o->ca_path))
		return error_set(error, EXIT_IO, "no certificate can be read in '%s': name a folder of files in PEM", o->ca_path);
	t->roots_read = t->has_roots = o->ca_file || o->ca_path;
	return true;
}

static const char *or_default(const char *variable, const char *otherwise)
{
	const char *value = secure_getenv(variable);

	return value && *value ? value : otherwise;
}

/* The system's, where libcrypto would look for them; only once a certificate asks, since that takes longer than all
 * the rest of a short run. */
void trust_read_roots(struct trust *t)
{
	if (t->roots_read)
		return;
	t->roots_read = true;
	size_t count = roots_add_file(t->roots, or_default(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
	count += roots_add_bundled_folder(t->roots, or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
	t->has_roots = count;
}

bool trust_create(const struct trust_options *options, struct trust **out, struct error *error)
{
	struct trust *t = xcalloc(1, sizeof *t);

	t->options = *options;
	t->roots = roots_create();
	hash_key_init(&t->keys[0]);
	hash_key_init(&t->keys[1]);
	if (!read_named_roots(t, error)) {
		trust_destroy(t);
		return false;
	}
	*out = t;
	return true;
}

static void forget(struct judgement *j)
{
	for (size_t i = 0; i < j->count; i++)
		free(j->remarks[i].detail);
	free(j->remarks);
	free(j->issuer_text);
	GENERAL_NAMES_free(j->names);
	*j = (struct judgement){ 0 };
}

void trust_destroy(struct trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < JUDGEMENTS; i++)
		forget(&t->remembered[i].judgement);
	for (size_t i = 0; i < AUTHORITIES; i++)
		X509_free(t->authorities[i].x);
	parsed_finish(&t->parsed);
	roots_destroy(t->roots);
	buffer_finish(&t->scratch);
	free(t);
}

/* --- authorities seen --- */

static uint32_t authority_place(const X509_NAME *name)
{
	return (uint32_t)(X509_NAME_hash_ex(name, NULL, NULL, NULL) % AUTHORITIES);
}

/* Remembers the CA certificates of a chain; they never help it, but tell what another one lacks. */
static void remember_authorities(struct trust *t, const struct certificates *c)
{
	for (size_t i = 1; i < c->count; i++) {
		X509 *x = c->at[i];

		if (!x || X509_check_ca(x) <= 0)
			continue;
		struct authority *a = &t->authorities[authority_place(X509_get_subject_name(x))];
		if (a->x && !X509_cmp(a->x, x))
			continue;
		X509_free(a->x);
		X509_up_ref(x);
		a->x = x;
		a->epoch++;
	}
	ERR_clear_error();
}

static X509 *find_authority(void *context, X509 *child)
{
	struct trust *t = context;
	uint32_t place = authority_place(X509_get_issuer_name(child));
	X509 *found = t->authorities[place].x;

	t->asked = 1 + place;
	if (!found || X509_NAME_cmp(X509_get_subject_name(found), X509_get_issuer_name(child)))
		return NULL;
	return X509_verify(child, X509_get0_pubkey(found)) == 1 ? found : NULL;
}

/* --- judging --- */

/* By the certificates' hashes: a chain's place in memory may be another one's tomorrow. */
static void write_key(struct trust *t, const struct chain *chain)
{
	buffer_clear(&t->scratch);
	for (uint32_t i = 0; i < chain->kept; i++)
		buffer_add(&t->scratch, chain->certificates[i].sha256, sizeof chain->certificates[i].sha256);
}

static void judge_anew(struct trust *t, struct remembered *r, const struct chain *chain, int64_t time_s)
{
	struct certificates certificates;
	struct judging j = { .certificates = &certificates, .time_s = time_s, .from_s = time_s - time_s % DAY_S,
		.find_authority = find_authority, .context = t, .key = &t->keys[0] };

	j.until_s = j.from_s + DAY_S;
	forget(&r->judgement);
	trust_read_roots(t);
	certificates_parse(&certificates, chain, &t->parsed);
	j.roots = t->has_roots ? roots_store(t->roots) : NULL;
	t->asked = 0;
	judge(&j, &r->judgement);
	remember_authorities(t, &certificates);
	r->place = t->asked;
	r->epoch = r->place ? t->authorities[r->place - 1].epoch : 0;
	certificates_finish(&certificates);
	r->from_s = j.from_s;
	r->until_s = j.until_s;
	ERR_clear_error();
}

static bool still_holds(const struct trust *t, const struct remembered *r, int64_t time_s)
{
	bool changed = r->place && r->epoch != t->authorities[r->place - 1].epoch;

	return time_s >= r->from_s && time_s < r->until_s && !changed;
}

const struct judgement *trust_judge(struct trust *t, const struct chain *chain, int64_t time_s)
{
	if (!chain || !chain->kept)
		return NULL;
	write_key(t, chain);
	uint64_t key = hash_bytes(&t->keys[0], t->scratch.at, t->scratch.len) | 1;
	uint64_t check = hash_bytes(&t->keys[1], t->scratch.at, t->scratch.len);
	struct remembered *r = &t->remembered[(key >> 1) % JUDGEMENTS];

	if (r->key != key || r->check != check || !still_holds(t, r, time_s)) {
		r->key = key;
		r->check = check;
		judge_anew(t, r, chain, time_s);
	}
	return &r->judgement;
}
