/* page.h: a page of text for a terminal or a pipe, built in memory: styles, labels, lists that
 * wrap. Every text passes terminal_add_text(). */
#ifndef APP_PAGE_H
#define APP_PAGE_H

#include "app/terminal.h"
#include "base/buffer.h"

#include <stddef.h>

enum style { PLAIN, BOLD, FAINT, GOOD, BAD, CAUTION, CLIENT_SIDE, SERVER_SIDE, STYLE_COUNT };
enum glyph {
	GLYPH_LINE,
	GLYPH_RIGHT,
	GLYPH_LEFT,
	GLYPH_POST,
	GLYPH_POST_RIGHT,
	GLYPH_POST_LEFT,
	GLYPH_BAR,
	GLYPH_CHOSEN,
	GLYPH_UNDER,
	GLYPH_DASH,
	GLYPH_COUNT
};

enum { PAGE_WIDTH_MAX = 120, PAGE_LABEL_WIDTH = 16 };

struct page {
	struct buffer out;
	struct terminal terminal;
	size_t width;	  /* of the lines: the terminal's, at most PAGE_WIDTH_MAX */
	size_t column;	  /* where the next character goes */
	size_t indent;	  /* where wrapped lines begin */
	bool item_before; /* the list that is being written has an item */
};

void page_init(struct page *p, struct terminal terminal);
void page_finish(struct page *p);

void page_text(struct page *p, enum style style, const char *text);
void page_format(struct page *p, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void page_glyph(struct page *p, enum style style, enum glyph glyph, size_t times);
/* Spaces up to a column; at least none. */
void page_to(struct page *p, size_t column);
void page_newline(struct page *p);

/* An empty line and a bold one. */
void page_heading(struct page *p, const char *text);
/* Begins a line `  label         ...`. */
void page_label(struct page *p, const char *label);
/* An item of a list behind a label, set apart by commas, on a new line where it would not fit. */
void page_item(struct page *p, enum style style, const char *text, bool chosen);
/* A sentence, wrapped at its spaces. */
void page_words(struct page *p, enum style style, const char *text);
/* A label with one text, or nothing at all for NULL. */
void page_field(struct page *p, const char *label, const char *text);

#endif
