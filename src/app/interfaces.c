#include "app/interfaces.h"

#include "app/message.h"
#include "app/output.h"
#include "app/terminal.h"
#include "source/source.h"

#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 20 };

static void print_interface(void *context, const char *name, const char *description)
{
	struct buffer *line = context;
	size_t start = line->len;

	terminal_add_text(line, (struct bytes){ (const uint8_t *)name, strlen(name) });
	if (description) {
		size_t used = line->len - start;

		buffer_add_format(line, "%*s  ", (int)(used < NAME_WIDTH ? NAME_WIDTH - used : 0),
				  "");
		terminal_add_text(
			line, (struct bytes){ (const uint8_t *)description, strlen(description) });
	}
	buffer_add_text(line, "\n");
}

int interfaces_print(void)
{
	struct buffer lines = { 0 };
	struct error error = { 0 };
	int status = EXIT_DONE;

	if (source_list_interfaces(print_interface, &lines, &error))
		output_write(&lines);
	else
		status = message_error(NULL, &error);
	buffer_finish(&lines);
	return status;
}
