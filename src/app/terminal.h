/* terminal.h: what the screen can do, and text made fit for it. */
#ifndef APP_TERMINAL_H
#define APP_TERMINAL_H

#include "base/buffer.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stddef.h>

/* How standard output is to be written on. */
struct terminal {
	bool tty;     /* it is a terminal */
	bool colour;  /* a terminal, and neither NO_COLOR nor TERM=dumb says otherwise */
	bool utf8;    /* the locale can show arrows and lines */
	size_t width; /* columns; 80 where it is not a terminal and COLUMNS is not set */
};

struct terminal terminal_of_stdout(void);
bool terminal_is_utf8(void);

/* Adds text from anywhere: no control byte gets through, and where the locale is not UTF-8 no byte
 * above 0x7e either, since 0x80-0x9f are controls to an 8-bit terminal. */
void terminal_add_text(struct buffer *out, struct bytes text);
/* Columns that such a text takes on the screen. */
size_t terminal_width(struct bytes text);
/* The longest beginning of the text that takes at most `width` columns. */
struct bytes terminal_cut(struct bytes text, size_t width);

#endif
