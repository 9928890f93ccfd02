/* Records with keys that are known: a byte chooses the suite, one the version, one how the MAC stands; the rest are records, each
 * with a type and a length. Most do not fit the keys; those that are built to must open within bounds. */
#include "dissectors/decrypt.h"
#include "dissectors/uncompress.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0xc02f, 0xc0ac, 0xcca8, 0xc013, 0xc028,
				   0x000a, 0x0004, 0x003b, 0x0002, 0x0008, 0x0003, 0x0088, 0xc060, 0x0096 };
static const uint16_t versions[] = { 0x0300, 0x0301, 0x0302, 0x0303, 0xfefd, 0x7f12, 0x7f17, 0x0304, 0xfefc };

static void open_all(struct crypto *c, struct record_keys *k, uint16_t version, struct reader *r)
{
	while (rd_more(r)) {
		uint8_t type = rd_u8(r);
		struct reader body = rd_vec8(r);
		bool with_id = type == 25;
		struct bytes id = rd_take(&body, with_id), header = rd_take(&body, k->dtls13 ? type & 7 : 0);
		struct sealed_record sealed = { .type = type, .version = version, .body = rd_rest(&body),
						.has_connection_id = with_id, .connection_id = id };
		struct sealed_dtls13 unified = { .header = header, .body = sealed.body, .number_at = type >> 4 & 7,
						 .number_len = type & 3 };
		struct opened_record opened;
		struct buffer plain = { 0 };
		uint8_t *room = malloc(sealed.body.len + 1);

		if (k->dtls13 ? record_open_dtls13(c, k, &unified, room, &opened) : record_open(c, k, &sealed, room, &opened))
			assert(opened.content.len <= sealed.body.len);
		else
			record_skip(k, sealed.body, sealed.body.len);
		record_uncompress(sealed.body, type & 1, &plain);
		assert(plain.len <= RECORD_PLAIN_MAX);
		certificate_uncompress(type & 3, sealed.body, 1000, &plain);
		buffer_finish(&plain);
		free(room);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[48] = { 1 }, random[32] = { 2 };
	struct reader r = reader_of((struct bytes){ data, size });
	uint16_t suite = suites[rd_u8(&r) % (sizeof suites / sizeof *suites)];
	uint16_t version = versions[rd_u8(&r) % (sizeof versions / sizeof *versions)];
	struct session s = { .version = version, .suite = suite, .encrypt_then_mac = rd_u8(&r) & 1,
			     .client_random = random, .server_random = random };
	struct crypto *c = crypto_create();
	struct record_keys k[2] = { 0 };

	if (suite >> 8 == 0x13) {
		if (keys_from_traffic_secret(c, version, suite, (struct bytes){ secret, suite == 0x1302 ? 48 : 32 }, &k[0]))
			keys_update(c, &k[0]);
	} else {
		keys_from_master(c, &s, (struct bytes){ secret, 48 }, k);
	}
	open_all(c, &k[0], version, &r);
	record_keys_finish(&k[0]);
	record_keys_finish(&k[1]);
	crypto_destroy(c);
	return 0;
}
