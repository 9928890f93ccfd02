#include "app/command.h"

#include <string.h>

const struct command commands[] = {
	{
		.name = "read",
		.bit = COMMAND_READ,
		.operands = "FILE...",
		.least = 1,
		.most = SIZE_MAX,
		.run = command_read,
		.summary = "analyse capture files",
		.about = "Records the TLS handshakes of capture files in a database: pcap or "
			 "pcapng,\n"
			 "plain or compressed with gzip, zstd or lz4; '-' is standard input. One "
			 "bad\n"
			 "file does not stop the others, and a file that the database already "
			 "holds is\n"
			 "not read twice.\n",
		.example = "tcpdump -i eth0 -w - | overhear read -o day.db -",
	},
	{
		.name = "listen",
		.bit = COMMAND_LISTEN,
		.operands = "IFACE...",
		.least = 1,
		.most = SIZE_MAX,
		.run = command_listen,
		.summary = "analyse live interfaces until interrupted",
		.about = "Records the TLS handshakes that pass on network interfaces ('any': all "
			 "of\n"
			 "them) in a database, until SIGINT or SIGTERM. SIGUSR1 prints counters.\n"
			 "'overhear -D' lists interfaces.\n",
		.example = "overhear listen -o day.db -f 'tcp port 443' eth0",
	},
	{
		.name = "list",
		.bit = COMMAND_LIST,
		.operands = "[DB]",
		.most = 1,
		.run = command_list,
		.summary = "one line per handshake, newest last",
		.about =
			"Prints the handshakes of a database, one a line, the newest last. A "
			"terminal\n"
			"shows the newest thousand, fitted to its width; a pipe gets all of them,\n"
			"uncut. --json and --csv give every column.\n",
		.example = "overhear list --json day.db | jq 'select(.outcome == \"failed\")'",
	},
	{
		.name = "show",
		.bit = COMMAND_SHOW,
		.operands = "ID [DB]",
		.least = 1,
		.most = 2,
		.run = command_show,
		.summary = "one handshake as a ladder of messages",
		.about = "Shows one handshake: who sent what and when, what was offered and what "
			 "was\n"
			 "chosen, the certificates, where the time went and how it ended. ID is "
			 "the\n"
			 "first column of 'overhear list'. --json gives all of it as one object, "
			 "--csv\n"
			 "the messages alone.\n",
		.example = "overhear show 17 day.db",
	},
	{
		.name = "diagnose",
		.bit = COMMAND_DIAGNOSE,
		.operands = "[DB]",
		.least = 0,
		.most = 1,
		.run = command_diagnose,
		.summary = "failures by cause, with evidence and remedy",
		.about = "Groups what failed by its cause: how often, who ended it, which servers and\n"
			 "clients it hit, what shows it and who must do what. Below stands what else was\n"
			 "found in handshakes. --json and --csv give one row a cause.\n",
		.example = "overhear diagnose day.db",
	},
	{
		.name = "certs",
		.bit = COMMAND_CERTS,
		.operands = "[DB]",
		.least = 0,
		.most = 1,
		.run = command_certs,
		.summary = "certificates seen, each with its chain and days left",
		.about = "Shows each leaf with the chain it was last sent with: days left of every\n"
			 "member, counted from the newest handshake in the database, its key, and where\n"
			 "it was seen. What ends first stands first. --json and --csv give every column,\n"
			 "one row a member.\n",
		.example = "overhear certs --json day.db | jq 'select(.days_left < 30)'",
	},
	{
		.name = "explain",
		.bit = COMMAND_EXPLAIN,
		.operands = "WORD",
		.least = 1,
		.most = SIZE_MAX,
		.run = command_explain,
		.summary = "what a message, field, value, finding or code means",
		.about = "Says in plain words what a name or a number means: a message, a column "
			 "of the\n"
			 "database or one of its values, an alert, a cipher suite, a group, a "
			 "signature\n"
			 "scheme, an extension, a version, a finding. Upper and lower case, '-' and "
			 "'_'\n"
			 "are the same.\n",
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
