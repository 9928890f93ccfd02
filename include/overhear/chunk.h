/* chunk.h: bytes of one direction of a connection, in order: what reassembly gives and dissectors take.
 * Borrowed until the call returns.
 */
#ifndef OVERHEAR_CHUNK_H
#define OVERHEAR_CHUNK_H

#include "base/reader.h"

#include <stdint.h>

/* Who sent it. Which of the two ends of a flow is the client is known once a hello is seen. */
enum sender { SENDER_CLIENT, SENDER_SERVER };

struct chunk {
	struct bytes data;
	int64_t time_ns;	/* when the packet that carried it first arrived */
	uint64_t number;	/* of that packet */
	uint64_t missing;	/* bytes that were lost for good just before data */
};

#endif
