#include "app/options.h"

#include "app/budget.h"
#include "app/command.h"
#include "app/jobs.h"
#include "app/suggest.h"
#include "base/xmalloc.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_kind {
	OPTION_FLAG,	/* bool at offset */
	OPTION_TEXT,	/* const char * at offset */
	OPTION_NUMBER,	/* uint64_t at offset, between least and most */
	OPTION_AGE,	/* the same, in seconds, given with a unit: 30d, 12h */
	OPTION_SIZE,	/* the same, in bytes, given with a unit: 10G, 500M */
	OPTION_COMMAND, /* stands for a command and its first operand */
};

struct option_row {
	char letter; /* 0: a long form only */
	const char *name;
	const char *argument; /* as -h shows it; NULL: takes none */
	enum option_kind kind;
	size_t offset;
	uint64_t least, most;
	enum command_bit command; /* of OPTION_COMMAND */
	unsigned commands;	  /* bits of enum command_bit: where it applies */
	const char *help;
};

enum { EVERYWHERE = NO_COMMAND | CAPTURING | READING };
#define AT(member) .offset = offsetof(struct options, member)

static const struct option_row rows[] = {
	{ 'f', "filter", "BPF", OPTION_TEXT, AT(filter), .commands = CAPTURING,
	  .help = "only packets that this pcap-filter(7) lets pass" },
	{ 'c', "count", "PACKETS", OPTION_NUMBER, AT(count), 1, INT64_MAX, .commands = CAPTURING,
	  .help = "stop after so many packets" },
	{ 's', "snaplen", "BYTES", OPTION_NUMBER, AT(snaplen), 1, 262144, .commands = CAPTURING,
	  .help = "use at most so many bytes of a packet (262144)" },
	{ 'B', "buffer", "KIB", OPTION_NUMBER, AT(buffer_kib), 1, 2097151,
	  .commands = COMMAND_LISTEN, .help = "the kernel's ring for packets, in KiB (65536)" },
	{ 'p', "no-promiscuous", NULL, OPTION_FLAG, AT(no_promiscuous), .commands = COMMAND_LISTEN,
	  .help = "take only what is meant for this machine" },
	{ 'j', "jobs", "N", OPTION_NUMBER, AT(jobs), 1, JOBS_MAX, .commands = CAPTURING,
	  .help = "share the work among so many threads (1)" },
	{ 0, "memory", "SIZE", OPTION_SIZE, AT(memory), BUDGET_LEAST, UINT64_C(1) << 40, .commands = CAPTURING,
	  .help = "memory to do with: 300M, 2G (512M)" },
	{ 'o', "output", "DB", OPTION_TEXT, AT(output), .commands = CAPTURING,
	  .help = "the database to write (overhear.db)" },
	{ 0, "keep", "AGE", OPTION_AGE, AT(keep), 60, UINT64_C(36500) * 86400, .commands = CAPTURING,
	  .help = "remove what is older: 30d, 12h" },
	{ 0, "max-size", "SIZE", OPTION_SIZE, AT(max_size), 1 << 20, INT64_MAX, .commands = CAPTURING,
	  .help = "remove the oldest beyond this size: 10G, 500M" },
	{ 0, "no-ndpi", NULL, OPTION_FLAG, AT(no_ndpi), .commands = CAPTURING,
	  .help = "leave out what nDPI says: application, category, risks" },
	{ 0, "ca-file", "FILE", OPTION_TEXT, AT(ca_file), .commands = CAPTURING,
	  .help = "trust the roots in this file (PEM) and no others" },
	{ 0, "ca-path", "FOLDER", OPTION_TEXT, AT(ca_path), .commands = CAPTURING,
	  .help = "trust the roots in this folder and no others" },
	{ 'k', "keylog", "FILE", OPTION_TEXT, AT(keylog), .commands = CAPTURING,
	  .help = "secrets (SSLKEYLOGFILE) that open handshakes" },
	{ 'Z', "user", "USER", OPTION_TEXT, AT(user), .commands = CAPTURING,
	  .help = "started as root: the user to continue as" },
	{ 0, "insecure-no-sandbox", NULL, OPTION_FLAG, AT(insecure_no_sandbox), .commands = CAPTURING,
	  .help = "keep every right while parsing what strangers sent" },
	{ 0, "again", NULL, OPTION_FLAG, AT(again), .commands = COMMAND_READ,
	  .help = "read a known file anew, replacing what it gave" },
	{ 'q', "quiet", NULL, OPTION_FLAG, AT(quiet), .commands = CAPTURING,
	  .help = "no progress bar, no summary; errors only" },
	{ 'v', "verbose", NULL, OPTION_FLAG, AT(verbose), .commands = CAPTURING,
	  .help = "say more about what is done" },
	{ 0, "json", NULL, OPTION_FLAG, AT(json), .commands = READING,
	  .help = "print JSON, one object a line" },
	{ 0, "csv", NULL, OPTION_FLAG, AT(csv), .commands = READING,
	  .help = "print CSV (RFC 4180) with a header" },
	{ 'r', "read", "FILE", OPTION_COMMAND, .command = COMMAND_READ,
	  .commands = NO_COMMAND | COMMAND_READ, .help = "the same as 'overhear read FILE'" },
	{ 'i', "interface", "IFACE", OPTION_COMMAND, .command = COMMAND_LISTEN,
	  .commands = NO_COMMAND | COMMAND_LISTEN, .help = "the same as 'overhear listen IFACE'" },
	{ 'D', "interfaces", NULL, OPTION_FLAG, AT(interfaces), .commands = NO_COMMAND,
	  .help = "list the interfaces that 'listen' can use" },
	{ 'V', "version", NULL, OPTION_FLAG, AT(version), .commands = EVERYWHERE,
	  .help = "print the version" },
	{ 'h', "help", NULL, OPTION_FLAG, AT(help), .commands = EVERYWHERE,
	  .help = "this help, or that of a command" },
};
#undef AT
enum { ROW_COUNT = sizeof rows / sizeof *rows, LONG_BASE = 256 };

