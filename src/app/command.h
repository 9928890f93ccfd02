/* command.h: the table of commands. A new command is one file and one row. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "app/options.h"

#include <stddef.h>

/* Bits, so that a row of the table of options can name several. NO_COMMAND: may stand alone. */
enum command_bit {
	NO_COMMAND = 1,
	COMMAND_READ = 2,
	COMMAND_LISTEN = 4,
	COMMAND_LIST = 8,
	COMMAND_SHOW = 16,
	COMMAND_EXPLAIN = 32,
	COMMAND_DIAGNOSE = 64,
	COMMAND_CERTS = 128,
};
enum {
	CAPTURING = COMMAND_READ | COMMAND_LISTEN,
	READING = COMMAND_LIST | COMMAND_SHOW | COMMAND_DIAGNOSE | COMMAND_CERTS | COMMAND_EXPLAIN
};

struct command {
	const char *name;
	enum command_bit bit;
	const char *operands; /* as the usage line shows them */
	size_t least, most;   /* how many of them */
	const char *summary;  /* half a line, for `overhear -h` */
	const char *about;    /* a paragraph, for `overhear NAME -h` */
	const char *example;
	int (*run)(const struct options *o); /* returns the exit status */
};

extern const struct command commands[];
extern const size_t command_count;

/* NULL for an unknown name. */
const struct command *command_find(const char *name);
const struct command *command_of_bit(enum command_bit bit);

int command_read(const struct options *o);
int command_listen(const struct options *o);
int command_list(const struct options *o);
int command_show(const struct options *o);
int command_diagnose(const struct options *o);
int command_certs(const struct options *o);
int command_explain(const struct options *o);

#endif
