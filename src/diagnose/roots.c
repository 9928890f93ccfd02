#include "diagnose/roots.h"

#include "base/buffer.h"
#include "base/reader.h"
#include "base/xmalloc.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A certificate that waits to be asked for. */
struct root {
	unsigned long name;		/* libcrypto's hash of its subject: equal for names that compare equal */
	unsigned char *der;		/* libcrypto's memory */
	long len;
	bool parsed;
};

struct roots {
	X509_STORE *store;
	X509_LOOKUP_METHOD *method;
	struct root *at;
	size_t count, room;
};

/* --- DER, as far as the subject --- */

enum { DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

/* X.690 section 8.1.3. */
static size_t read_length(struct reader *r)
{
	uint8_t first = rd_u8(r);

	return first < 0x80 ? first : (size_t)rd_uint(r, first & 0x7f);
}

static struct reader read_element(struct reader *r, uint8_t *tag)
{
	*tag = rd_u8(r);
	return rd_child(r, read_length(r));
}

/* RFC 5280 section 4.1: version, serial number, algorithm, issuer, validity, then the subject. */
static struct bytes find_subject(struct bytes der)
{
	struct reader r = reader_of(der);
	uint8_t tag;
	struct reader certificate = read_element(&r, &tag), body = read_element(&certificate, &tag);
	struct reader version = body;

	(void)read_element(&version, &tag);
	for (int skip = tag == DER_VERSION ? 5 : 4; skip; skip--)
		(void)read_element(&body, &tag);
	struct bytes subject = rd_peek(&body);
	(void)read_element(&body, &tag);
	subject.len -= rd_left(&body);
	return body.bad || tag != DER_SEQUENCE ? (struct bytes){ NULL, 0 } : subject;
}

static bool hash_subject(struct bytes der, unsigned long *out)
{
	struct bytes subject = find_subject(der);
	const unsigned char *at = subject.at;
	X509_NAME *name = subject.len ? d2i_X509_NAME(NULL, &at, (long)subject.len) : NULL;
	int fine = 0;

	if (name)
		*out = X509_NAME_hash_ex(name, NULL, NULL, &fine);
	X509_NAME_free(name);
	return fine;
}

/* --- asking --- */

/* Moves all of that name into the store; the first one is borrowed. */
static X509 *parse_named(struct roots *r, unsigned long hash, const X509_NAME *name)
{
	X509 *found = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct root *root = &r->at[i];
		const unsigned char *at = root->der;

		if (root->name != hash || root->parsed)
			continue;
		root->parsed = true;
		X509 *x = d2i_X509(NULL, &at, root->len);
		bool kept = x && X509_STORE_add_cert(r->store, x);
		if (kept && !found && !X509_NAME_cmp(X509_get_subject_name(x), name))
			found = x;
		X509_free(x);
	}
	return found;
}

/* libcrypto's hook for a name that the store does not hold. It wants `out` to have no reference of its own, and will add one. */
static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *out)
{
	struct roots *r = X509_LOOKUP_get_method_data(lookup);
	int fine = 0;
	unsigned long hash = type == X509_LU_X509 ? X509_NAME_hash_ex(name, NULL, NULL, &fine) : 0;
	X509 *x = fine ? parse_named(r, hash, name) : NULL;

	if (!x || !X509_OBJECT_set1_X509(out, x))
		return 0;
	X509_free(x);
	return 1;
}

struct roots *roots_create(void)
{
	struct roots *r = xcalloc(1, sizeof *r);

	r->store = X509_STORE_new();
	r->method = X509_LOOKUP_meth_new("roots");
	X509_LOOKUP *lookup = NULL;
	if (r->store && r->method && X509_LOOKUP_meth_set_get_by_subject(r->method, find_by_subject))
		lookup = X509_STORE_add_lookup(r->store, r->method);
	if (!lookup || !X509_LOOKUP_set_method_data(lookup, r))
		abort();
	return r;
}

