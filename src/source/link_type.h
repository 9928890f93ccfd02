/* link_type.h: LINKTYPE_ values, which files hold, against DLT_ values, which libpcap's calls take.
 * Both are the same number but for a few that differed between systems when files were first exchanged.
 */
#ifndef SOURCE_LINK_TYPE_H
#define SOURCE_LINK_TYPE_H

#include "base/buffer.h"

#include <stdint.h>

enum { LINK_TYPE_ETHERNET = 1, LINK_TYPE_RAW = 101, LINK_TYPES_MAX = 65536 };

int link_type_to_dlt(uint16_t link_type);
uint16_t link_type_from_dlt(int dlt);
/* Of a file's field: some systems wrote DLT_RAW as it is there. */
uint16_t link_type_from_file(uint32_t field);

/* The names of the link types seen, in the order of their first packets. Zeroes are an empty one. */
struct link_names {
	struct buffer text;
	uint8_t seen[LINK_TYPES_MAX / 8];
};

void link_names_add(struct link_names *n, uint16_t link_type);
/* Joined by ','; NULL where there is none yet. */
const char *link_names_text(const struct link_names *n);
void link_names_finish(struct link_names *n);

#endif
