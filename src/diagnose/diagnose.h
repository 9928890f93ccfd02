/* diagnose.h: what is wrong with a handshake, with its evidence, and which finding explains its failure.
 *
 * A struct diagnose remembers, in tables of a fixed size, what servers took from others and which issuers stand
 * behind a name. It is used by one thread, handshakes in the order in which they ended.
 */
#ifndef DIAGNOSE_DIAGNOSE_H
#define DIAGNOSE_DIAGNOSE_H

#include "diagnose/trust.h"
#include "overhear/handshake.h"

struct diagnose;

bool diagnose_create(const struct trust_options *roots, struct diagnose **out, struct error *error);
void diagnose_destroy(struct diagnose *d);
/* Now, not when the first certificate asks: files cannot be opened later. */
void diagnose_read_roots(struct diagnose *d);

/* Forgets servers and names: another capture may be of another network with the same addresses. */
void diagnose_begin_capture(struct diagnose *d);
/* Sets the handshake's findings, its cause where one explains how it ended, and ended_by where the client left
 * without a word after it had completed. The list is borrowed until the next call. */
void diagnose_handshake(struct diagnose *d, struct handshake *h);
/* Adds how often a limit bit since the last time. */
void diagnose_take_limits(struct diagnose *d, struct limit_counts *to);
/* Certificates were seen, but there is no root to judge their issuers by. */
bool diagnose_lacks_roots(const struct diagnose *d);

#endif
