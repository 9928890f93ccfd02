#include "sinks/look.h"

#include "base/buffer.h"
#include "base/reader.h"
#include "base/xmalloc.h"
#include "sinks/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* https://sqlite.org/fileformat2.html: places in the header of a database, and in that of a write-ahead log and its frames. */
enum {
	HEADER_LEN = 100,
	HEADER_PAGE_SIZE = 16,
	HEADER_WRITE_VERSION = 18,
	HEADER_CHANGES = 24,
	HEADER_PAGES = 28,
	HEADER_USER_VERSION = 60,
	HEADER_APPLICATION_ID = 68,
	HEADER_VALID_FOR = 92,
	BTREE_CELLS = 3, /* of the b-tree that follows the header: the schema */
	WAL_HEADER_LEN = 32,
	WAL_PAGE_SIZE = 8,
	FRAME_HEADER_LEN = 24,
};
enum { TABLE_LEAF = 0x0d };
/* Looked at whole before it is written to; SQLite itself finds what is wrong with a larger one when it comes to it. */
enum { CHECKED_BYTES = 16 << 20 };

enum file_state { FILE_NEW, FILE_OURS, FILE_BLANK, FILE_NEWER, FILE_FOREIGN, FILE_NO_DATABASE, FILE_CUT };

/* --- opening --- */

/* SQLite's own hook for a program that may not open files itself; what we open is opened the same way. */
typedef int open_function(const char *path, int flags, int mode);
typedef int remove_function(const char *path);

void sqlite_open_through(open_function *open_file, remove_function *remove_file)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)open_file);
	vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)remove_file);
}

static int open_file(const char *path, int flags)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	open_function *how = (open_function *)vfs->xGetSystemCall(vfs, "open");

	return how(path, flags | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
}

static bool cannot_open(const char *path, struct error *error)
{
	return error_set(error, EXIT_IO, "cannot open '%s': %s", path, strerror(errno));
}

bool look_make_database(const char *path, struct error *error)
{
	int fd = open_file(path, O_RDWR | O_CREAT);

	if (fd < 0)
		return cannot_open(path, error);
	close(fd);
	return true;
}

void look_unmake_database(const char *path)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	remove_function *how = (remove_function *)vfs->xGetSystemCall(vfs, "unlink");

	(void)how(path);
}

/* --- reading --- */

