#include "app/terminal.h"

#include "base/text.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 1000 };

bool terminal_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static size_t width_wanted(void)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	if (!width)
		return WIDTH_DEFAULT;
	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

/* https://no-color.org: any value that is not empty. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && *term && strcmp(term, "dumb");
}

struct terminal terminal_of_stdout(void)
{
	bool tty = isatty(STDOUT_FILENO);

	return (struct terminal){ .tty = tty,
				  .colour = tty && wants_colour(),
				  .utf8 = terminal_is_utf8(),
				  .width = width_wanted() };
}

void terminal_add_text(struct buffer *out, struct bytes text)
{
	size_t start = out->len;

	text_add_safe(out, text);
	if (terminal_is_utf8())
		return;
	struct buffer plain = { 0 };
	for (size_t i = start; i < out->len; i++) {
		if (out->at[i] < 0x7f)
			buffer_add(&plain, &out->at[i], 1);
		else
			buffer_add_format(&plain, "\\x%02x", out->at[i]);
	}
	out->len = start;
	buffer_add(out, plain.at, plain.len);
	buffer_finish(&plain);
}

/* One character off the front: its bytes and columns. What is no character takes one column. */
static size_t next_character(struct bytes text, mbstate_t *state, size_t *columns)
{
	wchar_t c;
	size_t n = mbrtowc(&c, (const char *)text.at, text.len, state);

	if (n == 0 || n > text.len) {
		*state = (mbstate_t){ 0 };
		*columns = 1;
		return 1;
	}
	int width = wcwidth(c);
	*columns = width < 0 ? 1 : (size_t)width;
	return n;
}

struct bytes terminal_cut(struct bytes text, size_t width)
{
	struct reader r = reader_of(text);
	mbstate_t state = { 0 };
	size_t used = 0;

	while (rd_more(&r)) {
		size_t columns, n = next_character(rd_peek(&r), &state, &columns);

		if (used + columns > width)
			break;
		used += columns;
		rd_skip(&r, n);
	}
	return (struct bytes){ text.at, text.len - rd_left(&r) };
}

size_t terminal_width(struct bytes text)
{
	struct reader r = reader_of(text);
	mbstate_t state = { 0 };
	size_t used = 0, columns;

	while (rd_more(&r)) {
		rd_skip(&r, next_character(rd_peek(&r), &state, &columns));
		used += columns;
	}
	return used;
}
