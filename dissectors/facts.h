/* facts.h: what follows from all that passed in a handshake, told once when it is emitted: how the
 * key was agreed on, and what became of the client's certificate and of Encrypted ClientHello. Part
 * of the exchange (exchange_parts.h).
 */
#ifndef DISSECTORS_FACTS_H
#define DISSECTORS_FACTS_H

#include "dissectors/exchange.h"

/* Fills the members of x->h that are derived; times and alerts are absolute or not, it does not
 * matter. */
void facts_tell(struct exchange *x);

#endif
