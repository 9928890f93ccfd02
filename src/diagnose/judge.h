/* judge.h: one chain judged once; trust.c remembers the result. Not for others. */
#ifndef DIAGNOSE_JUDGE_H
#define DIAGNOSE_JUDGE_H

#include "base/hash.h"
#include "diagnose/trust.h"

#include <openssl/x509.h>

/* The certificates of a chain; those that cannot be parsed are NULL. */
struct certificates {
	size_t count;
	X509 *at[CHAIN_LENGTH_MAX];
};
/* Certificates above the leaf, which many chains share, as they were parsed last; zeroes are none. */
enum { PARSED_REMEMBERED = 128 };
struct parsed {
	struct parsed_certificate {
		uint8_t sha256[32];
		X509 *x;
	} at[PARSED_REMEMBERED];
};
void parsed_finish(struct parsed *p);
void certificates_parse(struct certificates *c, const struct chain *chain, struct parsed *parsed);
void certificates_finish(struct certificates *c);

struct judging {
	const struct certificates *certificates;
	int64_t time_s;
	int64_t from_s, until_s;	/* narrowed to the times in which nothing changes */
	X509_STORE *roots;		/* NULL: none */
	X509 *(*find_authority)(void *context, X509 *child);
	void *context;
	const struct hash_key *key;
};
/* `out` is blank; its texts become its own. */
void judge(struct judging *j, struct judgement *out);

#endif
