#include "sinks/keep.h"

#include "base/xmalloc.h"
#include "overhear/handshake.h"
#include "overhear/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { REMOVED_SHARE = 4 };
#define HOUR_NS INT64_C(3600000000000)

enum {
	OLDEST,
	REMOVE,
	FREE_CHAIN,
	CHAIN_CERTIFICATES,
	REMOVE_MEMBERS,
	REMOVE_CHAIN,
	REMOVE_CERTIFICATE,
	TLS_SERVERS,
	SPAN,
	PAGES,
	HELLOS_USED,
	HELLOS,
	REMOVE_HELLO,
	LISTS_USED,
	LISTS,
	REMOVE_LIST,
	TRAITS_USED,
	TRAITS,
	REMOVE_TRAITS,
	HANDSHAKE_LISTS_USED,
	HANDSHAKE_LISTS,
	REMOVE_HANDSHAKE_LIST,
	WALK_ATTEMPTS,
	REMOVE_CAPTURES
};
static_assert(REMOVE_CAPTURES + 1 == KEEP_STATEMENTS, "a place for each statement");

static const char *const sql[KEEP_STATEMENTS] = {
	[OLDEST] = "SELECT id, time_ns, server_chain, client_chain FROM handshake_rows WHERE time_ns < ?1 ORDER BY time_ns LIMIT ?2",
	[REMOVE] = "DELETE FROM handshake_rows WHERE id = ?1",
	[FREE_CHAIN] = "UPDATE chain_rows SET handshakes = handshakes - 1 WHERE id = ?1 RETURNING handshakes",
	[CHAIN_CERTIFICATES] = "SELECT certificate FROM chain_members WHERE chain = ?1",
	[REMOVE_MEMBERS] = "DELETE FROM chain_members WHERE chain = ?1",
	[REMOVE_CHAIN] = "DELETE FROM chain_rows WHERE id = ?1",
	[REMOVE_CERTIFICATE] = "DELETE FROM certificate_rows WHERE id = ?1 AND NOT EXISTS "
			       "(SELECT 1 FROM chain_members WHERE certificate = ?1)",
	/* attempt_rows.h: ids that are free again will be those of others. */
	[TLS_SERVERS] = "UPDATE tls_servers SET port = (SELECT coalesce(max(id), 0) FROM handshake_rows) WHERE ip = '' AND "
			"port > (SELECT coalesce(max(id), 0) FROM handshake_rows)",
	[SPAN] = "SELECT coalesce((SELECT max(id) FROM handshake_rows) - (SELECT min(id) FROM handshake_rows) + 1, 0)",
	[PAGES] = "SELECT c.page_count - f.freelist_count FROM pragma_page_count c, pragma_freelist_count f",
	[HELLOS_USED] = "SELECT id, client_hello, client_hello_second, server_hello, certificate_request FROM handshake_rows "
			"WHERE id > ?1 ORDER BY id LIMIT ?2",
	[HELLOS] = "SELECT id FROM hello_rows WHERE id > ?1 ORDER BY id LIMIT ?2",
	[REMOVE_HELLO] = "DELETE FROM hello_rows WHERE id = ?1",
	[LISTS_USED] = "SELECT id, version, cipher, extension, \"group\", key_share, signature_scheme, alpn, compression, "
		       "psk_mode, certificate_authority FROM hello_rows WHERE id > ?1 ORDER BY id LIMIT ?2",
	[LISTS] = "SELECT id FROM lists WHERE id > ?1 ORDER BY id LIMIT ?2",
	[REMOVE_LIST] = "DELETE FROM lists WHERE id = ?1",
	[TRAITS_USED] = "SELECT id, traits FROM handshake_rows WHERE id > ?1 ORDER BY id LIMIT ?2",
	[TRAITS] = "SELECT id FROM trait_rows WHERE id > ?1 ORDER BY id LIMIT ?2",
	[REMOVE_TRAITS] = "DELETE FROM trait_rows WHERE id = ?1",
	[HANDSHAKE_LISTS_USED] = "SELECT id, ladder, findings FROM handshake_rows WHERE id > ?1 ORDER BY id LIMIT ?2",
	[HANDSHAKE_LISTS] = "SELECT id FROM handshake_lists WHERE id > ?1 ORDER BY id LIMIT ?2",
	[REMOVE_HANDSHAKE_LIST] = "DELETE FROM handshake_lists WHERE id = ?1",
	[WALK_ATTEMPTS] = "DELETE FROM attempt_rows WHERE id > ?1 AND id <= ?1 + ?2 AND last_seen_ns < ?3",
	[REMOVE_CAPTURES] = "DELETE FROM capture_runs WHERE max(started_ns, ended_ns) < ?1 AND id <> ?2 AND NOT EXISTS "
			    "(SELECT 1 FROM attempt_rows WHERE capture_id = capture_runs.id)",
};

