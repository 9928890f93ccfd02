/* lookup.h: what a client was told of a name, as the DNS dissector finds it. Lookups travel in batches from the pipeline
 * to the writer, which alone joins them to handshakes; a batch has one owner at a time. Nothing of them is stored that no
 * handshake used.
 */
#ifndef OVERHEAR_LOOKUP_H
#define OVERHEAR_LOOKUP_H

#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LOOKUP_NAME = 255,		/* a name is shorter: RFC 1035 section 2.3.4 */
	LOOKUP_ADDRESSES = 32,		/* kept of one answer; the longest seen have 13 */
	LOOKUP_ECH = 1024,		/* an ECHConfigList; those seen are below 200 bytes */
	LOOKUP_BATCH = 32,
};

struct lookup {
	struct address client;
	bool has_mac;
	uint8_t client_mac[6];		/* of the outer frame */
	int64_t query_ns, answer_ns;
	uint64_t moment;		/* when the answer came, in the order of all pipelines (src/app/lanes.h) */
	uint8_t name_len;
	uint8_t address_count;
	uint16_t ech_len;
	uint8_t name[LOOKUP_NAME];	/* as it was asked for, in lower case, without the last dot */
	uint8_t ech[LOOKUP_ECH];	/* ECHConfigList (RFC 9849 section 4) of an HTTPS or SVCB record */
	struct address addresses[LOOKUP_ADDRESSES];
};

struct lookup_batch {
	uint32_t count;
	struct lookup each[LOOKUP_BATCH];
};

#endif
