#include "app/command.h"

#include <string.h>

const struct command commands[] = {
	{
		.name = "list", .bit = COMMAND_LIST, .operands = "[DB]", .most = 1, .run = command_list,
		.summary = "one line per handshake, newest last",
		.about = "Prints the handshakes of a database, one a line, the newest last. A terminal shows the\n"
			"newest thousand, fitted to its width; a pipe gets all of them, uncut. --json and --csv\n"
			"give every column.\n",
		.example = "overhear list --json day.db | jq 'select(.outcome == \"failed\")'",
	},
	{
		.name = "show", .bit = COMMAND_SHOW, .operands = "ID [DB]", .least = 1, .most = 2, .run = command_show,
		.summary = "one handshake as a ladder of messages",
		.about = "Shows one handshake: who sent what and when, what was offered and what was chosen, the\n"
			"certificates, where the time went and how it ended. ID is the first column of\n"
			"'overhear list'. --json gives all of it as one object, --csv the messages alone.\n",
		.example = "overhear show 17 day.db",
	},
	{
		.name = "explain", .bit = COMMAND_EXPLAIN, .operands = "WORD", .least = 1, .most = SIZE_MAX, .run = command_explain,
		.summary = "what a message, field, value or code means",
		.about = "Says in plain words what a name or a number means: a message, a column of the database or\n"
			"one of its values, an alert, a cipher suite, a group, a signature scheme, an extension, a\n"
			"version. Upper and lower case, '-' and '_' are the same.\n",
		.example = "overhear explain 0x1301",
	},
};
const size_t command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

const struct command *command_of_bit(enum command_bit bit)
{
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].bit == bit)
			return &commands[i];
	return NULL;
}
