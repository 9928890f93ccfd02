/* classify.h: nDPI's judgement of a flow that carries a handshake. The only file that knows nDPI.
 *
 * Showing nDPI a flow's packets costs microseconds each, more than all the rest of a handshake. So
 * a name is only looked up in its list of hosts, which is cheap, and a whole hello goes through its
 * dissector where the answer can be remembered (app/applications.h decides). One classifier belongs
 * to one thread.
 */
#ifndef FLOW_CLASSIFY_H
#define FLOW_CLASSIFY_H

#include "base/reader.h"
#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers as this nDPI counts them: they mean nothing outside the run. */
struct classification {
	uint16_t application, category;		/* 0: unknown */
	uint64_t risks;				/* bits */
};

/* TLS records as the two ends sent them, over TCP to this port. */
struct classify_flow {
	uint16_t server_port;
	int64_t time_ns;
	struct bytes client_records, server_records;
};

enum classify_carrier { CLASSIFY_TLS, CLASSIFY_DTLS, CLASSIFY_QUIC };

struct classifier;

/* NULL where nDPI cannot be set up, or is another one than this program was built with. */
struct classifier *classify_create(void);
void classify_destroy(struct classifier *c);

/* nDPI's release, as "4.2.0". */
const char *classify_release(void);
/* What nDPI's list of hosts says of a name; false where it does not know it. */
bool classify_name(const struct classifier *c, struct bytes name, struct classification *out);
/* What its list of networks says of a server's address, which for now holds IPv4 alone. */
bool classify_address(const struct classifier *c, struct address server, struct classification *out);
/* What its dissector says of the records. Risks that follow from the host's name are left out:
 * callers remember answers and may put any name into the hello. */
void classify_records(const struct classifier *c, const struct classify_flow *f,
		      struct classification *out);
/* What is known of a flow of which nothing else is. */
void classify_carrier(const struct classifier *c, enum classify_carrier carrier,
		      struct classification *out);
/* The risks that would be none: what QUIC or DTLS does on any port and with extensions of its own, and what is usual for a
 * protocol that began in the clear. */
uint64_t classify_moot_risks(enum classify_carrier carrier, bool began_in_the_clear);

/* Borrowed from the classifier; NULL for 0. */
const char *classify_application(const struct classifier *c, const struct classification *of);
const char *classify_category(const struct classifier *c, const struct classification *of);
/* Of one bit of `risks`. */
const char *classify_risk(unsigned bit);

#endif