/* What getopt_long() wants, made from the table. Long options come back as LONG_BASE plus their
 * row. */
struct getopt_form {
	char letters[2 * ROW_COUNT + 3];
	struct option names[ROW_COUNT + 1];
};

static void make_getopt_form(struct getopt_form *form)
{
	char *to = form->letters;

	/* '-': operands are handed on in their order, wherever options stand; ':': a missing
	 * argument is told from an unknown option. */
	*to++ = '-';
	*to++ = ':';
	for (int i = 0; i < ROW_COUNT; i++) {
		if (rows[i].letter) {
			*to++ = rows[i].letter;
			if (rows[i].argument)
				*to++ = ':';
		}
		form->names[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument : no_argument,
			.val = LONG_BASE + i,
		};
	}
	*to = 0;
	form->names[ROW_COUNT] = (struct option){ 0 };
}

static const struct option_row *row_of_letter(int letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* `-f, --filter`, for messages. */
static const char *row_text(const struct option_row *row, char out[64])
{
	if (row->letter)
		snprintf(out, 64, "-%c, --%s", row->letter, row->name);
	else
		snprintf(out, 64, "--%s", row->name);
	return out;
}

static bool parse_number(const struct option_row *row, const char *text, uint64_t *out,
			 struct error *error)
{
	char *end, name[64];

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < row->least || v > row->most)
		return error_set(error, EXIT_USAGE, "%s: '%s' is not a number from %llu to %llu",
				 row_text(row, name), text, (unsigned long long)row->least,
				 (unsigned long long)row->most);
	*out = v;
	return true;
}

static const struct unit {
	char letter;
	uint64_t factor;
} ages[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }, { 0, 0 } },
  sizes[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 }, { 'T', UINT64_C(1) << 40 }, { 0, 0 } };

