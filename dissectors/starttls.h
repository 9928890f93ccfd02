/* starttls.h: TLS that begins in the middle of a connection: after STARTTLS and its kin, through a proxy, behind a PROXY header.
 * A dissector of its own that reads the plaintext of both sides until TLS is agreed on, and hands everything behind that very byte
 * to the TLS dissector inside it. What leads to TLS is a table of roads (road.h), found by content, on any port; several may follow
 * one another (proxy-v1+smtp).
 *
 * The plaintext is looked at for STARTTLS_BYTES_MAX bytes at the most; of it, nothing is kept but a piece that is not whole yet.
 */
#ifndef DISSECTORS_STARTTLS_H
#define DISSECTORS_STARTTLS_H

#include "dissectors/tls.h"
#include "overhear/limits.h"

enum { ROAD_BITS = 6, ROAD_PIECE_MAX = 1024, ROAD_NAMES_ROOM = 64 };

struct road_side {
	uint8_t *held;		/* owned: the beginning of a piece that is not whole yet */
	uint16_t held_len, held_room;
	uint32_t skip;		/* bytes of a long piece that nobody wants */
	bool skips_line;	/* likewise, to its delimiter */
	bool tls;		/* from here on TLS */
	uint8_t stage;		/* the road's own */
};

/* TLS records inside the packets of TDS: what of a packet is still to come. */
struct road_wrap {
	uint8_t header[8], header_len;
	uint16_t left;
	bool over;		/* its records come plain now */
};

struct starttls {
	struct tls tls;			/* first, so that a blank one looks like a blank TLS connection (flow/rest.h) */
	uint32_t levels;		/* roads that were taken, outermost in the low bits: 1 + row each */
	uint32_t candidates;		/* dialogues that fit so far, bits of rows */
	uint8_t depth;
	uint8_t row;			/* 1 + the road that is being taken; 0: between two */
	uint8_t client;			/* 1 + the end; 0: not known */
	bool begun;			/* TLS was handed its first bytes */
	bool offered, asked, refused, stripped;
	bool wanted;			/* a tunnel to a port where TLS is spoken was asked for */
	bool wrapped;
	uint16_t tag;			/* of the IMAP command that asked */
	uint16_t ports[2];		/* by end: the server's breaks ties */
	uint32_t bytes;			/* of plaintext looked at */
	struct road_side side[2];	/* by end of the flow */
	struct road_wrap wrap[2];
};

/* What a connection that ended without a hello has to say: kept with its flow (flow.note), 0 where nothing. */
enum road_reason { ROAD_QUIET, ROAD_UNUSED /* offered or asked for */, ROAD_REFUSED, ROAD_STRIPPED };
struct road_note {
	enum road_reason reason;
	unsigned client;	/* which end: 0, 1; 2: not known */
	uint32_t levels;
};
struct road_note road_note_of(uint32_t packed);
/* QUIC's: all that came was a Version Negotiation, for the client at this end. Its `reason` is ROAD_QUIET. */
uint32_t road_note_of_versions(unsigned client);
bool road_note_says_versions(uint32_t packed);
/* "proxy-v1+smtp"; empty where no road was taken. Returns its length. */
size_t road_names(uint32_t levels, char out[ROAD_NAMES_ROOM]);
/* A request as browsers send them: plain HTTP where TLS was expected. */
bool is_http_request(struct bytes first);

/* The row of dissector.c. */
enum look starttls_looks(struct bytes first);
void starttls_init(void *state);
void starttls_finish(void *state, struct tls_env *env);
bool starttls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void starttls_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void starttls_lacks_tail(void *state, unsigned end);
void starttls_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool starttls_is_over(const void *state);
bool starttls_is_running(const void *state);
unsigned starttls_client(const void *state);

#endif
