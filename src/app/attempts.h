/* attempts.h: connections without a hello, counted together by client, server, port, reason and road, within bounds: a flood from
 * random sources fills the places of one server's clients and is counted in one row from there on.
 *
 * Two tables of the same kind: one for what is an attempt whatever else is seen (TLS ports, STARTTLS), and one for other ports, which
 * count only where TLS turns out to be spoken there; in it the row unused for longest makes room.
 */
#ifndef APP_ATTEMPTS_H
#define APP_ATTEMPTS_H

#include "base/hash.h"
#include "overhear/attempt.h"
#include "overhear/limits.h"

#include <stddef.h>

struct attempts;

/* One connection. */
struct attempt_event {
	struct address client, server;
	uint16_t server_port;
	uint8_t reason;			/* enum attempt_reason */
	uint32_t levels;		/* roads to TLS (dissectors/starttls.h); 0: TLS comes first */
	int64_t first_ns, last_ns;
	uint64_t moment, place;		/* when it came to be (lanes.h); attempts_add() does not look at them */
};

/* key and limits outlive it. */
struct attempts *attempts_create(const struct hash_key *key, struct limit_counts *limits);
void attempts_destroy(struct attempts *a);
void attempts_add(struct attempts *a, const struct attempt_event *e);
/* The rows that changed since they were taken last, with their totals; those of other ports only where `all`. The array is the
 * caller's to free; NULL where there is none. */
struct attempt *attempts_take(struct attempts *a, bool all, size_t *count);

#endif
