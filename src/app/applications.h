/* applications.h: application, category and risks of a handshake, by nDPI.
 *
 * The name says the application, by nDPI's list of hosts. The rest is a matter of the hellos, the
 * server's own certificate and its port, which many handshakes share: they are shown to nDPI's
 * dissector once, written out anew from the record, and the answer is remembered. So an answer is a
 * function of the record alone and does not depend on what came before, and segments that came late
 * or in small pieces make no difference. nDPI is set up when the first handshake asks.
 */
#ifndef APP_APPLICATIONS_H
#define APP_APPLICATIONS_H

#include "overhear/handshake.h"
#include "overhear/limits.h"

struct applications;

struct applications *applications_create(struct limit_counts *limits);
void applications_destroy(struct applications *a);
/* Fills application, category and risks. */
void applications_tell(struct applications *a, struct handshake *h);

#endif
