/* lookups.h: the lookups of late, by client and address: which name led a client to its server. Bounded: the oldest
 * lookups go first. Nothing is told of what lies more than a minute before the connection.
 */
#ifndef RECORD_LOOKUPS_H
#define RECORD_LOOKUPS_H

#include "base/hash.h"
#include "overhear/handshake.h"
#include "overhear/lookup.h"

#include <stdbool.h>

struct lookups;

struct lookups *lookups_create(const struct hash_key *key, struct limit_counts *limits);
void lookups_destroy(struct lookups *l);

/* Copies what it keeps. Lookups come in the order of their answers. */
void lookups_add(struct lookups *l, const struct lookup *one);
/* Fills dns_name and dns_ns of the first handshake of a connection, from the client's latest lookup before it that gave
 * the server's address. */
void lookups_tell(const struct lookups *l, struct handshake *h);
/* Has a server published an ECH configuration with this number and public name (RFC 9849 section 4)? */
bool lookups_publishes(const struct lookups *l, uint8_t config_id, struct bytes public_name);

#endif
