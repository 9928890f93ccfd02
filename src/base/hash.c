#include "base/hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(HASH_SECRET_LEN >= XXH3_SECRET_SIZE_MIN, "xxHash wants a longer secret");

void hash_key_init(struct hash_key *key)
{
	if (getrandom(key->secret, sizeof key->secret, 0) == (ssize_t)sizeof key->secret)
		return;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	XXH64_hash_t seed = (XXH64_hash_t)now.tv_nsec ^ (XXH64_hash_t)(uintptr_t)key;
	for (size_t i = 0; i + sizeof seed <= sizeof key->secret; i += sizeof seed) {
		seed = XXH3_64bits_withSeed(&i, sizeof i, seed);
		memcpy(key->secret + i, &seed, sizeof seed);
	}
}

uint64_t hash_bytes(const struct hash_key *key, const void *at, size_t len)
{
	return XXH3_64bits_withSecret(at, len, key->secret, sizeof key->secret);
}
