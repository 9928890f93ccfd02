/* track.h: what a segment means for its TCP connection: whether a host would take it, whether it
 * belongs to the connection or begins another one, and what it says of opening and closing. Works
 * on one flow; the table (table.h) finds, makes and replaces flows. Private to this room.
 */
#ifndef FLOW_TRACK_H
#define FLOW_TRACK_H

#include "flow/syn.h"
#include "flow/table.h"

enum track_step {
	TRACK_TAKE,		/* a segment of this connection */
	TRACK_IGNORE,		/* no host would take it */
	TRACK_REMEMBER,		/* a SYN that may begin another connection, or be forged */
	TRACK_RESTART,		/* the first sign of another connection */
};

/* What the cache of SYNs knows of the same ends; each may be NULL. */
struct track_pending {
	const struct syn *from[2];
};

enum track_trust {
	TRACK_TRUSTED,
	/* its checksum is wrong, though others of its end fit: only its payload may count
	 * (stream_doubt) */
	TRACK_DOUBTED,
	/* no host takes it, whatever its connection: flags, checksum, MD5 option */
	TRACK_FORGED,
};

/* Notes what the end has shown. */
enum track_trust track_trusts(struct flow *f, const struct segment *s, unsigned end);
enum track_step track_judge(const struct flow *f, const struct segment *s, unsigned end,
	const struct track_pending *pending);
/* Both ends are done, or one reset it. */
bool track_over(const struct flow *f);
/* A flow that begins with this segment; `syn`: the initiator's SYN where it was seen, else NULL. */
void track_begin(
	struct flow *f, const struct segment *s, unsigned initiator, const struct syn *syn);
/* The segment is one of the flow's: times, beginnings, ends. */
void track_note(struct flow *f, const struct segment *s, unsigned end);
/* What is kept of a SYN. */
struct syn track_syn(const struct segment *s, uint64_t tag);

#endif
