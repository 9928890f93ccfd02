#include "app/table.h"

#include "app/output.h"
#include "base/xmalloc.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are looked at before a plain table begins; a terminal's table is held as a whole, its
 * caller limits it. */
enum { ROWS_LEARNED = 256, GAP = 2 };

struct cell {
	char *text; /* owned */
	const char *colour;
};

struct grid {
	size_t columns, rows, room;
	struct cell *cells;
	size_t *widths; /* the widest of each column so far */
};

static void grid_init(struct grid *g, const struct table_column *columns, size_t count)
{
	*g = (struct grid){ .columns = count, .widths = xcalloc(count, sizeof *g->widths) };
	for (size_t i = 0; i < count; i++)
		g->widths[i] = strlen(columns[i].head);
}

static void grid_clear(struct grid *g)
{
	for (size_t i = 0; i < g->rows * g->columns; i++)
		free(g->cells[i].text);
	g->rows = 0;
}

static void grid_finish(struct grid *g)
{
	grid_clear(g);
	free(g->cells);
	free(g->widths);
}

static void add_cell(struct buffer *out, const struct table_column *column, struct value v)
{
	if (column->exact && v.type == VALUE_REAL)
		buffer_add_format(out, "%.3f", v.real);
	else
		output_add_text(out, v);
}

static void grid_add(struct grid *g, const struct query *q, const struct table_column *columns)
{
	if (g->rows == g->room) {
		g->room = g->room ? g->room * 2 : ROWS_LEARNED;
		g->cells = xrealloc(g->cells, g->room * g->columns * sizeof *g->cells);
	}
	for (size_t i = 0; i < g->columns; i++) {
		struct value v = query_value(q, (int)i);
		struct buffer text = { 0 };

		add_cell(&text, &columns[i], v);
		size_t width = terminal_width(buffer_bytes(&text));
		if (width > g->widths[i])
			g->widths[i] = width;
		buffer_text(&text);
		g->cells[g->rows * g->columns + i] = (struct cell){
			.text = (char *)text.at,
			.colour = columns[i].colour ? columns[i].colour(v) : NULL,
		};
	}
	g->rows++;
}

static size_t total(const size_t *widths, size_t count)
{
	size_t sum = 0, shown = 0;

	for (size_t i = 0; i < count; i++) {
		sum += widths[i];
		shown += widths[i] > 0;
	}
	return sum + (shown ? (shown - 1) * GAP : 0);
}

static size_t floor_of(const struct table_column *column, size_t wanted)
{
	return column->least && column->least < wanted ? column->least : wanted;
}

/* Drops the columns that can be spared until the rest fits when cut as far as may be. */
static void drop_spare(const struct table_column *columns, size_t count, size_t width,
		       size_t *widths, size_t *floors)
{
	while (total(floors, count) > width) {
		size_t go = count;

		for (size_t i = 0; i < count; i++)
			if (floors[i] && columns[i].spare &&
			    (go == count || columns[i].spare > columns[go].spare))
				go = i;
		if (go == count)
			return;
		widths[go] = floors[go] = 0;
	}
}

void table_fit(const struct table_column *columns, size_t count, size_t width, size_t *widths)
{
	size_t *floors = xcalloc(count, sizeof *floors);

	for (size_t i = 0; i < count; i++)
		floors[i] = floor_of(&columns[i], widths[i]);
	drop_spare(columns, count, width, widths, floors);
	/* The widest column that still gives, gives one: what is cut is cut evenly. */
	while (total(widths, count) > width) {
		size_t give = count;

		for (size_t i = 0; i < count; i++)
			if (widths[i] > floors[i] && (give == count || widths[i] > widths[give]))
				give = i;
		if (give == count)
			break;
		widths[give]--;
	}
	free(floors);
}

void table_add_cut(struct buffer *out, struct bytes text, size_t width, bool utf8)
{
	if (terminal_width(text) <= width) {
		buffer_add(out, text.at, text.len);
		return;
	}
	struct bytes kept = terminal_cut(text, width ? width - 1 : 0);
	buffer_add(out, kept.at, kept.len);
	buffer_add_text(out, !width ? "" : utf8 ? "\xe2\x80\xa6" : "~");
}

