/* capture.h: one reading of a file, or one run on interfaces: a row of the view `captures`. Owned by the
 * application; texts are borrowed from it and outlive the run.
 */
#ifndef OVERHEAR_CAPTURE_H
#define OVERHEAR_CAPTURE_H

#include "overhear/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct capture {
	int64_t id;			/* given by the sink when the capture begins */
	const char *source;		/* path as given, "-", or the interface's name */
	const char *kind;		/* "file" | "interface" */
	const char *link_type;		/* LINKTYPE_ name as libpcap spells it (EN10MB), several joined by ','; NULL */
	const char *filter;		/* of -f; NULL */
	const char *sensor;		/* host name */
	const char *fingerprint;	/* how the same reading is known again (contract section 1); NULL for interfaces */
	int64_t started_ns, ended_ns;	/* first and last packet time; INT64_MIN where there was no packet */
	uint64_t packets, bytes;	/* received, of the captured lengths */
	uint64_t kernel_drops, interface_drops;
	bool drops_known;		/* false for files: the columns are NULL */
	uint64_t truncated_packets, malformed_packets, reassembly_gaps, flows, evicted_flows, handshakes;
	struct limit_counts limits;
	uint64_t rows_lost;		/* handshakes that never got to the sink */
	int status;			/* the exit status of the finished reading; kept for "already read" */
};

#endif
