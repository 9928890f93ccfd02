#include "sinks/pack.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

enum { NUMBER_LEN = 20, NS_PER_US = 1000 };

static unsigned count_digits(uint64_t v)
{
	unsigned n = 1;

	for (uint64_t power = 10; n < NUMBER_LEN && v >= power; power *= 10)
		n++;
	return n;
}

/* Most are small: so many digits are written by arithmetic on 32 bits, and two of them at a time. */
static void put_digits(uint8_t *to, unsigned digits, uint64_t v)
{
	for (; v > UINT32_MAX; v /= 10)
		to[--digits] = (uint8_t)('0' + v % 10);
	uint32_t rest = (uint32_t)v;
	for (; digits >= 2; rest /= 100) {
		uint32_t two = rest % 100;

		to[--digits] = (uint8_t)('0' + two % 10);
		to[--digits] = (uint8_t)('0' + two / 10);
	}
	if (digits)
		to[0] = (uint8_t)('0' + rest);
}

/* Where there is room for it; returns the place behind it. */
static uint8_t *put_number(uint8_t *to, int64_t v, char after)
{
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned digits = count_digits(rest);

	if (v < 0)
		*to++ = '-';
	put_digits(to, digits, rest);
	to[digits] = (uint8_t)after;
	return to + digits + 1;
}

void pack_number(struct buffer *out, int64_t v, char after)
{
	uint8_t *to = buffer_reserve(out, NUMBER_LEN + 2);

	out->len += (size_t)(put_number(to, v, after) - to);
}

static int64_t delay(const struct handshake *h, int64_t time_ns)
{
	return (int64_t)((uint64_t)time_ns - (uint64_t)h->time_ns);
}

static bool is_timed(const struct handshake *h, int64_t time_ns)
{
	return time_ns != TIME_NONE && h->time_ns != TIME_NONE;
}

static bool in_microseconds(const struct handshake *h)
{
	for (uint16_t i = 0; i < h->message_count; i++) {
		int64_t time_ns = handshake_message(h, i)->time_ns;

		if (is_timed(h, time_ns) && delay(h, time_ns) % NS_PER_US)
			return false;
	}
	return true;
}

static uint8_t *put_message(uint8_t *to, const struct handshake *h, const struct message *m, bool us)
{
	to = put_number(to, m->bytes, ',');
	if (is_timed(h, m->time_ns))
		return put_number(to, us ? delay(h, m->time_ns) / NS_PER_US : delay(h, m->time_ns), ',');
	memcpy(to, "null,", 5);
	return to + 5;
}

void pack_messages(struct buffer *out, const struct handshake *h)
{
	bool us = in_microseconds(h);

	buffer_clear(out);
	uint8_t *to = buffer_reserve(out, 3 + h->message_count * 2 * (NUMBER_LEN + 2U)), *begin = to;
	memcpy(to, us ? "[1," : "[0,", 3);
	to += 3;
	for (uint16_t i = 0; i < h->message_count; i++)
		to = put_message(to, h, handshake_message(h, i), us);
	to[-1] = ']';
	out->len = (size_t)(to - begin);
}

enum { STEP_SENDER = 16, STEP_DECRYPTED = 24 };

uint32_t pack_step(const struct message *m)
{
	return m->type | (uint32_t)m->sender << STEP_SENDER | (uint32_t)m->decrypted << STEP_DECRYPTED;
}

void pack_ladder_text(struct buffer *out, const uint32_t *steps, size_t count)
{
	buffer_clear(out);
	for (size_t i = 0; i < count; i++) {
		buffer_add(out, i ? ",[" : "[[", 2);
		pack_number(out, steps[i] & 0xffff, ',');
		pack_number(out, steps[i] >> STEP_SENDER & 0xff, ']');
		if (steps[i] >> STEP_DECRYPTED) {
			out->len--;
			buffer_add(out, ",1]", 3);
		}
	}
	buffer_add(out, "]", 1);
}

void pack_alerts(struct buffer *out, const struct handshake *h)
{
	buffer_clear(out);
	for (uint16_t i = 0; i < h->alert_count; i++) {
		const struct alert *a = &h->alerts[i];

		buffer_add(out, i ? ",[" : "[[", 2);
		pack_number(out, a->sender, ',');
		pack_number(out, a->level, ',');
		pack_number(out, a->description, ',');
		if (is_timed(h, a->time_ns))
			pack_number(out, delay(h, a->time_ns), ']');
		else
			buffer_add(out, "null]", 5);
	}
	buffer_add(out, "]", 1);
}

enum { SEEN_CLIENT = 1, SEEN_SERVER = 2 };

bool pack_randoms(struct buffer *out, const struct handshake *h)
{
	uint8_t seen = (uint8_t)((h->has_client_random ? SEEN_CLIENT : 0) | (h->has_server_random ? SEEN_SERVER : 0));
	bool id = h->session_id_len > 0;

	assert(h->session_id_len <= (int16_t)sizeof h->session_id);
	if (!seen && !id)
		return false;
	buffer_clear(out);
	buffer_add(out, &seen, 1);
	buffer_add(out, h->client_random, sizeof h->client_random);
	if (h->has_server_random || id)
		buffer_add(out, h->server_random, sizeof h->server_random);
	if (id)
		buffer_add(out, h->session_id, (size_t)h->session_id_len);
	return true;
}

/* Frames of IEEE 802.1X have no addresses. */
bool pack_is_blank(const struct address *address)
{
	static const struct address blank;

	return !memcmp(address, &blank, sizeof blank);
}

enum pack_end pack_end(const struct address *address, uint16_t port, int64_t *number, struct buffer *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool blank = pack_is_blank(address);
	char text[46] = "";

	if (!memcmp(address->at, mapped, sizeof mapped)) {
		struct reader r = reader_of((struct bytes){ address->at, sizeof address->at });

		rd_skip(&r, sizeof mapped);
		*number = (int64_t)rd_u32(&r) << 16 | port;
		return PACK_NUMBER;
	}
	if (blank && !port)
		return PACK_NOTHING;
	if (!blank)
		text_address(address->at, text);
	buffer_clear(out);
	pack_number(out, port, ' ');
	buffer_add_text(out, text);
	return PACK_TEXT;
}
