#include "app/rotate.h"

#include "base/buffer.h"
#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fields whose text never holds a slash, whatever the locale. */
static const char fields[] = "%aAbBCdeFgGhHIjklmMpRsSTuUVwWyYzZ";
enum { NAME_LEN_MAX = 255 };	/* of a file's name, as Linux has it */

static bool check_pattern(const char *pattern, bool *has_fields, struct error *error)
{
	const char *slash = strrchr(pattern, '/');

	*has_fields = false;
	for (const char *at = pattern; (at = strchr(at, '%')); at += 2) {
		if (slash && at < slash)
			return error_set(error, EXIT_USAGE, "-o: '%s' has a field of strftime(3) in the folder's name: only the file's may have some", pattern);
		if (!at[1] || !strchr(fields, at[1]))
			return error_set(error, EXIT_USAGE, "-o: '%%%.1s' in '%s' cannot be used in a name: %%Y, %%m, %%d and %%H can, and %%%% is a plain one", at + 1, pattern);
		*has_fields |= at[1] != '%';
	}
	return true;
}

static char *copy_text(const char *text, size_t len)
{
	char *out = xmalloc(len + 1);

	memcpy(out, text, len);
	out[len] = 0;
	return out;
}

/* Field by field, so that the whole may be of any length. */
static char *name_at(const char *pattern, int64_t now_s)
{
	struct buffer out = { 0 };
	time_t now = (time_t)now_s;
	struct tm local = { 0 };

	localtime_r(&now, &local);
	for (const char *at = pattern; *at; at++) {
		char field[3] = { '%', at[1], 0 }, text[NAME_LEN_MAX + 1];

		if (*at != '%') {
			buffer_add(&out, at, 1);
			continue;
		}
		buffer_add(&out, text, strftime(text, sizeof text, field, &local));
		at++;
	}
	char *name = copy_text(buffer_text(&out), out.len);
	buffer_finish(&out);
	return name;
}

bool rotation_begin(struct rotation *r, const char *pattern, int64_t now_s, struct error *error)
{
	*r = (struct rotation){ .pattern = pattern, .looked_s = now_s };
	if (!check_pattern(pattern, &r->has_fields, error))
		return false;
	r->name = name_at(pattern, now_s);
	return true;
}

void rotation_finish(struct rotation *r)
{
	free(r->name);
	r->name = NULL;
}

void rotation_opened(struct rotation *r)
{
	if (stat(r->name, &r->file))
		r->file = (struct stat){ 0 };
}

static bool is_still_there(const struct rotation *r)
{
	struct stat now;

	return !stat(r->name, &now) && now.st_dev == r->file.st_dev && now.st_ino == r->file.st_ino;
}

char *rotation_due(struct rotation *r, int64_t now_s, bool asked)
{
	if (!r->has_fields || (now_s == r->looked_s && !asked))
		return NULL;
	r->looked_s = now_s;
	char *name = name_at(r->pattern, now_s);
	if (strcmp(name, r->name) || (asked && !is_still_there(r)))
		return name;
	free(name);
	return NULL;
}

void rotation_take(struct rotation *r, char *name)
{
	free(r->name);
	r->name = name;
	rotation_opened(r);
}
