/* carried.h: a handshake of TLS 1.2 as four flights of bytes, for tests of what carries it, and a
 * connection of any row of the table of dissectors to carry it on.
 */
#ifndef TESTS_CARRIED_H
#define TESTS_CARRIED_H

#include "dissectors/dissector.h"
#include "tests/unit/wire.h"

#include <stdlib.h>

enum { CLIENT, SERVER };	/* ends of the flow; also who sends a flight: the even ones the client */
enum { FLIGHTS = 4, MS = 1000000 };

static inline void carried_message(struct buffer *out, uint8_t type, const void *body, size_t len)
{
	struct buffer message = { 0 };

	wire_message(&message, type, body, len);
	wire_record(out, 22, message.at, message.len);
	buffer_finish(&message);
}

static inline void carried_hello(struct buffer *out)
{
	static const uint8_t suites[] = { 0xc0, 0x2f };
	struct buffer body = { 0 };

	wire_client_hello(&body, suites, sizeof suites, NULL);
	carried_message(out, 1, body.at, body.len);
	buffer_finish(&body);
}

static inline void carried_server(struct buffer *out)
{
	uint8_t certificate[600] = { 0, 2, 85, 0, 2, 82 };
	struct buffer body = { 0 };

	wire_server_hello(&body, 0xc02f, NULL);
	carried_message(out, 2, body.at, body.len);
	carried_message(out, 11, certificate, sizeof certificate);
	carried_message(out, 14, NULL, 0);
	buffer_finish(&body);
}

static inline void carried_last(struct buffer *out)
{
	static const uint8_t sealed[40] = { 0x5a };

	wire_record(out, 20, "\1", 1);
	wire_record(out, 22, sealed, sizeof sealed);
}

static inline void carried_flight(struct buffer *out, unsigned n)
{
	static const uint8_t key_exchange[] = { 2, 4, 5 };

	if (n == 0)
		carried_hello(out);
	if (n == 1)
		carried_server(out);
	if (n == 2)
		carried_message(out, 16, key_exchange, sizeof key_exchange);
	if (n >= 2)
		carried_last(out);
}

/* ---- a connection ---- */

struct carrier {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	const struct dissector *row;
	void *state;
	int64_t now_ns;
	uint64_t packets;
	struct handshake *got[8];	/* what was emitted, in order */
	unsigned count;
};

static inline struct carrier *carrier_begin(const char *row)
{
	struct carrier *c = calloc(1, sizeof *c);

	hash_key_init(&c->key);
	tls_env_init(&c->env, &c->key, &c->limits);
	for (size_t i = 0; i < dissector_count; i++)
		if (!strcmp(dissectors[i].name, row))
			c->row = &dissectors[i];
	c->state = calloc(1, c->row->size);
	c->row->init(c->state);
	return c;
}

static inline void carrier_take(struct carrier *c)
{
	for (size_t i = 0; i < c->env.finished_count; i++) {
		if (c->count < sizeof c->got / sizeof c->got[0])
			c->got[c->count++] = c->env.finished[i];
		else
			tls_env_give_back(&c->env, c->env.finished[i]);
	}
	c->env.finished_count = 0;
}

/* A packet, a millisecond after the one before. */
static inline bool carrier_push(struct carrier *c, unsigned end, struct bytes data)
{
	struct chunk chunk = { .data = data, .time_ns = c->now_ns += MS, .number = ++c->packets };
	bool ours = c->row->push(c->state, &c->env, end, &chunk);

	carrier_take(c);
	return ours;
}

static inline void carrier_finish(struct carrier *c, enum exchange_end how)
{
	c->row->end(c->state, &c->env, how, -1);
	carrier_take(c);
}

/* Returns what is still held by messages: 0 where all was given back. */
static inline uint64_t carrier_destroy(struct carrier *c)
{
	c->row->finish(c->state, &c->env);
	for (unsigned i = 0; i < c->count; i++)
		tls_env_give_back(&c->env, c->got[i]);
	uint64_t held = c->env.message_bytes;
	tls_env_finish(&c->env);
	free(c->state);
	free(c);
	return held;
}

#endif