/* A number and the letter of its unit. */
static bool parse_measure(const struct option_row *row, const struct unit *units, const char *text, uint64_t *out, struct error *error)
{
	const char *letters = units == ages ? "s, m, h, d or w, as 30d or 12h" : "K, M, G or T, as 10G or 500M";
	char *end, name[64];

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	while (units->letter && units->letter != *end)
		units++;
	if (text[0] < '0' || text[0] > '9' || !units->letter || end[1])
		return error_set(error, EXIT_USAGE, "%s: '%s' is not a number with one of %s", row_text(row, name), text, letters);
	if (errno || v > row->most / units->factor || v * units->factor < row->least)
		return error_set(error, EXIT_USAGE, "%s: '%s' is too %s: the unit is one of %s", row_text(row, name), text,
				 errno || v > row->most / units->factor ? "much" : "little", letters);
	*out = v * units->factor;
	return true;
}

static void add_operand(struct options *o, const char *text)
{
	o->operands = xrealloc(o->operands, (o->operand_count + 1) * sizeof *o->operands);
	o->operands[o->operand_count++] = text;
}

static bool choose_command(struct options *o, const struct option_row *row, struct error *error)
{
	const struct command *wanted = command_of_bit(row->command);

	assert(wanted);
	if (o->command && o->command != wanted)
		return error_set(error, EXIT_USAGE,
				 "files and interfaces cannot be read in one run: start 'overhear "
				 "read' and 'overhear listen' apart");
	o->command = wanted;
	return true;
}

static bool apply(struct options *o, const struct option_row *row, const char *argument,
		  struct error *error)
{
	char *at = (char *)o + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)at = true;
		return true;
	case OPTION_TEXT:
		*(const char **)(void *)at = argument;
		return true;
	case OPTION_NUMBER:
		return parse_number(row, argument, (uint64_t *)(void *)at, error);
	case OPTION_AGE:
		return parse_measure(row, ages, argument, (uint64_t *)(void *)at, error);
	case OPTION_SIZE:
		return parse_measure(row, sizes, argument, (uint64_t *)(void *)at, error);
	case OPTION_COMMAND:
		add_operand(o, argument);
		return choose_command(o, row, error);
	}
	return false;
}

static bool unknown_option(const char *text, struct error *error)
{
	struct suggestions s = { .word = text };
	char near[128];

	if (!strncmp(text, "--", 2)) {
		s.word = text + 2;
		for (size_t i = 0; i < ROW_COUNT; i++)
			suggest_consider(&s, rows[i].name);
	}
	if (!s.count)
		return error_set(error, EXIT_USAGE, "unknown option '%s': 'overhear -h' lists them",
				 text);
	return error_set(error, EXIT_USAGE, "unknown option '%s': did you mean %s?", text,
			 suggest_text(&s, "--", near, sizeof near));
}

/* getopt_long() tells a long option by optopt 0 or its val, and leaves it just before optind. */
static bool bad_option(int result, char **argv, struct error *error)
{
	char shorter[3] = { '-', (char)optopt, 0 };
	const char *text = optopt > 0 && optopt < LONG_BASE ? shorter : argv[optind - 1];

	if (result == ':')
		return error_set(error, EXIT_USAGE,
				 "option '%s' needs an argument: 'overhear -h' shows which", text);
	if (optopt >= LONG_BASE)
		return error_set(error, EXIT_USAGE, "option '--%s' takes no argument",
				 rows[optopt - LONG_BASE].name);
	return unknown_option(text, error);
}

/* The given options, as bits by their row. */
static bool collect(struct options *o, int argc, char **argv, uint64_t *given, struct error *error)
{
	struct getopt_form form;
	int result;

	_Static_assert(ROW_COUNT <= 64, "given has a bit per row");
	make_getopt_form(&form);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	while ((result = getopt_long(argc, argv, form.letters, form.names, NULL)) != -1) {
		if (result == 1) {
			add_operand(o, optarg);
			continue;
		}
		if (result == '?' || result == ':')
			return bad_option(result, argv, error);
		const struct option_row *row =
			result >= LONG_BASE ? &rows[result - LONG_BASE] : row_of_letter(result);
		assert(row);
		*given |= UINT64_C(1) << (row - rows);
		if (!apply(o, row, optarg, error))
			return false;
	}
	for (; optind < argc; optind++)
		add_operand(o, argv[optind]);
	return true;
}

