/* Any text may be a key log, in any pieces. */
#include "dissectors/keylog.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t random[RANDOM_LEN] = { 0x52 };
	struct hash_key key;
	struct limit_counts limits = { 0 };
	struct keylog_counts whole, pieces;

	hash_key_init(&key);
	struct keylog *k = keylog_create(&key, &limits), *l = keylog_create(&key, &limits);
	assert(keylog_add(k, (struct bytes){ data, size }, true) == size);
	/* Line by line, as a file grows, it is the same. */
	for (size_t at = 0, end = 0; end <= size; end++) {
		size_t used = keylog_add(l, (struct bytes){ data + at, end - at }, end == size);

		assert(used <= end - at);
		at += used;
	}
	keylog_counts(k, &whole);
	keylog_counts(l, &pieces);
	assert(whole.secrets == pieces.secrets);
	assert(whole.bad_lines == pieces.bad_lines);
	for (int kind = 0; kind < SECRET_KIND_COUNT; kind++)
		assert(keylog_find(k, random, (enum secret_kind)kind).len <= 4096);
	keylog_destroy(k);
	keylog_destroy(l);
	return 0;
}
