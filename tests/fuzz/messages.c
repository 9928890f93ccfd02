#include "dissectors/hello.h"
#include "dissectors/messages.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void inside(struct bytes part, struct bytes whole)
{
	if (part.len && (part.at < whole.at || part.len > whole.len ||
			 part.at - whole.at > (ptrdiff_t)(whole.len - part.len)))
		abort();
}

static void ask(struct bytes body, uint16_t version)
{
	struct buffer key = { 0 };

	if (certificate_request_key(body, version, &key)) {
		struct hello *h = hello_from_key(buffer_bytes(&key));

		if (!h)
			abort();
		hello_free(h);
	}
	buffer_finish(&key);
}

/* Three bytes choose the message, the suite and the version; the rest is its body. */
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const uint16_t suites[] = { 0xc02f, 0x009e, 0xc037, 0x00a8,
					   0xc018, 0x00a6, 0x00aa, 0x0000 };
	static const uint16_t versions[] = { 0x0303, 0x0301, 0x0304, 0xfefd };
	struct reader r = reader_of((struct bytes){ at, len });
	uint8_t which = rd_u8(&r), suite = rd_u8(&r), version = rd_u8(&r);
	struct bytes body = rd_rest(&r), part = { NULL, 0 };
	struct server_key_exchange ske;
	struct new_session_ticket ticket;
	struct certificate_entry entry;

	switch (which % 5) {
	case 0:
		server_key_exchange_parse(body, suites[suite % 8], versions[version % 4], &ske);
		break;
	case 1:
		if (new_session_ticket_parse(body, version & 1, &ticket))
			inside(ticket.ticket, body);
		break;
	case 2:
		ask(body, versions[version % 4]);
		break;
	case 3:
		if (certificate_status_parse(body, &part))
			inside(part, body);
		break;
	default:
		certificate_entry_parse(body, &entry);
		inside(entry.ocsp_response, body);
		inside(entry.scts, body);
		sct_list_count(entry.scts);
		break;
	}
	return 0;
}