int keep_init(struct keep *k, sqlite3 *db)
{
	sqlite3_stmt *size = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA page_size", -1, &size, NULL);

	*k = (struct keep){ .db = db, .attempts_before_ns = TIME_NONE, .newest_removed_ns = TIME_NONE };
	if (rc == SQLITE_OK && sqlite3_step(size) == SQLITE_ROW)
		k->page_size = (uint64_t)sqlite3_column_int64(size, 0);
	sqlite3_finalize(size);
	for (int i = 0; i < KEEP_STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &k->statements[i], NULL);
	return rc;
}

void keep_finish(struct keep *k)
{
	for (int i = 0; i < KEEP_STATEMENTS; i++)
		sqlite3_finalize(k->statements[i]);
	free(k->marks.bits);
}

/* A statement that gives no rows. */
static bool run(struct keep *k, int which, int64_t id)
{
	sqlite3_stmt *s = k->statements[which];

	if (sqlite3_bind_parameter_count(s))
		sqlite3_bind_int64(s, 1, id);
	int rc = sqlite3_step(s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

/* The first column of the first row; false where there is none. */
static bool ask(struct keep *k, int which, int64_t id, int64_t *out)
{
	sqlite3_stmt *s = k->statements[which];

	if (sqlite3_bind_parameter_count(s))
		sqlite3_bind_int64(s, 1, id);
	bool found = sqlite3_step(s) == SQLITE_ROW;
	if (found)
		*out = sqlite3_column_int64(s, 0);
	return sqlite3_reset(s) == SQLITE_OK && found;
}

/* --- the oldest handshakes --- */

static bool remove_chain(struct keep *k, int64_t chain)
{
	sqlite3_stmt *members = k->statements[CHAIN_CERTIFICATES];
	int64_t certificates[CHAIN_LENGTH_MAX];
	size_t count = 0;
	bool fine;

	sqlite3_bind_int64(members, 1, chain);
	while (count < CHAIN_LENGTH_MAX && sqlite3_step(members) == SQLITE_ROW)
		certificates[count++] = sqlite3_column_int64(members, 0);
	fine = sqlite3_reset(members) == SQLITE_OK && run(k, REMOVE_MEMBERS, chain) && run(k, REMOVE_CHAIN, chain);
	for (size_t i = 0; i < count && fine; i++)
		fine = run(k, REMOVE_CERTIFICATE, certificates[i]);
	return fine;
}

static bool release_chain(struct keep *k, int64_t chain, struct keep_done *done)
{
	int64_t left = 1;

	if (!chain)
		return true;
	/* No row: the chain is not there, which is none of our doing. */
	if (!ask(k, FREE_CHAIN, chain, &left) && sqlite3_errcode(k->db) != SQLITE_OK)
		return false;
	if (left > 0)
		return true;
	done->shapes_gone = true;
	return remove_chain(k, chain);
}

struct oldest {
	int64_t id, time_ns, chains[2];
};

static bool remove_handshake(struct keep *k, const struct oldest *o, struct keep_done *done)
{
	bool fine = run(k, REMOVE, o->id) && release_chain(k, o->chains[0], done);

	if (fine && o->chains[1] != o->chains[0])
		fine = release_chain(k, o->chains[1], done);
	k->removed++;
	done->removed++;
	if (o->time_ns > k->newest_removed_ns)
		k->newest_removed_ns = o->time_ns;
	return fine;
}

/* The oldest ones from before a time, at most `rows`. */
static bool remove_oldest(struct keep *k, int64_t before_ns, unsigned rows, struct keep_done *done)
{
	sqlite3_stmt *s = k->statements[OLDEST];
	struct oldest *found = xcalloc(rows, sizeof *found);
	unsigned count = 0;

	sqlite3_bind_int64(s, 1, before_ns);
	sqlite3_bind_int64(s, 2, rows);
	while (count < rows && sqlite3_step(s) == SQLITE_ROW)
		found[count++] = (struct oldest){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
			{ sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3) } };
	bool fine = sqlite3_reset(s) == SQLITE_OK;
	for (unsigned i = 0; i < count && fine; i++)
		fine = remove_handshake(k, &found[i], done);
	if (count && fine)
		fine = run(k, TLS_SERVERS, 0);
	done->more |= count == rows;
	free(found);
	return fine;
}

/* --- what nothing uses any more --- */

/* Hellos, traits and lists of their own are used by handshakes, other lists by hellos: the columns after the id of what uses hold the ids of what is used. */
enum { STAGE_NONE, STAGE_HELLOS, STAGE_LISTS, STAGE_TRAITS, STAGE_HANDSHAKE_LISTS, STAGE_ATTEMPTS, STAGE_CAPTURES, STAGE_COUNT };
static const struct {
	int users, used, remove;
} uses[] = {
	[STAGE_HELLOS] = { HELLOS_USED, HELLOS, REMOVE_HELLO },
	[STAGE_LISTS] = { LISTS_USED, LISTS, REMOVE_LIST },
	[STAGE_TRAITS] = { TRAITS_USED, TRAITS, REMOVE_TRAITS },
	[STAGE_HANDSHAKE_LISTS] = { HANDSHAKE_LISTS_USED, HANDSHAKE_LISTS, REMOVE_HANDSHAKE_LIST },
};

static void mark(struct keep_marks *m, int64_t id)
{
	size_t at = (size_t)id / 8;

	if (id <= 0)
		return;
	if (at >= m->bytes) {
		size_t bytes = (at + 1) * 2;

		m->bits = xrealloc(m->bits, bytes);
		memset(m->bits + m->bytes, 0, bytes - m->bytes);
		m->bytes = bytes;
	}
	m->bits[at] |= (uint8_t)(1U << id % 8);
}

static bool is_marked(const struct keep_marks *m, int64_t id)
{
	size_t at = (size_t)id / 8;

	return at < m->bytes && m->bits[at] >> id % 8 & 1;
}

/* Marks what the next rows use; also what came since the last step, so that at the end of a step that reached the end
 * everything in use is marked. */
static bool scan(struct keep *k, unsigned rows)
{
	sqlite3_stmt *s = k->statements[uses[k->stage].users];
	unsigned count = 0;

	sqlite3_bind_int64(s, 1, k->scanned);
	sqlite3_bind_int64(s, 2, rows);
	for (; sqlite3_step(s) == SQLITE_ROW; count++) {
		k->scanned = sqlite3_column_int64(s, 0);
		for (int i = 1; i < sqlite3_column_count(s); i++)
			mark(&k->marks, sqlite3_column_int64(s, i));
	}
	k->scan_done = count < rows;
	return sqlite3_reset(s) == SQLITE_OK;
}

static void next_stage(struct keep *k)
{
	k->stage = (k->stage + 1) % STAGE_COUNT;
	k->scanned = k->judged = 0;
	k->scan_done = false;
	free(k->marks.bits);
	k->marks = (struct keep_marks){ 0 };
}

/* Removes those of the next rows that have no mark. */
static bool remove_unused(struct keep *k, unsigned rows, struct keep_done *done)
{
	sqlite3_stmt *s = k->statements[uses[k->stage].used];
	int64_t *unused = xcalloc(rows, sizeof *unused);
	unsigned count = 0, seen = 0;

	sqlite3_bind_int64(s, 1, k->judged);
	sqlite3_bind_int64(s, 2, rows);
	for (; seen < rows && sqlite3_step(s) == SQLITE_ROW; seen++) {
		k->judged = sqlite3_column_int64(s, 0);
		if (!is_marked(&k->marks, k->judged))
			unused[count++] = k->judged;
	}
	bool fine = sqlite3_reset(s) == SQLITE_OK;
	for (unsigned i = 0; i < count && fine; i++)
		fine = run(k, uses[k->stage].remove, unused[i]);
	done->shapes_gone |= count > 0;
	free(unused);
	if (seen < rows)
		next_stage(k);
	return fine;
}

static bool walk_attempts(struct keep *k, int64_t before_ns, unsigned rows)
{
	sqlite3_stmt *s = k->statements[WALK_ATTEMPTS];
	sqlite3_stmt *last = NULL;
	int64_t end = 0;

	if (sqlite3_prepare_v2(k->db, "SELECT max(id) FROM attempt_rows", -1, &last, NULL) == SQLITE_OK &&
	    sqlite3_step(last) == SQLITE_ROW)
		end = sqlite3_column_int64(last, 0);
	sqlite3_finalize(last);
	sqlite3_bind_int64(s, 1, k->judged);
	sqlite3_bind_int64(s, 2, rows);
	sqlite3_bind_int64(s, 3, before_ns);
	int rc = sqlite3_step(s);
	sqlite3_reset(s);
	k->judged += rows;
	if (k->judged >= end) {
		k->attempts_before_ns = before_ns;
		next_stage(k);
	}
	return rc == SQLITE_DONE;
}

/* All that a capture had is older than its last packet. */
static bool remove_captures(struct keep *k, int64_t before_ns, int64_t capture_id)
{
	sqlite3_bind_int64(k->statements[REMOVE_CAPTURES], 2, capture_id);
	next_stage(k);
	return run(k, REMOVE_CAPTURES, before_ns);
}

static bool sweep(struct keep *k, int64_t before_ns, int64_t capture_id, unsigned rows, struct keep_done *done)
{
	bool fine = true;

	switch (k->stage) {
	case STAGE_NONE:
		return true;
	case STAGE_ATTEMPTS:
		fine = walk_attempts(k, before_ns, rows);
		break;
	case STAGE_CAPTURES:
		fine = remove_captures(k, before_ns, capture_id);
		break;
	default:
		fine = scan(k, rows);
		if (fine && k->scan_done)
			fine = remove_unused(k, rows, done);
	}
	done->more |= k->stage != STAGE_NONE;
	return fine;
}

/* A sweep looks at every handshake, so it waits until a good part of them has gone; attempts are few. */
static bool begin_sweep(struct keep *k, int64_t before_ns)
{
	int64_t span = 0;

	if (k->stage != STAGE_NONE)
		return true;
	if (k->removed) {
		if (!ask(k, SPAN, 0, &span))
			return false;
		if (k->removed * REMOVED_SHARE >= (uint64_t)span) {
			k->removed = 0;
			k->stage = STAGE_HELLOS;
			return true;
		}
	}
	if (before_ns != TIME_NONE && (k->attempts_before_ns == TIME_NONE || before_ns - k->attempts_before_ns >= HOUR_NS))
		k->stage = STAGE_ATTEMPTS;
	return true;
}

/* --- one step --- */

/* Rows go in steps, and new ones come meanwhile: removing begins before the last page is taken. */
static bool is_too_large(struct keep *k, uint64_t bytes, bool *too_large)
{
	int64_t pages;

	*too_large = false;
	if (!bytes)
		return true;
	if (!ask(k, PAGES, 0, &pages))
		return false;
	uint64_t in_use = (uint64_t)pages * k->page_size;
	/* A sweep may find enough by itself. */
	*too_large = in_use > (k->stage == STAGE_NONE ? bytes - bytes / 16 : bytes - bytes / 32);
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int keep_step(struct keep *k, const struct keep_limits *limits, int64_t capture_id, unsigned rows, struct keep_done *done)
{
	bool too_large, fine = true;

	*done = (struct keep_done){ 0 };
	if (limits->before_ns != TIME_NONE)
		fine = remove_oldest(k, limits->before_ns, rows, done);
	fine = fine && is_too_large(k, limits->bytes, &too_large);
	if (fine && too_large && !done->removed)
		fine = remove_oldest(k, INT64_MAX, rows, done);
	int64_t before_ns = later(limits->before_ns, k->newest_removed_ns);
	fine = fine && begin_sweep(k, before_ns) && sweep(k, before_ns, capture_id, rows, done);
	return fine ? SQLITE_OK : sqlite3_errcode(k->db);
}
