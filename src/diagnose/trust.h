/* trust.h: certificate chains judged as the server sent them, at the time they were seen.
 *
 * A struct trust holds the roots (read when they are first needed), CA certificates seen so far, and the
 * judgements made, by chain and day, so that nothing is parsed or verified twice. It is used by one
 * thread. A judgement is borrowed until the next one.
 */
#ifndef DIAGNOSE_TRUST_H
#define DIAGNOSE_TRUST_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/reader.h"
#include "diagnose/findings.h"
#include "overhear/hello.h"

#include <stdbool.h>
#include <stdint.h>

struct trust;

struct trust_options {
	const char *ca_file, *ca_path;	/* both NULL: the system's roots */
};

/* Where files are named they are read at once; false where that fails. */
bool trust_create(const struct trust_options *options, struct trust **out, struct error *error);
void trust_destroy(struct trust *t);
/* The system's roots, unless others are named; else the first certificate has them read. */
void trust_read_roots(struct trust *t);

/* What keeps a client from accepting a chain, in bits. */
enum flaw {
	FLAW_EXPIRED = 1, FLAW_NOT_YET_VALID = 2, FLAW_SELF_SIGNED = 4, FLAW_INCOMPLETE = 8, FLAW_UNTRUSTED = 16,
	FLAW_OTHER = 32,	/* libcrypto minds something that no finding is about */
};

struct remark {
	uint8_t code;		/* enum finding_code */
	uint8_t confidence;
	int16_t certificate;	/* position in the chain, or FINDING_NO_CERTIFICATE */
	char *detail;
};

struct judgement {
	bool parsed;		/* the leaf is a certificate */
	bool roots;		/* there were roots to judge by */
	bool trusted;		/* it leads to a root; dates aside */
	bool leaf_rsa, leaf_ec;	/* the type of the leaf's key */
	bool has_scts;		/* signed certificate timestamps in the leaf: public CAs put them there */
	uint32_t flaws;		/* enum flaw; none of them, and roots: `openssl verify` says OK */
	uint64_t issuer;	/* stands for the name of who issued the topmost certificate seen */
	char *issuer_text;
	struct stack_st_GENERAL_NAME *names;	/* the leaf's subject alternative names; NULL */
	size_t count;
	struct remark *remarks;
};

/* Seconds since the epoch. NULL for no chain. */
const struct judgement *trust_judge(struct trust *t, const struct chain *chain, int64_t time_s);
/* Is the leaf for this name or address (RFC 9525)? */
bool trust_holds_name(const struct judgement *j, struct bytes name);
/* A few of its names, for people. */
void trust_add_names(const struct judgement *j, struct buffer *out);

/* How many days before its end a certificate of this kind and validity expires soon. */
enum chain_role { ROLE_LEAF, ROLE_INTERMEDIATE, ROLE_ROOT };
int64_t trust_soon_days(enum chain_role role, int64_t validity_s);
/* How long a certificate of a public CA issued then may be valid. */
int64_t trust_validity_days_max(int64_t issued_s);

#endif