static bool unknown_command(const char *name, struct error *error)
{
	struct suggestions s = { .word = name };
	char near[128];

	if (!access(name, F_OK) && command_find("read"))
		return error_set(error, EXIT_USAGE,
				 "unknown command '%s': to analyse that file, 'overhear read %s'",
				 name, name);
	for (size_t i = 0; i < command_count; i++)
		suggest_consider(&s, commands[i].name);
	if (!s.count)
		return error_set(error, EXIT_USAGE,
				 "unknown command '%s': 'overhear -h' lists them", name);
	return error_set(error, EXIT_USAGE, "unknown command '%s': did you mean %s?", name,
			 suggest_text(&s, "", near, sizeof near));
}

/* Without -r or -i the first operand is the command's name. */
static bool take_command(struct options *o, struct error *error)
{
	if (o->command || !o->operand_count)
		return true;
	o->command = command_find(o->operands[0]);
	if (!o->command)
		return unknown_command(o->operands[0], error);
	o->operand_count--;
	memmove(o->operands, o->operands + 1, o->operand_count * sizeof *o->operands);
	return true;
}

static bool check_given(const struct options *o, uint64_t given, struct error *error)
{
	enum command_bit bit = o->command ? o->command->bit : NO_COMMAND;
	char name[64];

	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!(given >> i & 1) || rows[i].commands & bit)
			continue;
		if (!o->command)
			return error_set(error, EXIT_USAGE,
					 "option %s needs a command: 'overhear -h' lists them",
					 row_text(&rows[i], name));
		return error_set(error, EXIT_USAGE,
				 "%s has no option %s: 'overhear %s -h' lists its options",
				 o->command->name, row_text(&rows[i], name), o->command->name);
	}
	if (o->json && o->csv)
		return error_set(error, EXIT_USAGE,
				 "--json and --csv exclude each other: give one of them");
	return true;
}

static bool check_operands(const struct options *o, struct error *error)
{
	const struct command *c = o->command;

	if (o->help || o->version || o->interfaces)
		return true;
	if (!c)
		return error_set(error, EXIT_USAGE, "no command given: 'overhear -h' lists them");
	if (o->operand_count < c->least)
		return error_set(error, EXIT_USAGE, "something is missing: usage: overhear %s %s",
				 c->name, c->operands);
	if (o->operand_count > c->most)
		return error_set(error, EXIT_USAGE,
				 "one argument too many, '%s': usage: overhear %s %s",
				 o->operands[c->most], c->name, c->operands);
	return true;
}

bool options_parse(struct options *out, int argc, char **argv, struct error *error)
{
	uint64_t given = 0;

	*out = (struct options){ .output = "overhear.db" };
	return collect(out, argc, argv, &given, error) && take_command(out, error) &&
	       check_given(out, given, error) && check_operands(out, error);
}

void options_finish(struct options *o)
{
	if (!o)
		return;
	free(o->operands);
	*o = (struct options){ 0 };
}

static bool is_shown(const struct option_row *row, const struct command *command)
{
	if (row->kind == OPTION_COMMAND && !command_of_bit(row->command))
		return false;
	return command ? row->commands & command->bit && row->kind != OPTION_COMMAND &&
				 !(row->commands & NO_COMMAND)
		       : (row->commands & NO_COMMAND) != 0;
}

bool options_any(const struct command *command)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (is_shown(&rows[i], command))
			return true;
	return false;
}

void options_print(FILE *out, const struct command *command)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];
		char text[64];
		char letter[5] = "    ";

		if (!is_shown(row, command))
			continue;
		if (row->letter)
			snprintf(letter, sizeof letter, "-%c, ", row->letter);
		snprintf(text, sizeof text, "--%s%s%s", row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "");
		fprintf(out, "  %s%-18s  %s\n", letter, text, row->help);
	}
}
