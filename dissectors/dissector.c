#include "dissectors/dissector.h"

#include "dissectors/tls.h"

/* In the order in which they are asked. */
const struct dissector dissectors[] = {
	{
		.name = "tls", .stream = true, .size = sizeof(struct tls), .looks = tls_looks, .looks_late = tls_looks_late,
		.init = tls_init, .finish = tls_finish, .push = tls_push, .closed = tls_closed, .lacks_tail = tls_lacks_tail, .end = tls_end,
		.is_over = tls_is_over, .is_running = tls_is_running, .client = tls_client,
	},
};
const size_t dissector_count = sizeof dissectors / sizeof dissectors[0];

_Static_assert(sizeof(struct tls) <= DISSECTOR_STATE_MAX, "the state is too large");

const struct dissector *dissector_for(bool stream, struct bytes first)
{
	for (size_t i = 0; i < dissector_count; i++) {
		if (dissectors[i].stream == stream && dissectors[i].looks(first) != LOOK_NO)
			return &dissectors[i];
	}
	return NULL;
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
