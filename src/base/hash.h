/* hash.h: keyed hashing of bytes that strangers choose. The key is drawn once a run from the system's
 * random source, so that nobody can prepare colliding inputs; results never leave the process.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_SECRET_LEN = 192 };

struct hash_key {
	uint8_t secret[HASH_SECRET_LEN];
};

/* A key from getrandom(2); never fails (falls back to address and time bits where the system has none). */
void hash_key_init(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, const void *at, size_t len);

#endif
