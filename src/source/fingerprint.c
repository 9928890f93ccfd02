#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xmalloc.h"

enum { PLACES = 16, PLACE_LEN = 64 * 1024, DIGEST_LEN = 32 };

/* As much of a place as the file has; a file that is being written may have less than it said. */
static bool read_place(int fd, uint64_t offset, uint8_t *at, size_t *len)
{
	ssize_t got;

	for (*len = 0; *len < PLACE_LEN; *len += (size_t)got) {
		got = pread(fd, at + *len, PLACE_LEN - *len, (off_t)(offset + *len));
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got < 0)
			return false;
		else if (!got)
			break;
	}
	return true;
}

/* The first place is the file's beginning, the last one its end, the others are spread evenly between. */
static bool add_places(EVP_MD_CTX *digest, int fd, uint64_t size)
{
	uint64_t span = size > PLACE_LEN ? size - PLACE_LEN : 0;
	uint8_t *at = xmalloc(PLACE_LEN);
	bool read = true;

	for (uint64_t i = 0; read && i < PLACES; i++) {
		uint64_t offset = span / (PLACES - 1) * i + span % (PLACES - 1) * i / (PLACES - 1);
		size_t len;

		read = read_place(fd, offset, at, &len) && EVP_DigestUpdate(digest, at, len);
	}
	free(at);
	return read;
}

static bool add_size(EVP_MD_CTX *digest, uint64_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(size >> (56 - 8 * i));
	return EVP_DigestUpdate(digest, bytes, sizeof bytes) == 1;
}

static bool fingerprint_fd(int fd, uint8_t out[DIGEST_LEN])
{
	EVP_MD_CTX *digest;
	struct stat st;
	bool done;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	digest = EVP_MD_CTX_new();
	done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) && add_size(digest, (uint64_t)st.st_size)
		&& add_places(digest, fd, (uint64_t)st.st_size) && EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_free(digest);
	return done;
}

bool source_fingerprint_descriptor(int fd, char out[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[DIGEST_LEN];
	bool done = fingerprint_fd(fd, hash);

	for (size_t i = 0; done && i < sizeof hash; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	if (done)
		out[64] = '\0';
	return done;
}

bool source_fingerprint(const char *path, char out[65])
{
	/* Opening a pipe for reading would take a writer's bytes, or wait for one. */
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	bool done = fd >= 0 && source_fingerprint_descriptor(fd, out);

	if (fd >= 0)
		close(fd);
	return done;
}