void roots_destroy(struct roots *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		OPENSSL_free(r->at[i].der);
	free(r->at);
	X509_STORE_free(r->store);
	X509_LOOKUP_meth_free(r->method);
	free(r);
}

X509_STORE *roots_store(struct roots *r)
{
	return r->store;
}

/* --- reading --- */

static bool is_known(const struct roots *r, const unsigned char *der, long len)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->at[i].len == len && !memcmp(r->at[i].der, der, (size_t)len))
			return true;
	return false;
}

/* Takes the bytes over. A system names each root twice, in a bundle and in a folder. */
static bool add(struct roots *r, unsigned char *der, long len)
{
	struct root root = { .der = der, .len = len };

	bool known = is_known(r, der, len);
	if (known || !hash_subject((struct bytes){ der, (size_t)len }, &root.name)) {
		OPENSSL_free(der);
		return known;
	}
	if (r->count == r->room) {
		r->room = r->room ? 2 * r->room : 256;
		r->at = xrealloc(r->at, r->room * sizeof *r->at);
	}
	r->at[r->count++] = root;
	return true;
}

/* False for what has more to say than the certificate: revocations, or what it is trusted for. */
static bool add_block(struct roots *r, const char *kind, unsigned char *der, long len, size_t *count)
{
	if (strcmp(kind, PEM_STRING_X509) && strcmp(kind, PEM_STRING_X509_OLD)) {
		OPENSSL_free(der);
		return false;
	}
	*count += add(r, der, len);
	return true;
}

size_t roots_add_file(struct roots *r, const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	size_t count = 0;
	char *kind, *header;
	unsigned char *der;
	bool simple = true;

	for (long len; file && simple && PEM_read_bio(file, &kind, &header, &der, &len);) {
		simple = add_block(r, kind, der, len, &count);
		OPENSSL_free(kind);
		OPENSSL_free(header);
	}
	BIO_free(file);
	if (!simple)
		count = X509_STORE_load_file(r->store, path) == 1;
	ERR_clear_error();
	return count;
}

/* The names that 'openssl rehash' gives: eight hexadecimal digits, a dot, a number. */
static bool is_hashed_name(const char *name)
{
	size_t digits = strspn(name, "0123456789abcdef");

	return digits == 8 && name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

/* A file of this name, `hash.number`, is one of `number` + 1 or more roots whose subject has the hash. */
static bool is_known_by_name(const struct roots *r, size_t count, const char *file)
{
	unsigned long hash = strtoul(file, NULL, 16), number = strtoul(file + 9, NULL, 10), known = 0;

	for (size_t i = 0; i < count; i++)
		known += r->at[i].name == hash;
	return known > number;
}

enum which { ALL, HASHED, HASHED_AND_NEW };

static size_t add_names(struct roots *r, const char *folder, enum which which)
{
	DIR *entries = opendir(folder);
	struct buffer path = { 0 };
	size_t count = 0, before = r->count;

	for (struct dirent *e; entries && (e = readdir(entries));) {
		if (e->d_name[0] == '.' || (which != ALL && !is_hashed_name(e->d_name)))
			continue;
		if (which == HASHED_AND_NEW && is_known_by_name(r, before, e->d_name)) {
			count++;
			continue;
		}
		buffer_clear(&path);
		buffer_add_format(&path, "%s/%s", folder, e->d_name);
		count += roots_add_file(r, buffer_text(&path));
	}
	if (entries)
		closedir(entries);
	buffer_finish(&path);
	return count;
}

/* A folder made by 'openssl rehash' holds most certificates twice: once is enough. */
size_t roots_add_folder(struct roots *r, const char *folder)
{
	size_t count = add_names(r, folder, HASHED);

	return count ? count : add_names(r, folder, ALL);
}

/* A system makes both from the same certificates; to open 150 files takes longer than to read the bundle. */
size_t roots_add_bundled_folder(struct roots *r, const char *folder)
{
	size_t count = add_names(r, folder, HASHED_AND_NEW);

	return count ? count : add_names(r, folder, ALL);
}
