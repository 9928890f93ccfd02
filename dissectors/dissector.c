#include "dissectors/dissector.h"

#include "dissectors/dns_stream.h"
#include "dissectors/dtls.h"
#include "dissectors/eap.h"
#include "dissectors/openvpn.h"
#include "dissectors/quic.h"
#include "dissectors/radius.h"
#include "dissectors/starttls.h"
#include "dissectors/tls.h"

/* In the order in which they are asked. */
const struct dissector dissectors[] = {
	{
		.name = "tls", .stream = true, .size = sizeof(struct tls), .looks = tls_looks, .looks_late = tls_looks_late,
		.init = tls_init, .finish = tls_finish, .push = tls_push, .closed = tls_closed, .lacks_tail = tls_lacks_tail, .end = tls_end,
		.is_over = tls_is_over, .is_running = tls_is_running, .client = tls_client,
	},
	{
		.name = "starttls", .stream = true, .size = sizeof(struct starttls), .looks = starttls_looks, .init = starttls_init,
		.finish = starttls_finish, .push = starttls_push, .closed = starttls_closed, .lacks_tail = starttls_lacks_tail, .end = starttls_end,
		.is_over = starttls_is_over, .is_running = starttls_is_running, .client = starttls_client,
	},
	{
		.name = "dtls", .size = sizeof(struct dtls), .looks = dtls_looks, .init = dtls_init, .finish = dtls_finish, .push = dtls_push,
		.begins_anew = dtls_begins_anew, .closed = dtls_closed, .lacks_tail = dtls_lacks_tail, .end = dtls_end, .is_over = dtls_is_over,
		.is_running = dtls_is_running, .client = dtls_client,
	},
	{
		.name = "openvpn", .size = sizeof(struct openvpn), .looks = openvpn_looks, .init = openvpn_init, .finish = openvpn_finish,
		.push = openvpn_push, .begins_anew = openvpn_begins_anew, .closed = openvpn_closed, .lacks_tail = openvpn_lacks_tail,
		.end = openvpn_end, .is_over = openvpn_is_over, .is_running = openvpn_is_running, .client = openvpn_client,
	},
	{
		.name = "radius", .size = sizeof(struct radius), .looks = radius_looks, .init = radius_init, .finish = radius_finish, .push = radius_push,
		.closed = radius_closed, .lacks_tail = radius_lacks_tail, .end = radius_end, .is_over = radius_is_over,
		.is_running = radius_is_running, .client = radius_client,
	},
	{
		.name = "eapol", .size = sizeof(struct eap), .looks = eapol_looks, .init = eapol_init, .finish = eapol_finish, .push = eapol_push,
		.closed = eapol_closed, .lacks_tail = eapol_lacks_tail, .end = eapol_end, .is_over = eapol_is_over, .is_running = eapol_is_running,
		.client = eapol_client,
	},
	{
		.name = "openvpn_stream", .stream = true, .never_refuses = true, .size = sizeof(struct openvpn), .looks = openvpn_looks_stream, .init = openvpn_init,
		.finish = openvpn_finish, .push = openvpn_push_stream, .closed = openvpn_closed, .lacks_tail = openvpn_lacks_tail,
		.end = openvpn_end, .is_over = openvpn_is_over, .is_running = openvpn_is_running, .client = openvpn_client,
	},
	{
		.name = "dns", .stream = true, .size = sizeof(struct dns_stream), .looks = dns_stream_looks, .init = dns_stream_init,
		.finish = dns_stream_finish, .push = dns_stream_push, .closed = dns_stream_closed, .lacks_tail = dns_stream_lacks_tail,
		.end = dns_stream_end, .is_over = dns_stream_is_over, .is_running = dns_stream_is_running, .client = dns_stream_client,
	},
	{
		.name = "quic", .size = sizeof(struct quic), .looks = quic_looks, .init = quic_init, .finish = quic_finish, .push = quic_push,
		.begins_anew = quic_begins_anew, .closed = quic_closed, .lacks_tail = quic_lacks_tail, .end = quic_end, .is_over = quic_is_over,
		.is_running = quic_is_running, .client = quic_client,
	},
};
const size_t dissector_count = sizeof dissectors / sizeof dissectors[0];

_Static_assert(sizeof(struct starttls) <= DISSECTOR_STATE_MAX && sizeof(struct dtls) <= DISSECTOR_STATE_MAX, "the state is too large");
_Static_assert(sizeof(struct quic) <= DISSECTOR_STATE_MAX && sizeof(struct openvpn) <= DISSECTOR_STATE_MAX, "the state is too large");

const struct dissector *dissector_for(bool stream, struct bytes first)
{
	const struct dissector *possible = NULL;

	for (size_t i = 0; i < dissector_count; i++) {
		if (dissectors[i].stream != stream)
			continue;
		enum look look = dissectors[i].looks(first);
		if (look == LOOK_YES)
			return &dissectors[i];
		if (look == LOOK_MAYBE && !dissectors[i].never_refuses && !possible)
			possible = &dissectors[i];
	}
	return possible;
}

bool dissector_wants_more(struct bytes first)
{
	unsigned possible = 0;

	for (size_t i = 0; i < dissector_count; i++) {
		enum look look = dissectors[i].stream ? dissectors[i].looks(first) : LOOK_NO;

		if (look == LOOK_YES)
			return false;
		possible += look == LOOK_MAYBE ? 1 + dissectors[i].never_refuses : 0;
	}
	return possible > 1;
}

const struct dissector *dissector_for_datagram(struct bytes datagram)
{
	for (size_t i = 0; i < dissector_count; i++) {
		if (!dissectors[i].stream && dissectors[i].looks(datagram) == LOOK_YES)
			return &dissectors[i];
	}
	return NULL;
}

const struct dissector *dissector_for_late(bool stream, struct bytes first)
{
	for (size_t i = 0; i < dissector_count; i++) {
		if (dissectors[i].stream == stream && dissectors[i].looks_late && dissectors[i].looks_late(first) == LOOK_YES)
			return &dissectors[i];
	}
	return NULL;
}
