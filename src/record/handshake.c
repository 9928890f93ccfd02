#include "overhear/handshake.h"

#include "base/xmalloc.h"
#include "overhear/limits.h"

#include <stdlib.h>
#include <string.h>

/* What is not named here is 0: TEXT_NONE, ..._UNSEEN, no shape, nothing counted. */
static const struct handshake blank = {
	.time_ns = TIME_NONE,
	.vlan = VLAN_NONE,
	.version = -1,
	.cipher = -1,
	.named_group = -1,
	.signature_scheme = -1,
	.compression = -1,
	.dh_bits = -1,
	.forward_secrecy = -1,
	.post_quantum = -1,
	.hello_retry = -1,
	.extended_master_secret = -1,
	.encrypt_then_mac = -1,
	.secure_renegotiation = -1,
	.certificates_visible = -1,
	.quic_retry = -1,
	.dtls_cookie = -1,
	.session_id_len = -1,
	.resumed_from = -1,
	.retry_group = -1,
	.ocsp_this_update_s = TIME_NONE,
	.ocsp_next_update_s = TIME_NONE,
	.alert_level = -1,
	.alert_code = -1,
	.alert_sender = -1,
	.server_certificates = -1,
	.client_certificates = -1,
	.certificate_compression = -1,
	.sct_count = -1,
	.ticket_lifetime_s = -1,
	.quic_version = -1,
	.dns_ns = TIME_NONE,
	.tcp_ns = TIME_NONE,
	.client_rtt_ns = TIME_NONE,
	.server_rtt_ns = TIME_NONE,
	.server_hello_ns = TIME_NONE,
	.server_think_ns = TIME_NONE,
	.tls_ns = TIME_NONE,
	.first_byte_ns = TIME_NONE,
	.total_ns = TIME_NONE,
	.round_trips = -1,
	.retransmissions = -1,
	.client_bytes = -1,
	.server_bytes = -1,
	.texts_room = HANDSHAKE_TEXTS_INLINE,
};

void handshake_init(struct handshake *h)
{
	memcpy(h, &blank, sizeof *h);
}

void handshake_finish(struct handshake *h)
{
	if (!h)
		return;
	free(h->more_messages);
	free(h->texts_heap);
	handshake_init(h);
}

static uint8_t *texts(struct handshake *h)
{
	return h->texts_heap ? h->texts_heap : h->texts_inline;
}

/* Room for `more` bytes in a new place; the old one is given back, since the bytes to keep may lie
 * in it. */
static uint8_t *grow_texts(struct handshake *h, uint32_t more)
{
	uint8_t *old = h->texts_heap;
	uint32_t room = h->texts_room;

	while (room - h->texts_used < more)
		room *= 2;
	uint8_t *at = xmalloc(room);
	memcpy(at, texts(h), h->texts_used);
	h->texts_heap = at;
	h->texts_room = room;
	return old;
}

struct text handshake_keep(struct handshake *h, struct bytes b, bool *fits)
{
	bool fit = b.len <= TEXT_BYTES_MAX && h->texts_used <= TEXT_BYTES_MAX - (uint32_t)b.len;
	uint32_t len = (uint32_t)b.len;
	uint8_t *old = NULL;

	if (fits)
		*fits = fit;
	if (!fit || !len)
		return TEXT_NONE;
	if (h->texts_room - h->texts_used < len)
		old = grow_texts(h, len);
	memcpy(texts(h) + h->texts_used, b.at, len);
	free(old);
	h->texts_used += len;
	return (struct text){ .at = h->texts_used - len, .len = len };
}

struct text handshake_keep_text(struct handshake *h, const char *s)
{
	return handshake_keep(h, (struct bytes){ (const uint8_t *)s, strlen(s) }, NULL);
}

struct bytes handshake_text(const struct handshake *h, struct text t)
{
	const uint8_t *at = h->texts_heap ? h->texts_heap : h->texts_inline;
	struct reader r = reader_of((struct bytes){ at, h->texts_used });

	rd_skip(&r, t.at);
	return t.len ? rd_take(&r, t.len) : (struct bytes){ NULL, 0 };
}

struct bytes handshake_asked_name(const struct handshake *h)
{
	bool inner = h->ech == ECH_ACCEPTED && h->inner_server_name.len;

	return handshake_text(h, inner ? h->inner_server_name : h->server_name);
}

static struct message *message_place(struct handshake *h)
{
	uint16_t beyond = (uint16_t)(h->message_count - HANDSHAKE_MESSAGES_INLINE);

	if (h->message_count < HANDSHAKE_MESSAGES_INLINE)
		return &h->messages[h->message_count];
	if (beyond == h->message_room) {
		h->message_room = h->message_room ? (uint16_t)(h->message_room * 2) : 8;
		h->more_messages =
			xrealloc(h->more_messages, h->message_room * sizeof *h->more_messages);
	}
	return &h->more_messages[beyond];
}

bool handshake_add_message(struct handshake *h, struct message m)
{
	if (h->message_count == MESSAGES_MAX)
		return false;
	*message_place(h) = m;
	h->message_count++;
	return true;
}

bool handshake_add_alert(struct handshake *h, struct alert a)
{
	if (h->alert_count == HANDSHAKE_ALERTS_MAX)
		return false;
	h->alerts[h->alert_count++] = a;
	return true;
}

const struct message *handshake_message(const struct handshake *h, uint16_t index)
{
	if (index >= h->message_count)
		return NULL;
	return index < HANDSHAKE_MESSAGES_INLINE
		       ? &h->messages[index]
		       : &h->more_messages[index - HANDSHAKE_MESSAGES_INLINE];
}
