/* filter.h: one BPF expression over packets of any link type, compiled by libpcap once for each. */
#ifndef SOURCE_FILTER_H
#define SOURCE_FILTER_H

#include "overhear/packet.h"

#include <stdbool.h>
#include <stddef.h>

struct filter;

struct filter *filter_create(const char *expression);
void filter_destroy(struct filter *f);
/* Compiles for a link type; false where the expression does not fit it, and filter_reason() says why. */
bool filter_add(struct filter *f, uint16_t link_type);
const char *filter_reason(const struct filter *f);
/* Moves the packets that pass to the front and returns how many; their link types were added before. */
size_t filter_keep(const struct filter *f, struct packet *packets, size_t count);

#endif
