/* hello.c: the first byte picks the message, the rest is its body. */
#include "base/buffer.h"
#include "dissectors/hello.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(const struct hello *h)
{
	for (size_t i = 0; i < OFFER_KIND_COUNT; i++)
		assert(h->offers[i].seen || !h->offers[i].count);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct client_hello ch;
	struct server_hello sh;
	struct ssl2_server_hello ssl2;
	struct buffer key = { 0 };
	bool read = false;

	if (!len)
		return 0;
	struct bytes body = { at + 1, len - 1 };
	switch (at[0] % 6) {
	case 0:
	case 1:
	case 2:
		read = client_hello_parse(body, (enum hello_kind)(at[0] % 3), &ch, &key);
		break;
	case 3:
		read = server_hello_parse(body, &sh, &key);
		break;
	case 4:
		read = ssl2_client_hello_parse(body, &ch, &key);
		break;
	default:
		ssl2_server_hello_parse(body, &ssl2);
		break;
	}
	if (read) {
		struct hello *h = hello_from_key(buffer_bytes(&key));

		check(h);
		hello_free(h);
	}
	buffer_finish(&key);
	return 0;
}
