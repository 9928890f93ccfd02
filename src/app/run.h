/* run.h: one capture from its first packet to its row: what read and listen share. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "app/jobs.h"
#include "app/options.h"
#include "app/rotate.h"
#include "app/worker.h"
#include "app/writer.h"
#include "source/source.h"

#include <stdbool.h>

/* One database, open for writing; what all captures of a run add up to. */
struct run {
	const struct options *options;
	struct diagnose *diagnose;
	struct crypto *crypto;		/* from before the confinement, and never used: keeps loaded what others need (run_confine) */
	struct writer *writer;		/* has the database */
	struct rotation rotation;	/* its name */
	int64_t complained_s;
	uint64_t lost;			/* by databases that are closed */
	size_t jobs;			/* -j */
	struct hash_key key;
	char sensor[256];
	uint64_t packets, kernel_drops, interface_drops, handshakes;
	int status;
};

/* Opens the database. False: said. */
bool run_open(struct run *r, const struct options *options);
/* Gives up what packets must not get at (confine.h); the sockets are those that they come from. False: said. */
bool run_confine(struct run *r, const int *packet_sockets, size_t count);
/* While no capture runs: opens the next database where it is time for one (rotate.h). */
void run_turn(struct run *r);
/* Closes it and prints the summary; returns the exit status. */
int run_close(struct run *r);
/* The highest status so far. */
void run_status(struct run *r, int status);

/* One capture being taken. */
struct capturing {
	struct run *run;
	struct jobs *jobs;		/* NULL: one worker, in the thread that reads */
	struct worker worker;
	struct capture capture;
	struct capture before;		/* what was counted when the database was exchanged last */
	uint64_t left;			/* packets that -c still allows */
};

bool capturing_begin(struct capturing *c, struct run *r, const char *source, const char *kind, const char *fingerprint);
/* False once -c is reached. */
bool capturing_packets(struct capturing *c, const struct packet *packets, size_t count);
/* Lines of a key log that the capture holds; borrowed until capturing_end(). */
void capturing_secrets(struct capturing *c, struct bytes text);
/* Packets whose link type is not in the table. */
uint64_t capturing_unknown_links(const struct capturing *c);
/* Live, when no packet came for a while: time goes on, and what came is stored soon. */
void capturing_tick(struct capturing *c, int64_t now_ns);
/* While it runs: goes on in the next database where it is time for one; each has a row of the capture with what was counted in its
 * time. What is still open is stored there as it ends. Asked often, it looks at the clock once a second. */
void capturing_turn(struct capturing *c, void (*add_stats)(void *context, struct source_stats *stats), void *context, const char *link_type);
/* Stores what is still open, and the capture's row. */
void capturing_end(struct capturing *c, const struct source_stats *stats, const char *link_type, int status);
/* SIGUSR1's print. */
void capturing_print(const struct capturing *c);

#endif
