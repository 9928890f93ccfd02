/* look.h: one handshake under examination, and what the rules share. Not for others. */
#ifndef DIAGNOSE_LOOK_H
#define DIAGNOSE_LOOK_H

#include "diagnose/diagnose.h"
#include "diagnose/memory.h"
#include "registry/registry.h"

struct look {
	const struct handshake *h;
	const struct judgement *chain;		/* of the server; NULL where no certificate was seen */
	const struct server_memory *server;	/* what it chose before this handshake */
	struct name_memory *name;		/* who stood behind the name before; NULL for no name */
	const struct suite *suite;		/* the chosen one; NULL */
	struct memory *memory;
	bool custom_roots;
	struct finding_list *list;
	struct buffer *details;			/* one a finding */
	struct limit_counts *limits;
	int cause;				/* enum finding_code; CAUSE_NONE */
	bool cause_is_likely;
};
enum { CAUSE_NONE = -1 };

/* A room for the finding's evidence; what comes after FINDINGS_MAX is not kept. */
struct buffer *look_add(struct look *l, enum finding_code code, enum confidence confidence, int certificate);
void look_add_text(struct look *l, enum finding_code code, enum confidence confidence, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool look_has(const struct look *l, enum finding_code code);
/* This is why it ended so. The finding must have been added. */
void look_blame(struct look *l, enum finding_code code);

/* ---- words ---- */

void add_version(struct buffer *out, uint32_t version);
void add_code(struct buffer *out, enum registry_kind kind, uint32_t code);
/* At most four of a list, GREASE and signalling values aside, and how many more. */
void add_offers(struct buffer *out, enum registry_kind kind, const struct offer_list *list);
void add_codes(struct buffer *out, enum registry_kind kind, const struct codes *codes);
const char *sender_name(int sender);

/* ---- facts ---- */

/* The age of a version, whatever it runs over: 4 is (D)TLS 1.2, 5 is 1.3; 0 where unknown. */
int version_rank(uint32_t version);
enum { RANK_SSL_3_0 = 2, RANK_TLS_1_1 = 3, RANK_TLS_1_2 = 4, RANK_TLS_1_3 = 5 };
const struct offer_list *offered(const struct look *l, enum offer_kind kind);
bool list_holds(const struct offer_list *list, uint32_t code);
bool list_meets(const struct offer_list *list, const struct codes *codes);
bool offers_extension(const struct look *l, uint16_t extension);

/* ---- rules, a file each ---- */

void rules_certificate(struct look *l);
void rules_weakness(struct look *l);
/* True where the group or prime is too small. */
bool rule_weak_group(struct look *l);
void rules_interception(struct look *l);
/* Why it failed. */
void rules_failure(struct look *l);
/* The certificate's flaw that explains best why a client left; CAUSE_NONE where it has none. */
int certificate_flaw(const struct look *l);
/* The client refused the certificate in this alert. */
void explain_certificate_alert(struct look *l);
/* The server refused after it had asked for a certificate; false where it had not. */
bool explain_client_certificate(struct look *l);
/* handshake_failure in answer to a hello. */
void explain_handshake_failure(struct look *l);
void explain_version(struct look *l);
/* It ended without a word. */
void explain_close(struct look *l);
void explain_silence(struct look *l);
void explain_not_tls(struct look *l);

#endif
