/* confine.h: what a run gives up before it looks at the first packet: its user, its capabilities, files, networks and
 * nearly all system calls, in every thread and for good. docs/security.md has the reasons.
 *
 * In this order: confine_begin(); then what needs privileges is opened; then confine_enter(), while there is but one
 * thread; then packets.
 */
#ifndef APP_CONFINE_H
#define APP_CONFINE_H

#include "app/options.h"
#include "app/rotate.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Chooses the user, looks at the place of the database and makes its file, and starts the process that opens files
 * from then on (porter.h). */
bool confine_begin(const struct options *o, const struct rotation *database, struct error *error);
/* From here on there is no way back. The sockets are those that packets come from. False: nothing may be read. */
bool confine_enter(const int *packet_sockets, size_t count, struct error *error);
/* For commands that read a database: gives up what costs nothing to give up. */
void confine_reader(void);

#endif
