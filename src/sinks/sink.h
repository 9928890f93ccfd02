/* sink.h: where finished handshakes go. A sink is used by one thread at a time. */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include "base/error.h"
#include "overhear/attempt.h"
#include "overhear/capture.h"
#include "overhear/handshake.h"

#include <stdbool.h>

struct sink;

struct sink_counts {
	uint64_t handshakes;	/* stored */
	uint64_t lost;		/* rows that could not be stored */
};

struct sink_ops {
	const char *name;
	bool (*open)(struct sink **out, const char *where, struct error *error);
	/* Starts a capture and gives it its id. */
	bool (*begin)(struct sink *s, struct capture *c, struct error *error);
	/* Stores one handshake; the caller keeps it. Interned shapes and chains are stored at their first sight. */
	bool (*put)(struct sink *s, struct handshake *h, struct error *error);
	/* Stores rows of the capture that began last; later totals of a row replace the earlier ones. */
	bool (*put_attempts)(struct sink *s, const struct attempt *attempts, size_t count, struct error *error);
	/* Called about once a second of wall time, and when idle: makes what was put durable. */
	bool (*flush)(struct sink *s, struct error *error);
	/* Ends the capture: its counters, the indexes, everything durable. */
	bool (*end)(struct sink *s, const struct capture *c, struct error *error);
	void (*counts)(const struct sink *s, struct sink_counts *out);
	bool (*close)(struct sink *s, struct error *error);
};

extern const struct sink_ops sqlite_sink;

#endif
