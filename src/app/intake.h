/* intake.h: from packets to segments: what is counted of every packet, and what takes it apart. A capture has one of them, however many
 * pipelines there are behind it.
 */
#ifndef APP_INTAKE_H
#define APP_INTAKE_H

#include "overhear/capture.h"
#include "packet/decap.h"
#include "packet/defrag.h"

struct intake {
	int64_t started_ns, ended_ns;
	uint64_t packets, bytes;
	struct decap_counts decap;
	struct defrag *defrag;
};

/* key and limits outlive it. */
void intake_init(struct intake *i, const struct hash_key *key, struct limit_counts *limits);
void intake_finish(struct intake *i);
/* Counts a packet; whether it is, or completes, a segment. */
bool intake_take(struct intake *i, const struct packet *in, struct segment *out);
/* The same in two steps, for whoever opens packets ahead: those that carry a fragment wait for their turn in the second. */
enum decap_result intake_open(struct intake *i, const struct packet *in, struct segment *out);
bool intake_join(struct intake *i, enum decap_result result, struct segment *out);
/* Fills what it has counted. */
void intake_counts(const struct intake *i, struct capture *out);

#endif
