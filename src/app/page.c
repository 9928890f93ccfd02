#include "app/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const escapes[STYLE_COUNT] = {
	[PLAIN] = "",
	[BOLD] = "\033[1m",
	[FAINT] = "\033[2m",
	[GOOD] = "\033[32m",
	[BAD] = "\033[31m",
	[CAUTION] = "\033[33m",
	[CLIENT_SIDE] = "\033[36m",
	[SERVER_SIDE] = "\033[35m",
};

static const struct {
	const char *utf8, *ascii;
} glyphs[GLYPH_COUNT] = {
	[GLYPH_LINE] = { "\xe2\x94\x80", "-" },	      [GLYPH_RIGHT] = { "\xe2\x96\xb6", ">" },
	[GLYPH_LEFT] = { "\xe2\x97\x80", "<" },	      [GLYPH_POST] = { "\xe2\x94\x82", "|" },
	[GLYPH_POST_RIGHT] = { "\xe2\x94\x9c", "|" }, [GLYPH_POST_LEFT] = { "\xe2\x94\xa4", "|" },
	[GLYPH_BAR] = { "\xe2\x94\x81", "#" },	      [GLYPH_CHOSEN] = { "\xe2\x97\x8f", "*" },
	[GLYPH_UNDER] = { "\xe2\x94\x94", "`" },      [GLYPH_DASH] = { "\xe2\x80\x93", "-" },
};

void page_init(struct page *p, struct terminal terminal)
{
	*p = (struct page){ .terminal = terminal,
			    .width = terminal.width < PAGE_WIDTH_MAX ? terminal.width
								     : PAGE_WIDTH_MAX };
}

void page_finish(struct page *p)
{
	buffer_finish(&p->out);
}

static void style_on(struct page *p, enum style style)
{
	if (p->terminal.colour)
		buffer_add_text(&p->out, escapes[style]);
}

static void style_off(struct page *p, enum style style)
{
	if (p->terminal.colour && style != PLAIN)
		buffer_add_text(&p->out, "\033[0m");
}

void page_text(struct page *p, enum style style, const char *text)
{
	struct buffer safe = { 0 };

	terminal_add_text(&safe, (struct bytes){ (const uint8_t *)text, strlen(text) });
	style_on(p, style);
	buffer_add(&p->out, safe.at, safe.len);
	style_off(p, style);
	p->column += terminal_width(buffer_bytes(&safe));
	buffer_finish(&safe);
}

void page_format(struct page *p, enum style style, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return;
	page_text(p, style, text);
	free(text);
}

void page_glyph(struct page *p, enum style style, enum glyph glyph, size_t times)
{
	style_on(p, style);
	for (size_t i = 0; i < times; i++)
		buffer_add_text(&p->out,
				p->terminal.utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii);
	style_off(p, style);
	p->column += times;
}

void page_to(struct page *p, size_t column)
{
	for (; p->column < column; p->column++)
		buffer_add_text(&p->out, " ");
}

void page_newline(struct page *p)
{
	while (p->out.len && p->out.at[p->out.len - 1] == ' ')
		p->out.len--;
	buffer_add_text(&p->out, "\n");
	p->column = 0;
	p->item_before = false;
}

void page_heading(struct page *p, const char *text)
{
	page_newline(p);
	page_text(p, BOLD, text);
	page_newline(p);
}

void page_label(struct page *p, const char *label)
{
	page_to(p, 2);
	page_text(p, FAINT, label);
	page_to(p, PAGE_LABEL_WIDTH);
	p->indent = PAGE_LABEL_WIDTH;
	p->item_before = false;
}

static void wrap(struct page *p)
{
	page_newline(p);
	page_to(p, p->indent);
}

static size_t shown_width(const char *text)
{
	struct buffer safe = { 0 };

	terminal_add_text(&safe, (struct bytes){ (const uint8_t *)text, strlen(text) });
	size_t width = terminal_width(buffer_bytes(&safe));
	buffer_finish(&safe);
	return width;
}

void page_item(struct page *p, enum style style, const char *text, bool chosen)
{
	/* The comma that may follow counts too. */
	size_t width = shown_width(text) + (chosen ? 2 : 0) + 1;

	if (p->item_before) {
		page_text(p, FAINT, ",");
		if (p->column + 1 + width > p->width)
			wrap(p);
		else
			page_text(p, PLAIN, " ");
	}
	if (chosen) {
		page_glyph(p, GOOD, GLYPH_CHOSEN, 1);
		page_text(p, PLAIN, " ");
	}
	page_text(p, chosen ? GOOD : style, text);
	p->item_before = true;
}

void page_words(struct page *p, enum style style, const char *text)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");
		char *word = strndup(text, len);

		if (!word)
			return;
		if (!first && p->column + 1 + shown_width(word) > p->width)
			wrap(p);
		else if (!first)
			page_text(p, PLAIN, " ");
		page_text(p, style, word);
		free(word);
		first = false;
		text += len + strspn(text + len, " ");
	}
}

void page_field(struct page *p, const char *label, const char *text)
{
	if (!text)
		return;
	page_label(p, label);
	page_words(p, PLAIN, text);
	page_newline(p);
}
