/* ech.c: an outer hello, and what came out of its seal: two vectors with lengths of 16 bits. */
#include "dissectors/ech.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void open_unsealed(struct bytes outer)
{
	static const char lines[] =
		"ECH_SECRET 0000000000000000000000000000000000000000000000000000000000000000 "
		"0101010101010101010101010101010101010101010101010101010101010101\n"
		"ECH_CONFIG 0000000000000000000000000000000000000000000000000000000000000000 fe0d0000\n";
	static const uint8_t random[RANDOM_LEN] = { 0 };
	struct hash_key key = { 0 };
	struct limit_counts limits = { 0 };
	struct inner_hello *e = NULL;
	struct tls_env env;

	tls_env_init(&env, &key, &limits);
	tls_env_secrets(&env, (struct bytes){ (const uint8_t *)lines, sizeof lines - 1 }, true);
	(void)ech_open(&e, &env, random, outer, false);
	ech_destroy(e);
	tls_env_finish(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct reader r = reader_of((struct bytes){ at, len });
	struct reader outer = rd_vec16(&r), encoded = rd_vec16(&r);
	struct bytes outer_bytes = rd_rest(&outer), encoded_bytes = rd_rest(&encoded);
	struct buffer inner = { 0 };

	for (int dtls = 0; dtls < 2; dtls++)
		if (ech_decode(&inner, encoded_bytes, outer_bytes, dtls))
			assert(inner.len >= 2 + RANDOM_LEN);
	buffer_finish(&inner);
	open_unsealed(outer_bytes);
	return 0;
}
