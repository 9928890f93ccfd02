/* dns.h: lookups in the Domain Name System (RFC 1035), over UDP and TCP: which client learnt which addresses for which
 * name, and when. Only a whole answer to a query that was seen counts: the same ends, number and question. Queries are
 * remembered in a table of a fixed size; an answer is read once and gives one struct lookup.
 */
#ifndef DISSECTORS_DNS_H
#define DISSECTORS_DNS_H

#include "base/hash.h"
#include "base/reader.h"
#include "overhear/lookup.h"

#include <stdbool.h>
#include <stdint.h>

enum { DNS_PORT = 53 };

/* Where a message came from. */
struct dns_path {
	struct address from, to;
	uint16_t from_port, to_port;
	int64_t time_ns;
	uint64_t moment;
	bool has_mac;
	uint8_t to_mac[6];
};

struct dns;

/* deliver takes over each batch of lookups, in the order of their answers. */
struct dns *dns_create(const struct hash_key *key, struct limit_counts *limits, void (*deliver)(void *context, struct lookup_batch *batch), void *context);
void dns_destroy(struct dns *d);

/* A message as UDP carries it: a query is remembered, its answer becomes a lookup. */
void dns_message(struct dns *d, const struct dns_path *path, struct bytes message);
/* Delivers the lookups that wait in a batch. */
void dns_flush(struct dns *d);

/* Reads an answer alone: name, addresses and ECH configurations. False where it is malformed, or none, or gives nothing. */
bool dns_read_answer(struct bytes message, struct lookup *out);
/* Does this look like a query or an answer? */
bool dns_looks(struct bytes message);

#endif
