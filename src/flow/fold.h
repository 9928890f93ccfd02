/* fold.h: a flow before it is packed: each number is said by its distance from one that stands
 * nearby, so that most become small or zero.
 */
#ifndef FLOW_FOLD_H
#define FLOW_FOLD_H

#include "flow/table.h"

/* base_ns is any time near the flow's, the same for both. */
void flow_fold(const struct flow *f, int64_t base_ns, struct flow *rest);
/* Undoes it exactly. */
void flow_unfold(struct flow *f, int64_t base_ns);

static inline bool flow_has_isn(const struct flow *f, unsigned end)
{
	return f->opening & OPENING_ISN << end;
}

#endif
