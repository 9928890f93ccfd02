/* frames.h: headers as lists of bytes, so that a test of the packet room shows a whole frame in a few words. */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet/decap.h"

#define U16(n) (uint8_t)((n) >> 8), (uint8_t)(n)
#define U32(n) U16((uint32_t)(n) >> 16), U16((n) & 0xffff)

enum { FROM_PORT = 49152, TO_PORT = 443 };

#define MACS 0x02, 0, 0, 0, 0, 0xdd, 0x02, 0, 0, 0, 0, 0x55		/* to, from */
#define IPV4(payload, protocol) \
	0x45, 0, U16(20 + (payload)), 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IPV4_PIECE(payload, protocol, id, place) \
	0x45, 0, U16(20 + (payload)), U16(id), U16(place), 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IPV6(payload, protocol) \
	0x60, 0, 0, 0, U16(payload), protocol, 64, \
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define TCP U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0
#define TCP_HI TCP, 'h', 'i'
#define UDP(payload) U16(FROM_PORT), U16(TO_PORT), U16(8 + (payload)), 0, 0
#define IPV4_TCP_HI IPV4(22, 6), TCP_HI

enum { ETHERNET_LINK = 1 };

struct walked {
	enum decap_result result;
	struct segment segment;
	struct decap_counts counts;
	struct limit_counts limits;
};

/* `wire_len` 0: all of it was captured. */
static inline void walk_frame(struct walked *w, uint16_t link, struct bytes data, uint32_t wire_len)
{
	struct packet p = { .time_ns = 5, .number = 1, .data = data, .wire_len = wire_len ? wire_len : (uint32_t)data.len,
		.link_type = link };

	memset(w, 0, sizeof *w);
	memset(&w->segment, 0xee, sizeof w->segment);	/* what decap() leaves unset must not look set */
	w->counts.limits = &w->limits;
	w->result = decap(&p, &w->segment, &w->counts);
}

#define WALK(w, link, ...) \
	do { \
		static const uint8_t frame_[] = { __VA_ARGS__ }; \
		walk_frame(w, link, (struct bytes){ frame_, sizeof frame_ }, 0); \
	} while (0)

static inline void assert_says_hi(const struct walked *w)
{
	assert_int_equal(w->result, DECAP_SEGMENT);
	assert_int_equal(w->segment.protocol, PROTOCOL_TCP);
	assert_int_equal(w->segment.src_port, FROM_PORT);
	assert_int_equal(w->segment.dst_port, TO_PORT);
	assert_int_equal(w->segment.seq, 7);
	assert_int_equal(w->segment.ack, 9);
	assert_int_equal(w->segment.flags, TCP_PSH | TCP_ACK);
	assert_int_equal(w->segment.window, 0x2000);
	assert_int_equal(w->segment.ttl, 64);
	assert_int_equal(w->segment.payload_len, 2);
	assert_int_equal(w->segment.payload.len, 2);
	assert_memory_equal(w->segment.payload.at, "hi", 2);
}

static inline void assert_lay_in(const struct walked *w, const char *encapsulation)
{
	char text[256];

	assert_int_equal(encapsulation_text(&w->segment.encapsulation, text, sizeof text), strlen(encapsulation));
	assert_string_equal(text, encapsulation);
}

#endif
