#include "app/keyfile.h"

#include "app/command.h"
#include "app/porter.h"
#include "dissectors/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 65536, LINE_MAX_KEPT = 65536, HASH_LEN = 32, LOOK_EVERY_NS = 100000000, LOOK_URGENT_NS = 1000000 };

static bool open_file(struct keyfile *k)
{
	struct stat s;

	k->fd = porter_open(k->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (k->fd < 0)
		return false;
	if (fstat(k->fd, &s) || S_ISDIR(s.st_mode)) {
		if (S_ISDIR(s.st_mode))
			errno = EISDIR;
		close(k->fd);
		k->fd = -1;
		return false;
	}
	k->device = s.st_dev;
	k->inode = s.st_ino;
	k->offset = k->tail_len = 0;
	buffer_clear(&k->rest);
	return true;
}

bool keyfile_open(struct keyfile *k, const char *path, struct error *error)
{
	keyfile_await(k, path);
	return open_file(k) ||
	       error_set(error, EXIT_IO, "cannot open the key log: %s", strerror(errno));
}

void keyfile_await(struct keyfile *k, const char *path)
{
	*k = (struct keyfile){ .path = path, .fd = -1 };
}

void keyfile_close(struct keyfile *k)
{
	if (k->fd >= 0)
		close(k->fd);
	crypto_wipe(k->rest.at, k->rest.room);
	crypto_wipe(k->tail, sizeof k->tail);
	buffer_finish(&k->rest);
	k->fd = -1;
}

/* ---- reading ---- */

/* What is no whole line yet is kept; a line without end is nothing that a key log has. */
static void hand_on(struct keyfile *k, struct pipeline *p, bool whole)
{
	size_t used = pipeline_secrets(p, buffer_bytes(&k->rest), whole);

	if (k->rest.len - used > LINE_MAX_KEPT)
		used = k->rest.len;
	if (used)
		memmove(k->rest.at, k->rest.at + used, k->rest.len - used);
	k->rest.len -= used;
}

static void keep_tail(struct keyfile *k, const uint8_t *at, size_t len)
{
	size_t kept = sizeof k->tail;

	if (len >= kept) {
		memcpy(k->tail, at + len - kept, kept);
		k->tail_len = (uint8_t)kept;
		return;
	}
	size_t old = k->tail_len + len > kept ? kept - len : k->tail_len;
	memmove(k->tail, k->tail + k->tail_len - old, old);
	memcpy(k->tail + old, at, len);
	k->tail_len = (uint8_t)(old + len);
}

bool keyfile_read(struct keyfile *k, struct pipeline *p, bool whole)
{
	bool any = false;

	while (k->fd >= 0) {
		ssize_t n = read(k->fd, buffer_reserve(&k->rest, PIECE), PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		any = true;
		keep_tail(k, k->rest.at + k->rest.len, (size_t)n);
		k->offset += (uint64_t)n;
		k->rest.len += (size_t)n;
		hand_on(k, p, false);
	}
	if (whole)
		hand_on(k, p, true);
	return any;
}

/* A file that was cut and written anew may be as long as before. */
static bool tail_differs(const struct keyfile *k)
{
	uint8_t now[sizeof k->tail];
	ssize_t n = pread(k->fd, now, k->tail_len, (off_t)(k->offset - k->tail_len));

	return n != (ssize_t)k->tail_len || memcmp(now, k->tail, k->tail_len);
}

/* Whoever rotates logs replaces the file or cuts it; either way it begins anew. */
static bool is_replaced(const struct keyfile *k)
{
	struct stat s;
	int fd = porter_open(k->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return false;
	bool known = !fstat(fd, &s);
	close(fd);
	if (!known)
		return false;
	if (s.st_dev != k->device || s.st_ino != k->inode)
		return true;
	return S_ISREG(s.st_mode) && ((uint64_t)s.st_size < k->offset || tail_differs(k));
}

static int64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool keyfile_refresh(struct keyfile *k, struct pipeline *p, bool urgent)
{
	int64_t now_ns = monotonic_ns();
	bool any = false;

	if (k->looked_ns && now_ns - k->looked_ns < (urgent ? LOOK_URGENT_NS : LOOK_EVERY_NS))
		return false;
	k->looked_ns = now_ns;
	if (k->fd >= 0) {
		/* What the old file got last is read even where there is a new one. */
		bool cut = is_replaced(k);

		any = keyfile_read(k, p, false);
		if (!cut)
			return any;
		close(k->fd);
	}
	return open_file(k) && keyfile_read(k, p, false) ? true : any;
}

/* ---- its content, for knowing it again ---- */

/* Each piece is hashed together with the hash of all before it. */
static bool hash_pieces(int fd, struct crypto *c, uint8_t hash[HASH_LEN_MAX])
{
	uint8_t piece[PIECE];
	size_t len = 0;
	ssize_t n;

	memset(hash, 0, HASH_LEN_MAX);
	do {
		n = read(fd, piece + len, sizeof piece - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			len += (size_t)n;
		if (len < sizeof piece && n > 0)
			continue;
		struct bytes parts[] = { { hash, HASH_LEN }, { piece, len } };
		if (n < 0 || !digest_bytes(c, DIGEST_SHA256, parts, 2, hash))
			return false;
		len = 0;
	} while (n);
	crypto_wipe(piece, sizeof piece);
	return true;
}

bool keyfile_hash(const char *path, char out[65], struct error *error)
{
	static const char digits[] = "0123456789abcdef";
	struct crypto *c = crypto_create();
	uint8_t hash[HASH_LEN_MAX];
	struct keyfile k;
	bool ok = keyfile_open(&k, path, error);

	if (ok) {
		ok = hash_pieces(k.fd, c, hash) ||
		     error_set(error, EXIT_IO, "cannot read the key log: %s", strerror(errno));
		keyfile_close(&k);
	}
	for (int i = 0; ok && i < HASH_LEN; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[64] = 0;
	crypto_destroy(c);
	return ok;
}
