/* template.h: a connection of a capture as a mould for many.
 *
 * A template is one connection of pcaps/: its packets in order, each with its time, its numbers counted from the first
 * of its side, and where its bytes lie. It owns all of them. Addresses, ports and checksums are left out; whoever lays
 * the connection out anew gives it others. What has to differ from connection to connection (the name, the randoms) is
 * a place in `bytes`, and lies in one packet as a whole.
 */
#ifndef BENCH_TEMPLATE_H
#define BENCH_TEMPLATE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

struct span {
	size_t at, len;
};

struct piece {
	bool from_server;
	uint8_t flags;
	uint16_t window;
	uint32_t seq, ack;
	uint64_t at_us;
	struct span options, payload;
};

struct template {
	uint8_t protocol;
	uint16_t server_port;
	uint64_t begin_us;
	struct piece *pieces;
	size_t count;
	struct buffer bytes;
	struct span name, label, client_random, server_random;
};

/* Connection number `index` of a capture of Ethernet and IPv4. Whatever is wrong with it ends the program. */
void template_load(struct template *t, const char *folder, const char *capture, unsigned index);
/* An answer of `records` records of TLS, each of so many bytes, before the client's last words. */
void template_add_records(struct template *t, size_t records, size_t record_len);
/* As many bytes of no protocol after the server's last ones. */
void template_add_plain(struct template *t, size_t len);
/* The packet that the server sent last, so many times over. */
void template_repeat(struct template *t, size_t times);
/* Without the first `count` packets, or with no more than these. */
void template_drop(struct template *t, size_t count);
void template_keep(struct template *t, size_t count);
/* Ends after the server's first flight, and what acknowledges it. */
void template_leave_open(struct template *t);
/* Ends in the middle of the client's first bytes. */
void template_cut_hello(struct template *t);
void template_finish(struct template *t);

/* The last packet up to which nobody but the sender of packet `index` sends bytes. */
size_t template_flight_end(const struct template *t, size_t index);

#endif
