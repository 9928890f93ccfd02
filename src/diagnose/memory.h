/* memory.h: what is known of a server, or of a name, from earlier handshakes. Tables of a fixed size: what falls
 * on the same place replaces what was there. Not for others.
 */
#ifndef DIAGNOSE_MEMORY_H
#define DIAGNOSE_MEMORY_H

#include "base/buffer.h"
#include "base/hash.h"
#include "diagnose/trust.h"
#include "overhear/handshake.h"

/* A few codes, each once. */
enum { CODES_MAX = 8 };
struct codes {
	uint8_t count;
	uint16_t at[CODES_MAX];
};

/* By address, port and name: what it chose so far, from whomever. */
struct server_memory {
	uint64_t key;
	struct codes versions, suites, groups, schemes;
	bool has_rsa, has_ec;		/* keys of its certificates */
	bool answered;			/* any hello at all */
};

/* By name: who stood behind it last. */
struct name_memory {
	uint64_t key;
	uint64_t issuer;
	bool trusted;
	int64_t time_s;
	char issuer_text[80];
};

/* By issuer: the domains it signs for, as far as they tell one from several. */
struct issuer_memory {
	uint64_t issuer, domain;
	bool several;
};

enum { SERVERS = 4096, NAMES = 4096, ISSUERS = 1024 };
struct memory {
	struct hash_key key;
	struct buffer scratch;
	struct server_memory servers[SERVERS];
	struct name_memory names[NAMES];
	struct issuer_memory issuers[ISSUERS];
};

void memory_init(struct memory *m);
void memory_finish(struct memory *m);
/* The place of the handshake's server, emptied where another one had it. */
struct server_memory *memory_server(struct memory *m, const struct handshake *h);
void memory_learn_server(struct server_memory *s, const struct handshake *h, const struct judgement *chain);
/* The place of a name, emptied where another one had it; NULL for no name. */
struct name_memory *memory_name(struct memory *m, const struct handshake *h);
void memory_learn_name(struct name_memory *n, const struct handshake *h, const struct judgement *chain);

/* Notes that the issuer signs for this domain; true once it did for another one too. */
bool memory_signs_for_several(struct memory *m, uint64_t issuer, struct bytes domain);

bool codes_hold(const struct codes *c, uint32_t code);

#endif
