#include "app/output.h"

#include "app/terminal.h"
#include "base/text.h"
#include "base/xmalloc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows are gathered to about this size before they are written. */
enum { WRITE_AT = 65536 };

static const char *const json_columns[] = { "clients", "inferred", "limits", "risks", "san", "seen_at", "servers" };

void output_add_real(struct buffer *out, double v)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buffer_add_text(out, text);
	/* So that every value of a column of reals looks like one. */
	if (!strpbrk(text, ".en"))
		buffer_add_text(out, ".0");
}

static void add_number(struct buffer *out, struct value v)
{
	if (v.type == VALUE_INTEGER)
		buffer_add_format(out, "%lld", (long long)v.integer);
	else
		output_add_real(out, v.real);
}

void output_add_text(struct buffer *out, struct value v)
{
	switch (v.type) {
	case VALUE_NULL:
		break;
	case VALUE_INTEGER:
	case VALUE_REAL:
		add_number(out, v);
		break;
	case VALUE_TEXT:
		terminal_add_text(out, v.bytes);
		break;
	case VALUE_BLOB:
		text_add_hex(out, v.bytes);
		break;
	}
}

static bool holds_json(const char *column, struct value v)
{
	if (v.type != VALUE_TEXT || !v.bytes.len || (v.bytes.at[0] != '[' && v.bytes.at[0] != '{'))
		return false;
	for (size_t i = 0; i < sizeof json_columns / sizeof *json_columns; i++)
		if (!strcmp(json_columns[i], column))
			return true;
	return false;
}

void output_add_json(struct buffer *out, const char *column, struct value v)
{
	if (v.type == VALUE_NULL || (v.type == VALUE_REAL && !isfinite(v.real))) {
		buffer_add_text(out, "null");
	} else if (v.type == VALUE_INTEGER || v.type == VALUE_REAL) {
		add_number(out, v);
	} else if (holds_json(column, v)) {
		text_add_safe(out, v.bytes);
	} else if (v.type == VALUE_TEXT) {
		text_add_json(out, v.bytes);
	} else {
		buffer_add_text(out, "\"");
		text_add_hex(out, v.bytes);
		buffer_add_text(out, "\"");
	}
}

static void add_key(struct buffer *out, bool first, const char *name)
{
	buffer_add_text(out, first ? "{" : ",");
	text_add_json(out, (struct bytes){ (const uint8_t *)name, strlen(name) });
	buffer_add_text(out, ":");
}

void output_add_json_row(struct buffer *out, const struct row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		add_key(out, !i, row->names[i]);
		output_add_json(out, row->names[i], row->values[i]);
	}
	buffer_add_text(out, row->count ? "}" : "{}");
}

void output_add_csv(struct buffer *out, struct value v)
{
	struct buffer text = { 0 };

	if (v.type == VALUE_TEXT)
		text_add_safe(&text, v.bytes);
	else
		output_add_text(&text, v);
	if (!memchr(buffer_text(&text), '"', text.len) && !memchr(text.at, ',', text.len)) {
		buffer_add(out, text.at, text.len);
	} else {
		buffer_add_text(out, "\"");
		for (size_t i = 0; i < text.len; i++) {
			if (text.at[i] == '"')
				buffer_add_text(out, "\"");
			buffer_add(out, &text.at[i], 1);
		}
		buffer_add_text(out, "\"");
	}
	buffer_finish(&text);
}

/* The first failure's errno: stdio itself only remembers that there was one. */
static int write_errno;

bool output_write(struct buffer *out)
{
	errno = 0;
	if (out->len && fwrite(out->at, 1, out->len, stdout) != out->len && !write_errno)
		write_errno = errno ? errno : EIO;
	buffer_clear(out);
	return !write_errno;
}

int output_finish(void)
{
	errno = 0;
	if (fflush(stdout) && !write_errno)
		write_errno = errno ? errno : EIO;
	return write_errno ? write_errno : ferror(stdout) ? EIO : 0;
}

/* What stands before each value of a row, made once: `{"id":`, then `,"capture_id":` and so on. */
static struct buffer *make_keys(const struct query *q, int count)
{
	struct buffer *keys = xcalloc((size_t)count, sizeof *keys);

	for (int i = 0; i < count; i++)
		add_key(&keys[i], !i, query_name(q, i));
	return keys;
}

static void free_keys(struct buffer *keys, int count)
{
	for (int i = 0; i < count; i++)
		buffer_finish(&keys[i]);
	free(keys);
}

static void add_json_line(struct buffer *line, const struct query *q, const struct buffer *keys)
{
	int count = query_columns(q);

	for (int i = 0; i < count; i++) {
		buffer_add(line, keys[i].at, keys[i].len);
		output_add_json(line, query_name(q, i), query_value(q, i));
	}
	buffer_add_text(line, "}\n");
}

static void add_csv_line(struct buffer *line, const struct query *q, const struct buffer *keys)
{
	int count = query_columns(q);

	(void)keys;
	for (int i = 0; i < count; i++) {
		if (i)
			buffer_add_text(line, ",");
		output_add_csv(line, query_value(q, i));
	}
	buffer_add_text(line, "\r\n");
}

static bool each_row(struct query *q,
		     void (*add)(struct buffer *, const struct query *, const struct buffer *),
		     struct error *error)
{
	struct buffer *keys = make_keys(q, query_columns(q)), lines = { 0 };
	enum query_result result;

	while ((result = query_step(q, error)) == QUERY_ROW) {
		add(&lines, q, keys);
		if (lines.len >= WRITE_AT && !output_write(&lines))
			break;
	}
	output_write(&lines);
	buffer_finish(&lines);
	free_keys(keys, query_columns(q));
	return result != QUERY_FAILED;
}

bool output_json_lines(struct query *q, struct error *error)
{
	return each_row(q, add_json_line, error);
}

bool output_csv(struct query *q, struct error *error)
{
	struct buffer head = { 0 };

	for (int i = 0; i < query_columns(q); i++)
		buffer_add_format(&head, "%s%s", i ? "," : "", query_name(q, i));
	buffer_add_text(&head, "\r\n");
	bool fine = output_write(&head);
	buffer_finish(&head);
	return !fine || each_row(q, add_csv_line, error);
}
