#include "dissectors/env.h"

#include "base/xmalloc.h"

#include <stdlib.h>

enum { SPARE_MAX = 256 };

void tls_env_init(struct tls_env *env, const struct hash_key *key, struct limit_counts *limits)
{
	*env = (struct tls_env){ .key = key, .limits = limits, .intern = intern_create(key, limits),
		.crypto = crypto_create() };
}

size_t tls_env_secrets(struct tls_env *env, struct bytes text, bool whole)
{
	if (!env->keylog)
		env->keylog = keylog_create(env->key, env->limits);
	return keylog_add(env->keylog, text, whole);
}

void tls_env_release_shapes(struct tls_env *env, struct handshake *h)
{
	intern_release_hello(env->intern, h->client_hello);
	intern_release_hello(env->intern, h->client_hello_second);
	intern_release_hello(env->intern, h->server_hello);
	intern_release_hello(env->intern, h->certificate_request);
	intern_release_chain(env->intern, h->server_chain);
	intern_release_chain(env->intern, h->client_chain);
}

/* A spare's first bytes hold the next spare. */
static struct handshake **next_spare(struct handshake *h)
{
	return (struct handshake **)(void *)h;
}

void tls_env_give_back(struct tls_env *env, struct handshake *h)
{
	tls_env_release_shapes(env, h);
	handshake_finish(h);
	if (env->spare_count >= SPARE_MAX) {
		free(h);
		return;
	}
	*next_spare(h) = env->spare;
	env->spare = h;
	env->spare_count++;
}

void tls_env_finish(struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++)
		tls_env_give_back(env, env->finished[i]);
	for (struct handshake *h = env->spare, *next; h; h = next) {
		next = *next_spare(h);
		free(h);
	}
	intern_destroy(env->intern);
	crypto_destroy(env->crypto);
	keylog_destroy(env->keylog);
	crypto_wipe(env->record.at, env->record.room);
	buffer_finish(&env->record);
	buffer_finish(&env->scratch);
	buffer_finish(&env->opened);
	*env = (struct tls_env){ 0 };
}

struct handshake *tls_env_take_spare(struct tls_env *env)
{
	struct handshake *h = env->spare;

	if (!h)
		return xmalloc(sizeof *h);
	env->spare = *next_spare(h);
	env->spare_count--;
	return h;
}
