#include "app/command.h"
#include "app/confine.h"
#include "app/interfaces.h"
#include "app/message.h"
#include "app/options.h"
#include "app/output.h"
#include "base/xmalloc.h"
#include "record/crypto_memory.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void)
{
	static const char text[] = "overhear: out of memory: give it more, or less to do\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);

	(void)written;
	_exit(EXIT_IO);
}

static void print_general_help(void)
{
	printf("usage: overhear COMMAND [OPTION...] [OPERAND...]\n\n"
	       "Analyses TLS handshakes that pass by, from capture files or live, into one\n"
	       "SQLite database.\n\ncommands\n");
	for (size_t i = 0; i < command_count; i++) {
		char usage[64];

		if (!commands[i].name)
			continue;
		snprintf(usage, sizeof usage, "%s %s", commands[i].name, commands[i].operands);
		printf("  %-22s  %s\n", usage, commands[i].summary);
	}
	printf("\noptions\n");
	options_print(stdout, NULL);
	printf("\n'overhear COMMAND -h' tells more of each; overhear(1) is the manual.\n");
}

static void print_command_help(const struct command *c)
{
	printf("usage: overhear %s %s%s\n\n%s", c->name, options_any(c) ? "[OPTION...] " : "",
	       c->operands, c->about);
	if (options_any(c)) {
		printf("\noptions\n");
		options_print(stdout, c);
	}
	printf("\nexample\n  %s\n", c->example);
}

static int run_command(const struct options *o)
{
	if (o->command->bit & READING)
		confine_reader();
	return o->command->run(o);
}

static int run(const struct options *o)
{
	if (o->help && o->command)
		print_command_help(o->command);
	else if (o->help)
		print_general_help();
	else if (o->version)
		printf("overhear %s\n", OVERHEAR_VERSION);
	else if (o->interfaces)
		return interfaces_print();
	else
		return run_command(o);
	return EXIT_DONE;
}

/* A reader that has gone (EPIPE) wanted no more: that is no failure. */
static int finish_output(int status)
{
	int why = output_finish();

	if (!why || why == EPIPE)
		return status;
	message("standard output: %s: make room or send it elsewhere", strerror(why));
	return status > EXIT_IO ? status : EXIT_IO;
}

int main(int argc, char **argv)
{
	struct options options;
	struct error error;
	int status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	xmalloc_on_failure(out_of_memory);
	crypto_memory_checked();
	if (options_parse(&options, argc, argv, &error))
		status = run(&options);
	else
		status = message_error(NULL, &error);
	options_finish(&options);
	return finish_output(status);
}
