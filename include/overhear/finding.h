/* finding.h: something that is wrong with a handshake, or worth knowing about it, with its evidence.
 *
 * The kinds are one constant table (src/diagnose/findings.c). A list of findings belongs to the diagnosis that made
 * it; a handshake points at it until the diagnosis looks at the next one.
 */
#ifndef OVERHEAR_FINDING_H
#define OVERHEAR_FINDING_H

#include "overhear/limits.h"

#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_ERROR = 1, SEVERITY_WARNING, SEVERITY_NOTICE };
enum confidence { CONFIDENCE_CERTAIN = 1, CONFIDENCE_LIKELY };

struct finding_kind {
	const char *code;	/* "certificate-expired"; the value of `cause` and `findings.code` */
	uint8_t severity;	/* enum severity */
	const char *title;	/* what is the matter, half a sentence */
	const char *remedy;	/* who must do what */
	const char *reference;	/* the rule behind it; "" where there is none */
	const char *scope;	/* the heading it stands under: "the server's certificate" */
};

struct finding {
	const struct finding_kind *kind;
	uint8_t confidence;	/* enum confidence */
	int16_t certificate;	/* position in the server's chain; -1 - position in the client's below it */
	char *detail;		/* the evidence, fit for people */
};
/* The finding is not about one certificate. */
enum { FINDING_NO_CERTIFICATE = INT16_MAX };

struct finding_list {
	size_t count;
	struct finding at[FINDINGS_MAX];
};

#endif
