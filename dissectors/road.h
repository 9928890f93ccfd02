/* road.h: the plaintext before a handshake, one protocol a row: how it begins, where one of its pieces ends, and what a piece
 * means for TLS. Private to starttls.c, which walks the rows, and to the files that hold them.
 */
#ifndef DISSECTORS_ROAD_H
#define DISSECTORS_ROAD_H

#include "dissectors/dissector.h"
#include "dissectors/starttls.h"

#include <stdint.h>

enum road_step {
	ROAD_ON,		/* nothing is decided */
	ROAD_OVER,		/* no TLS will come of it, or it is not this protocol */
	ROAD_THROUGH,		/* the next byte of either side begins something new: TLS, or another road */
	ROAD_TLS,		/* granted: the next byte of either side is TLS */
};

/* measure: more bytes are needed to tell; these are none of ours. */
enum { PIECE_UNKNOWN = 0 };
#define PIECE_WRONG SIZE_MAX

struct road {
	const char *name;
	uint16_t ports[3];	/* the usual ones: they only break ties */
	bool server_first;
	/* Pieces end with this byte; 0: measure tells. */
	uint8_t delimiter;
	/* The first bytes of the side that speaks first. YES needs no more of them than the first piece has. */
	enum look (*looks)(struct bytes first);
	/* The length of the piece that begins with these bytes of this end. */
	size_t (*measure)(const struct starttls *s, bool client, struct bytes begun);
	/* A whole piece; a very long one is cut. `rest`: what follows it in the same packet. */
	enum road_step (*take)(struct starttls *s, bool client, struct bytes piece, struct bytes rest);
};

/* Which end of the flow that is. */
static inline unsigned road_end(const struct starttls *s, bool client)
{
	return client == (s->client == 2);
}

extern const struct road roads[];
extern const size_t road_count;

/* ---- dialogue.c: protocols of lines that share their codes and words ---- */

/* A bit for each row of `roads` that the line, the first of a connection, may begin; `by_server` says who would say it. */
uint32_t dialogue_beginnings(struct bytes line, bool *by_server);
enum look dialogue_looks(struct bytes first);
enum road_step dialogue_take(struct starttls *s, bool client, struct bytes line, struct bytes rest);

/* ---- the others ---- */

enum look http_connect_looks(struct bytes first);
enum look http_upgrade_looks(struct bytes first);
enum road_step http_connect_take(struct starttls *s, bool client, struct bytes line, struct bytes rest);
enum road_step http_upgrade_take(struct starttls *s, bool client, struct bytes line, struct bytes rest);
enum look xmpp_looks(struct bytes first);
enum road_step xmpp_take(struct starttls *s, bool client, struct bytes tag, struct bytes rest);
enum look proxy_v1_looks(struct bytes first);
enum road_step proxy_v1_take(struct starttls *s, bool client, struct bytes line, struct bytes rest);

#define ROAD_OF_PIECES(name) \
	enum look name##_looks(struct bytes first); \
	size_t name##_measure(const struct starttls *s, bool client, struct bytes begun); \
	enum road_step name##_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest);
ROAD_OF_PIECES(ldap)
ROAD_OF_PIECES(mysql)
ROAD_OF_PIECES(postgresql)
ROAD_OF_PIECES(proxy_v2)
ROAD_OF_PIECES(rdp)
ROAD_OF_PIECES(socks4)
ROAD_OF_PIECES(socks5)
ROAD_OF_PIECES(tds)
#undef ROAD_OF_PIECES

/* ---- texts from the wire ---- */

/* Does it begin with the word, whatever the case? A shorter text that agrees as far as it goes is LOOK_MAYBE. */
enum look text_begins(struct bytes text, const char *word);
/* Does the word stand in it, whatever the case? */
bool text_holds(struct bytes text, const char *word);

#endif
