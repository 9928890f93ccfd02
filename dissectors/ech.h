/* ech.h: Encrypted Client Hello (RFC 9849), where the key log holds the shared secret of its HPKE (RFC 9180) and the
 * configuration that it was made for: opens the inner ClientHello, and tells from the ServerHello whether the server
 * took it.
 *
 * A struct inner_hello is owned by the exchange, from the ClientHello to the ServerHello. It keeps the inner hello, which is
 * no more than the client's own words.
 */
#ifndef DISSECTORS_ECH_H
#define DISSECTORS_ECH_H

#include "dissectors/env.h"

#include <stdbool.h>
#include <stdint.h>

struct inner_hello;

/* A ClientHello with an outer encrypted_client_hello of this content, in the first or, where *e is not NULL, second
 * hello of a handshake; `random` is the one of the first. Makes *e at need. The body of the inner hello, borrowed until
 * the next call; empty where it cannot be opened. */
struct bytes ech_open(struct inner_hello **e, struct tls_env *env, const uint8_t random[RANDOM_LEN], struct bytes outer,
		      bool dtls);
/* The HelloRetryRequest, and the ServerHello: bodies of messages, and the suite that they choose. */
void ech_retried(struct inner_hello *e, struct tls_env *env, uint16_t suite, struct bytes body);
bool ech_accepted(struct inner_hello *e, struct tls_env *env, uint16_t suite, struct bytes body);
/* RFC 9849 section 5.1: what came out of the seal, as the hello that it stands for, with what it takes from the outer
 * one. */
bool ech_decode(struct buffer *out, struct bytes encoded, struct bytes outer, bool dtls);
void ech_destroy(struct inner_hello *e);

#endif
