#include "sinks/findings.h"

#include "base/text.h"
#include "base/xmalloc.h"
#include "sinks/pack.h"

#include <stdlib.h>
#include <string.h>

void findings_finish(struct findings *f)
{
	free(f->ids);
	buffer_finish(&f->key);
	buffer_finish(&f->json);
}

static bool refresh_kind(sqlite3_stmt *upsert, const struct finding_kind *kind, int64_t *id)
{
	static const char *const severities[] = { NULL, "error", "warning", "notice" };

	sqlite3_bind_text(upsert, 1, kind->code, -1, SQLITE_STATIC);
	sqlite3_bind_text(upsert, 2, severities[kind->severity], -1, SQLITE_STATIC);
	sqlite3_bind_text(upsert, 3, kind->title, -1, SQLITE_STATIC);
	sqlite3_bind_text(upsert, 4, kind->remedy, -1, SQLITE_STATIC);
	bool found = sqlite3_step(upsert) == SQLITE_ROW;
	if (found)
		*id = sqlite3_column_int64(upsert, 0);
	return sqlite3_reset(upsert) == SQLITE_OK && found;
}

bool findings_know(struct findings *f, sqlite3 *db, const struct finding_kind *kinds, size_t count)
{
	sqlite3_stmt *upsert = NULL;
	bool fine = sqlite3_prepare_v2(db,
				       "INSERT INTO finding_kinds(code, severity, title, remedy) VALUES(?1, ?2, ?3, ?4) "
				       "ON CONFLICT(code) DO UPDATE SET severity = excluded.severity, title = excluded.title, "
				       "remedy = excluded.remedy RETURNING id",
				       -1, &upsert, NULL) == SQLITE_OK;

	f->ids = xrealloc(f->ids, (count ? count : 1) * sizeof *f->ids);
	for (size_t i = 0; i < count && fine; i++)
		fine = refresh_kind(upsert, &kinds[i], &f->ids[i]);
	sqlite3_finalize(upsert);
	f->kinds = kinds;
	f->count = fine ? count : 0;
	return fine;
}

/* Kinds of another table than the one that is known cannot be named. */
static int64_t kind_id(const struct findings *f, const struct finding_kind *kind)
{
	for (size_t i = 0; i < f->count; i++)
		if (&f->kinds[i] == kind)
			return f->ids[i];
	return 0;
}

/* All that the list depends on, which is quicker to write than the list. */
static void write_key(struct buffer *out, const struct finding_list *list)
{
	buffer_clear(out);
	for (size_t i = 0; i < list->count; i++) {
		const struct finding *f = &list->at[i];

		buffer_add(out, &f->kind, sizeof f->kind);
		buffer_add(out, &f->confidence, sizeof f->confidence);
		buffer_add(out, &f->certificate, sizeof f->certificate);
		if (f->detail)
			buffer_add(out, f->detail, strlen(f->detail));
		buffer_add(out, "", 1);
	}
}

static void add_finding(struct buffer *out, int64_t kind, const struct finding *f)
{
	buffer_add(out, out->len ? ",[" : "[[", 2);
	pack_number(out, kind, ',');
	pack_number(out, f->confidence, ',');
	if (f->certificate == FINDING_NO_CERTIFICATE)
		buffer_add_text(out, "null,");
	else
		pack_number(out, f->certificate, ',');
	if (f->detail && *f->detail)
		text_add_json(out, (struct bytes){ (const uint8_t *)f->detail, strlen(f->detail) });
	else
		buffer_add_text(out, "null");
	buffer_add_text(out, "]");
}

static void write_json(struct findings *f, const struct finding_list *list)
{
	buffer_clear(&f->json);
	for (size_t i = 0; i < list->count; i++) {
		int64_t kind = kind_id(f, list->at[i].kind);

		if (kind)
			add_finding(&f->json, kind, &list->at[i]);
	}
	if (f->json.len)
		buffer_add_text(&f->json, "]");
}

int64_t findings_store(struct findings *f, struct shapes *shapes, const struct finding_list *list)
{
	uint64_t quick;

	if (!list || !list->count)
		return 0;
	write_key(&f->key, list);
	int64_t id = shapes_recall(shapes, buffer_bytes(&f->key), &quick);
	if (id)
		return id;
	write_json(f, list);
	return f->json.len ? shapes_learn(shapes, quick, buffer_bytes(&f->json)) : 0;
}
