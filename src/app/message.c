#include "app/message.h"

#include "app/progress.h"
#include "app/terminal.h"
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void message(const char *format, ...)
{
	struct buffer line = { 0 };
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return;
	buffer_add_text(&line, "overhear: ");
	terminal_add_text(&line, (struct bytes){ (const uint8_t *)text, (size_t)len });
	buffer_add_text(&line, "\n");
	progress_erase();
	fwrite(line.at, 1, line.len, stderr);
	buffer_finish(&line);
	free(text);
}

int message_error(const char *what, const struct error *error)
{
	if (what)
		message("%s: %s", what, error->text);
	else
		message("%s", error->text);
	return (int)error->status;
}
