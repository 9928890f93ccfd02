/* pki.h: certificates made on the spot, for the tests of the diagnosis. */
#ifndef TESTS_UNIT_PKI_H
#define TESTS_UNIT_PKI_H

#include "overhear/hello.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2025-06-01, the day of all captures here. */
#define NOW_S INT64_C(1748736000)
#define DAYS(n) (INT64_C(86400) * (n))

struct wish {
	const char *subject, *names;		/* names as openssl.cnf has them: "DNS:a.test,IP:192.0.2.1" */
	int64_t from_s, until_s;		/* 0: from ten days ago, to eighty days ahead */
	bool authority;
	unsigned rsa_bits;			/* 0: EC P-256 */
	const EVP_MD *hash;			/* NULL: SHA-256 */
};

struct made {
	X509 *x;
	EVP_PKEY *key;
};

static inline void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* `issuer` NULL: it signs itself. */
static inline struct made make_certificate(struct wish w, const struct made *issuer)
{
	static int64_t serial = 1;
	struct made m = { .x = X509_new(), .key = w.rsa_bits ? EVP_RSA_gen(w.rsa_bits) : EVP_EC_gen("P-256") };
	X509_NAME *name = X509_get_subject_name(m.x);

	assert(m.key);
	X509_set_version(m.x, 2);
	ASN1_INTEGER_set_int64(X509_get_serialNumber(m.x), serial++);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)w.subject, -1, -1, 0);
	X509_set_issuer_name(m.x, issuer ? X509_get_subject_name(issuer->x) : name);
	ASN1_TIME_set(X509_getm_notBefore(m.x), (time_t)(w.from_s ? w.from_s : NOW_S - DAYS(10)));
	ASN1_TIME_set(X509_getm_notAfter(m.x), (time_t)(w.until_s ? w.until_s : NOW_S + DAYS(80)));
	X509_set_pubkey(m.x, m.key);
	add_extension(m.x, issuer ? issuer->x : m.x, NID_basic_constraints, w.authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (w.names)
		add_extension(m.x, issuer ? issuer->x : m.x, NID_subject_alt_name, w.names);
	X509_sign(m.x, issuer ? issuer->key : m.key, w.hash ? w.hash : EVP_sha256());
	return m;
}

static inline void free_certificate(struct made *m)
{
	X509_free(m->x);
	EVP_PKEY_free(m->key);
}

/* Ends with free_chain(). */
static inline struct chain *make_chain(const struct made *const *members, size_t count)
{
	struct chain *c = calloc(1, sizeof *c + count * sizeof c->certificates[0]);

	assert(c);
	c->count = c->kept = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(members[i]->x, &der);

		assert(len > 0);
		SHA256(der, (size_t)len, c->certificates[i].sha256);
		c->certificates[i].der = (struct bytes){ der, (size_t)len };
	}
	return c;
}

static inline void free_chain(struct chain *c)
{
	for (uint32_t i = 0; c && i < c->kept; i++)
		OPENSSL_free((void *)(uintptr_t)c->certificates[i].der.at);
	free(c);
}

/* A file that holds the certificate; `path` has room for 64 bytes. */
static inline void write_pem(const struct made *m, char *path)
{
	strcpy(path, "/tmp/overhear-roots-XXXXXX");
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	assert(f);
	PEM_write_X509(f, m->x);
	fclose(f);
}

#endif
