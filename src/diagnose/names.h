/* names.h: does a certificate hold the name that was asked for? By RFC 9525: subject alternative names only,
 * never the common name.
 */
#ifndef DIAGNOSE_NAMES_H
#define DIAGNOSE_NAMES_H

#include "base/reader.h"

#include <stdbool.h>

/* A dNSName of a certificate (`pattern`) against the name of a host (section 6.3): without case; `*` stands
 * for one whole left-most label of letters, digits and hyphens, before at least two others. Both as A-labels. */
bool name_matches(struct bytes pattern, struct bytes host);
/* The host is an IP address in text (section 6.4): its 4 or 16 bytes into out, their number returned; 0 where it is none. */
size_t name_address(struct bytes host, uint8_t out[16]);
/* A name that the public DNS can hold: two labels or more, none of the top-level domains set aside for private
 * use, documentation and tests (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's .internal), no address. */
bool name_is_public(struct bytes host);

/* The last two labels of a name: near enough to what somebody registered, and never more than that. */
struct bytes name_domain(struct bytes host);

#endif
