/* joins.h: what a finished handshake learns from beyond its own flow, before it is stored: the name that was looked up, and
 * nDPI's judgement. The writer's thread alone uses it, so that the rows do not depend on how many pipelines there are.
 */
#ifndef APP_JOINS_H
#define APP_JOINS_H

#include "overhear/handshake.h"
#include "overhear/limits.h"
#include "overhear/lookup.h"

#include <stdbool.h>

struct joins;

struct joins *joins_create(bool without_ndpi);
void joins_destroy(struct joins *j);

/* A capture begins: nothing of the one before is known any more. */
void joins_begin(struct joins *j);
/* What a client looked up. */
void joins_learn(struct joins *j, const struct lookup *one);
void joins_tell(struct joins *j, struct handshake *h);
/* How often limits bit in this capture. */
void joins_add_limits(const struct joins *j, struct limit_counts *out);

#endif