static size_t read_at(int fd, off_t at, uint8_t *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, out + got, len - got, at + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static uint32_t number_at(struct bytes b, size_t at, int size)
{
	struct reader r = reader_of(b);

	rd_skip(&r, at);
	return size == 4 ? rd_u32(&r) : size == 2 ? rd_u16(&r) : rd_u8(&r);
}

/* --- judging --- */

static enum file_state judge_numbers(struct bytes page)
{
	uint32_t id = number_at(page, HEADER_APPLICATION_ID, 4), version = number_at(page, HEADER_USER_VERSION, 4);

	if (id == SCHEMA_APPLICATION_ID)
		return version > SCHEMA_VERSION ? FILE_NEWER : FILE_OURS;
	if (id || version || number_at(page, HEADER_LEN, 1) != TABLE_LEAF || number_at(page, HEADER_LEN + BTREE_CELLS, 2))
		return FILE_FOREIGN;
	return FILE_BLANK;
}

static uint64_t page_size_of(struct bytes page)
{
	uint32_t size = number_at(page, HEADER_PAGE_SIZE, 2);

	return size == 1 ? 65536 : size;
}

static bool is_power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* Whether the file holds the pages that its header counts, where the header is of now. */
static bool is_cut(struct bytes page, uint64_t size)
{
	return number_at(page, HEADER_CHANGES, 4) == number_at(page, HEADER_VALID_FOR, 4) &&
		number_at(page, HEADER_PAGES, 4) * page_size_of(page) > size;
}

static enum file_state judge_page(struct bytes page, uint64_t size)
{
	static const uint8_t magic[16] = "SQLite format 3";
	struct reader r = reader_of(page);

	if (!bytes_equal(rd_take(&r, sizeof magic), (struct bytes){ magic, sizeof magic }) || page.len < HEADER_LEN ||
	    page_size_of(page) < 512 || !is_power_of_two(page_size_of(page)))
		return FILE_NO_DATABASE;
	enum file_state state = judge_numbers(page);
	return state == FILE_OURS && is_cut(page, size) ? FILE_CUT : state;
}

static int open_wal(const char *path)
{
	struct buffer name = { 0 };

	buffer_add_format(&name, "%s-wal", path);
	int fd = open_file(buffer_text(&name), O_RDONLY | O_NONBLOCK);
	buffer_finish(&name);
	return fd;
}

/* A database that was killed early has its first page, which says whose it is, in the write-ahead log only. */
static enum file_state judge_wal(int wal)
{
	uint8_t header[WAL_HEADER_LEN], frame[FRAME_HEADER_LEN + HEADER_LEN];
	struct bytes h = { header, sizeof header }, f = { frame, sizeof frame };

	if (read_at(wal, 0, header, sizeof header) < sizeof header)
		return FILE_BLANK;
	off_t page_size = number_at(h, WAL_PAGE_SIZE, 4), at = WAL_HEADER_LEN;
	for (; read_at(wal, at, frame, sizeof frame) == sizeof frame; at += FRAME_HEADER_LEN + page_size)
		if (number_at(f, 0, 4) == 1) {
			struct reader r = reader_of(f);

			rd_skip(&r, FRAME_HEADER_LEN);
			return judge_page(rd_rest(&r), UINT64_MAX);
		}
	return FILE_BLANK;
}

/* --- soundness --- */

/* SQLite's own check, of a copy in memory; says what is wrong. */
static bool is_sound(uint8_t *content, int64_t size, struct buffer *trouble)
{
	sqlite3_stmt *check = NULL;
	sqlite3 *db = NULL;

	/* A copy has no write-ahead log. */
	content[HEADER_WRITE_VERSION] = content[HEADER_WRITE_VERSION + 1] = 1;
	int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_deserialize(db, "main", content, size, size, SQLITE_DESERIALIZE_READONLY);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &check, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(check);
	const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : sqlite3_errmsg(db);
	bool sound = rc == SQLITE_NOMEM || (rc == SQLITE_ROW && said && !strcmp(said, "ok"));
	if (!sound && said)
		buffer_add(trouble, said, strcspn(said, "\n"));
	sqlite3_finalize(check);
	sqlite3_close(db);
	return sound;
}

static bool check_whole(int fd, const char *path, uint64_t size, struct error *error)
{
	struct buffer trouble = { 0 };

	if (size > CHECKED_BYTES)
		return true;
	uint8_t *content = xmalloc(size);
	bool sound = read_at(fd, 0, content, size) < size || is_sound(content, (int64_t)size, &trouble);
	if (!sound)
		error_set(error, EXIT_IO, "cannot open '%s': it is corrupt (%s): repair a copy with 'sqlite3 %s .recover', or name another file",
			  path, buffer_text(&trouble), path);
	free(content);
	buffer_finish(&trouble);
	return sound;
}

/* --- all of it --- */

static bool refuse(const char *path, enum file_state state, struct error *error)
{
	static const char *const reasons[] = {
		[FILE_NEWER] = "made by a newer overhear: use that one, or another file",
		[FILE_FOREIGN] = "a database of another program: name another file",
		[FILE_NO_DATABASE] = "not a database: name another file",
		[FILE_CUT] = "its end is missing: bring it back from a copy, or name another file",
	};

	return error_set(error, EXIT_IO, "cannot open '%s': %s", path, reasons[state]);
}

/* Beside a write-ahead log that holds something the file alone is not the database. */
static bool look(int fd, const char *path, bool *is_new, struct error *error)
{
	uint8_t header[HEADER_LEN + 8];
	struct bytes page = { header, sizeof header };
	struct stat st;

	page.len = read_at(fd, 0, header, sizeof header);
	if (!page.len && (errno == EISDIR || fstat(fd, &st) || S_ISDIR(st.st_mode))) {
		errno = EISDIR;
		return cannot_open(path, error);
	}
	*is_new = !page.len;
	if (*is_new)
		return true;
	if (fstat(fd, &st))
		return cannot_open(path, error);
	enum file_state state = judge_page(page, (uint64_t)st.st_size);
	int wal = open_wal(path);
	struct stat log = { 0 };
	if (wal >= 0 && fstat(wal, &log))
		log.st_size = 0;
	if (log.st_size && state == FILE_BLANK)
		state = judge_wal(wal);
	if (log.st_size && state == FILE_CUT)
		state = FILE_OURS;
	if (wal >= 0)
		close(wal);
	if (state != FILE_OURS && state != FILE_BLANK)
		return refuse(path, state, error);
	return log.st_size || check_whole(fd, path, (uint64_t)st.st_size, error);
}

bool look_at_database(const char *path, bool *is_new, struct error *error)
{
	int fd = open_file(path, O_RDONLY | O_NONBLOCK);

	*is_new = fd < 0 && errno == ENOENT;
	if (*is_new)
		return true;
	if (fd < 0)
		return cannot_open(path, error);
	bool fine = look(fd, path, is_new, error);
	close(fd);
	return fine;
}