static void set_line(struct libscols_line *line, const struct grid *g, const struct cell *cells,
		     const size_t *widths, bool utf8)
{
	size_t at = 0;

	for (size_t i = 0; i < g->columns; i++) {
		struct buffer text = { 0 };

		if (!widths[i])
			continue;
		table_add_cut(
			&text,
			(struct bytes){ (const uint8_t *)cells[i].text, strlen(cells[i].text) },
			widths[i], utf8);
		struct libscols_cell *cell = scols_line_get_cell(line, at++);
		scols_cell_set_data(cell, buffer_text(&text));
		if (cells[i].colour)
			scols_cell_set_color(cell, cells[i].colour);
		buffer_finish(&text);
	}
}

static void add_columns(struct libscols_table *t, const struct table_column *columns, size_t count,
			const size_t *widths)
{
	for (size_t i = 0; i < count; i++) {
		if (!widths[i])
			continue;
		struct libscols_column *c =
			scols_table_new_column(t, columns[i].head, (double)widths[i],
					       columns[i].right ? SCOLS_FL_RIGHT : 0);
		scols_cell_set_color(scols_column_get_header(c), "\033[1m");
	}
}

static void print_fitted(const struct grid *g, const struct table_column *columns, size_t *widths,
			 const struct terminal *terminal)
{
	struct libscols_table *t = scols_new_table();

	table_fit(columns, g->columns, terminal->width, widths);
	scols_table_enable_colors(t, terminal->colour);
	scols_table_enable_ascii(t, !terminal->utf8);
	/* The cells are safe already; libsmartcols would escape their backslashes once more. */
	scols_table_enable_noencoding(t, 1);
	scols_table_set_column_separator(t, "  ");
	scols_table_set_termforce(t, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(t, terminal->width + GAP);
	add_columns(t, columns, g->columns, widths);
	for (size_t row = 0; row < g->rows; row++)
		set_line(scols_table_new_line(t, NULL), g, &g->cells[row * g->columns], widths,
			 terminal->utf8);
	scols_print_table(t);
	scols_unref_table(t);
}

static void add_padded(struct buffer *out, const struct table_column *columns, size_t count,
		       size_t i, const char *text, size_t width)
{
	struct bytes b = { (const uint8_t *)text, strlen(text) };
	size_t used = terminal_width(b), pad = width > used ? width - used : 0;

	if (columns[i].right)
		buffer_add_format(out, "%*s", (int)pad, "");
	buffer_add(out, b.at, b.len);
	if (i + 1 == count)
		buffer_add_text(out, "\n");
	else
		buffer_add_format(out, "%*s", (int)(columns[i].right ? GAP : pad + GAP), "");
}

static bool print_plain_rows(struct grid *g, const struct table_column *columns,
			     const size_t *widths)
{
	struct buffer line = { 0 };
	bool fine = true;

	for (size_t row = 0; fine && row < g->rows; row++) {
		for (size_t i = 0; i < g->columns; i++)
			add_padded(&line, columns, g->columns, i,
				   g->cells[row * g->columns + i].text, widths[i]);
		fine = output_write(&line);
	}
	grid_clear(g);
	buffer_finish(&line);
	return fine;
}

static bool print_plain_head(const struct table_column *columns, size_t count, const size_t *widths)
{
	struct buffer line = { 0 };

	for (size_t i = 0; i < count; i++)
		add_padded(&line, columns, count, i, columns[i].head, widths[i]);
	bool fine = output_write(&line);
	buffer_finish(&line);
	return fine;
}

static enum query_result print_plain(struct query *q, struct grid *g,
				     const struct table_column *columns, struct error *error)
{
	enum query_result result = QUERY_ROW;
	size_t *widths = NULL;
	bool fine = true;

	while (fine && result == QUERY_ROW) {
		while (g->rows < ROWS_LEARNED && (result = query_step(q, error)) == QUERY_ROW)
			grid_add(g, q, columns);
		if (result == QUERY_FAILED)
			break;
		if (!widths) {
			widths = xmalloc(g->columns * sizeof *widths);
			memcpy(widths, g->widths, g->columns * sizeof *widths);
			fine = print_plain_head(columns, g->columns, widths);
		}
		fine = fine && print_plain_rows(g, columns, widths);
	}
	free(widths);
	return result;
}

bool table_print(struct query *q, const struct table_column *columns, size_t count,
		 const struct terminal *terminal, struct error *error)
{
	enum query_result result = QUERY_ROW;
	struct grid g;

	grid_init(&g, columns, count);
	if (!terminal->tty) {
		result = print_plain(q, &g, columns, error);
	} else {
		while ((result = query_step(q, error)) == QUERY_ROW)
			grid_add(&g, q, columns);
		if (result == QUERY_DONE)
			print_fitted(&g, columns, g.widths, terminal);
	}
	grid_finish(&g);
	return result != QUERY_FAILED;
}
