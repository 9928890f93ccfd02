#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/quic_crypt.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

static const uint8_t dcid[] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };
static const struct bytes first_dcid = { dcid, sizeof dcid };

static bool open_hex(const char *hex, enum sender sender, struct buffer *plain, int64_t *number)
{
	struct crypto *c = crypto_create();
	struct buffer wire = wire_hex(hex), room = { 0 };
	struct reader r = reader_of(buffer_bytes(&wire));
	struct quic_keys keys[2];
	struct quic_packet p;
	struct bytes payload;

	*number = -1;
	bool ok = quic_packet_next(&r, &p) && p.known &&
		  quic_keys_initial(c, p.known, first_dcid, keys) &&
		  quic_open(c, &keys[sender], &p, number, &room, &payload);
	if (ok)
		buffer_add(plain, payload.at, payload.len);
	buffer_finish(&room);
	buffer_finish(&wire);
	crypto_destroy(c);
	return ok;
}

static void assert_opens(const char *packet, enum sender sender, const char *frames,
			 int64_t expected_number)
{
	struct buffer plain = { 0 }, expected = wire_hex(frames);
	int64_t number;

	assert_true(open_hex(packet, sender, &plain, &number));
	assert_int_equal(number, expected_number);
	assert_true(plain.len >= expected.len);
	assert_memory_equal(plain.at, expected.at, expected.len);
	for (size_t i = expected.len; i < plain.len; i++)
		assert_int_equal(plain.at[i], 0);
	buffer_finish(&plain);
	buffer_finish(&expected);
}

static void the_client_initial_of_rfc_9001_opens(void **state)
{
	(void)state;
	assert_opens(vector_v1_client, SENDER_CLIENT, vector_client_frame, 2);
}

static void the_server_initial_of_rfc_9001_opens(void **state)
{
	(void)state;
	assert_opens(vector_v1_server, SENDER_SERVER, vector_server_frames, 1);
}

static void the_client_initial_of_rfc_9369_opens(void **state)
{
	(void)state;
	assert_opens(vector_v2_client, SENDER_CLIENT, vector_client_frame, 2);
}

static void the_server_initial_of_rfc_9369_opens(void **state)
{
	(void)state;
	assert_opens(vector_v2_server, SENDER_SERVER, vector_server_frames, 1);
}

static void keys_of_the_other_side_open_nothing(void **state)
{
	struct buffer plain = { 0 };
	int64_t number;

	(void)state;
	assert_false(open_hex(vector_v1_client, SENDER_SERVER, &plain, &number));
	assert_int_equal(number, -1);
}

static void a_flipped_bit_anywhere_opens_nothing(void **state)
{
	struct crypto *c = crypto_create();
	struct buffer wire = wire_hex(vector_v1_server), room = { 0 };
	struct quic_keys keys[2];
	struct quic_packet p;
	struct bytes payload;

	(void)state;
	assert_true(quic_keys_initial(c, quic_version_find(1), first_dcid, keys));
	for (size_t i = 0; i < wire.len; i++) {
		struct reader r = reader_of(buffer_bytes(&wire));
		int64_t largest = -1;

		wire.at[i] ^= 1;
		if (quic_packet_next(&r, &p) && p.known)
			assert_false(
				quic_open(c, &keys[SENDER_SERVER], &p, &largest, &room, &payload));
		wire.at[i] ^= 1;
	}
	buffer_finish(&wire);
	buffer_finish(&room);
	crypto_destroy(c);
}

static bool retry_fits(const char *hex, struct bytes original)
{
	struct crypto *c = crypto_create();
	struct buffer wire = wire_hex(hex), room = { 0 };
	struct reader r = reader_of(buffer_bytes(&wire));
	struct quic_packet p;
	bool fits = quic_packet_next(&r, &p) && p.type == QUIC_RETRY &&
		    quic_retry_is_genuine(c, &p, original, &room);

	buffer_finish(&wire);
	buffer_finish(&room);
	crypto_destroy(c);
	return fits;
}

static void the_retries_of_both_rfcs_are_genuine(void **state)
{
	(void)state;
	assert_true(retry_fits(vector_v1_retry, first_dcid));
	assert_true(retry_fits(vector_v2_retry, first_dcid));
}

static void a_retry_to_another_packet_is_not_genuine(void **state)
{
	struct bytes other = { dcid, sizeof dcid - 1 };

	(void)state;
	assert_false(retry_fits(vector_v1_retry, other));
}

/* Draft 24 and before: no tag, the DCID that it answers is in it. */
static void an_old_retry_names_the_packet_that_it_answers(void **state)
{
	struct bytes other = { dcid, sizeof dcid - 1 };

	(void)state;
	assert_true(retry_fits("f0ff0000180000088394c8f03e515708746f6b656e", first_dcid));
	assert_false(retry_fits("f0ff0000180000088394c8f03e515708746f6b656e", other));
}

static void a_truncated_packet_number_is_read_near_the_largest(void **state)
{
	struct crypto *c = crypto_create();
	struct buffer wire = { 0 }, room = { 0 };
	struct quic_keys keys[2];
	struct quic_packet p;
	struct bytes payload;
	uint8_t ping[] = { 1 };
	int64_t largest = 4787570;

	(void)state;
	assert_true(quic_keys_initial(c, quic_version_find(1), first_dcid, keys));
	struct wire_packet w = { .version = 1,
				 .type = QUIC_INITIAL,
				 .dcid = first_dcid,
				 .frames = { ping, 1 },
				 .number = 4787580,
				 .pad_to = 40 };
	wire_seal(&wire, &keys[SENDER_CLIENT], &w);
	struct reader r = reader_of(buffer_bytes(&wire));
	assert_true(quic_packet_next(&r, &p));
	assert_true(quic_open(c, &keys[SENDER_CLIENT], &p, &largest, &room, &payload));
	assert_int_equal(largest, 4787580);
	buffer_finish(&wire);
	buffer_finish(&room);
	crypto_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_initial_of_rfc_9001_opens),
		cmocka_unit_test(the_server_initial_of_rfc_9001_opens),
		cmocka_unit_test(the_client_initial_of_rfc_9369_opens),
		cmocka_unit_test(the_server_initial_of_rfc_9369_opens),
		cmocka_unit_test(keys_of_the_other_side_open_nothing),
		cmocka_unit_test(a_flipped_bit_anywhere_opens_nothing),
		cmocka_unit_test(the_retries_of_both_rfcs_are_genuine),
		cmocka_unit_test(a_retry_to_another_packet_is_not_genuine),
		cmocka_unit_test(an_old_retry_names_the_packet_that_it_answers),
		cmocka_unit_test(a_truncated_packet_number_is_read_near_the_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
