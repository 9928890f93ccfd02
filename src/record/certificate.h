/* certificate.h: what an X.509 certificate says, read once from its DER.
 *
 * A struct certificate owns its texts. Texts are valid UTF-8 made safe as text.h does; a member that could not be read is
 * NULL, -1 or absent, and one that is odd costs only itself. Reading never fails harder than `parsed` false.
 */
#ifndef RECORD_CERTIFICATE_H
#define RECORD_CERTIFICATE_H

#include "base/buffer.h"
#include "base/reader.h"
#include "overhear/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct certificate {
	bool parsed;
	char *subject, *issuer;		/* RFC 4514 */
	char *serial;			/* lower-case hex, '-' in front of a negative one */
	char not_before[21], not_after[21];	/* YYYY-MM-DDTHH:MM:SSZ; empty where unreadable */
	char *key_type;			/* "RSA", "EC", "Ed25519", "ML-DSA-65", ..., else the OID */
	int key_bits;			/* -1 */
	char *curve;			/* as TLS names the group; NULL but for EC */
	char *signature_algorithm;	/* "sha256WithRSAEncryption", ..., else the OID */
	char *san;			/* JSON array of "dns:...", "ip:...", ...; NULL where there is none */
	int is_ca;			/* 0, 1, -1 */
	int self_signed;		/* 0, 1; -1 where it cannot be told */
	bool has_spki;
	uint8_t spki_sha256[32];	/* of the whole SubjectPublicKeyInfo */
	const char *policy;		/* "DV", "OV", "EV", "IV", NULL */
	int sct_count;			/* embedded; -1 where unreadable */
};

/* Counts in limits (which may be NULL) what was cut. */
void certificate_parse(struct bytes der, struct certificate *out, struct limit_counts *limits);
void certificate_finish(struct certificate *c);
/* Adds a DER-encoded Name as RFC 4514 text, or its hex where it is none. */
void certificate_add_name(struct buffer *out, struct bytes der, struct limit_counts *limits);

#endif
