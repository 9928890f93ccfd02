/* options.h: the command line, read once. One table holds every option: its letter, its names, the
 * commands it applies to and its sentence for -h. A new option is one row there and one member
 * here.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct command;

/* Texts are borrowed from the argument vector. What was not given stays NULL, 0 or false. */
struct options {
	const struct command *command; /* NULL for a bare -h, -V or -D */
	const char **operands;	       /* owned; those of the command, in order */
	size_t operand_count;
	const char *filter;  /* -f */
	uint64_t count;	     /* -c: packets */
	uint64_t snaplen;    /* -s */
	uint64_t buffer_kib; /* -B */
	const char *keylog;  /* -k */
	bool no_promiscuous; /* -p */
	bool quiet, verbose; /* -q, -v */
	const char *output;  /* -o; "overhear.db" where it was not given */
	bool no_ndpi; /* --no-ndpi */
	const char *ca_file, *ca_path; /* --ca-file, --ca-path */
	const char *user;		/* -Z */
	bool insecure_no_sandbox;
	uint64_t jobs; /* -j; 0: not given */
	uint64_t memory; /* --memory: bytes; 0: not given */
	uint64_t keep;	   /* --keep: seconds; 0: not given */
	uint64_t max_size; /* --max-size: bytes; 0: not given */
	bool again;
	bool json, csv;
	bool help, version, interfaces;
};

/* Fills `out`, which options_finish() empties. False for what cannot be used: the error says what
 * to do. */
bool options_parse(struct options *out, int argc, char **argv, struct error *error);
void options_finish(struct options *o);

/* The lines of `-h` for one command, or for NULL those that need none. */
void options_print(FILE *out, const struct command *command);
/* Whether `-h` of this command has lines of its own to show. */
bool options_any(const struct command *command);

#endif
