/* The first byte says how it goes: as one answer, as messages over UDP, or as a stream cut in two. */
#include "dissectors/dns.h"
#include "dissectors/dns_stream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(const struct lookup *l)
{
	if (l->name_len >= LOOKUP_NAME || l->address_count > LOOKUP_ADDRESSES || l->ech_len > LOOKUP_ECH)
		abort();
}

static void deliver(void *context, struct lookup_batch *batch)
{
	(void)context;
	for (uint32_t i = 0; i < batch->count; i++)
		check(&batch->each[i]);
	free(batch);
}

/* Once as it stands, once with the bit turned that makes a query an answer. */
static void datagrams(struct dns *d, struct bytes message)
{
	struct dns_path path = { .from_port = 5000, .to_port = DNS_PORT, .time_ns = 1 };
	uint8_t copy[4096];

	if (message.len < 3 || message.len > sizeof copy)
		return;
	memcpy(copy, message.at, message.len);
	copy[2] &= 0x7f;
	dns_message(d, &path, (struct bytes){ copy, message.len });
	copy[2] |= 0x80;
	path = (struct dns_path){ .from_port = DNS_PORT, .to_port = 5000, .time_ns = 2 };
	dns_message(d, &path, (struct bytes){ copy, message.len });
}

static void stream(struct dns *d, struct limit_counts *limits, struct bytes all, size_t cut)
{
	static const struct address ends[2];
	static const uint16_t ports[2] = { 5000, DNS_PORT };
	struct tls_env env = { .limits = limits, .dns = d, .end = ends, .port = ports };
	struct reader r = reader_of(all);
	struct dns_stream s;

	dns_stream_init(&s);
	struct chunk first = { .data = rd_take(&r, cut < all.len ? cut : all.len) }, second = { .data = rd_rest(&r) };
	if (dns_stream_push(&s, &env, 0, &first) && dns_stream_push(&s, &env, 0, &second))
		dns_stream_push(&s, &env, 1, &(struct chunk){ .data = all });
	dns_stream_finish(&s, &env);
	if (env.message_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct reader r = reader_of((struct bytes){ at, len });
	static const struct hash_key key = { { 1, 2, 3 } };
	struct limit_counts limits = { 0 };
	struct dns *d = dns_create(&key, &limits, deliver, NULL);
	uint8_t how = rd_u8(&r);
	struct bytes rest = rd_rest(&r);
	struct lookup l;

	if (dns_read_answer(rest, &l))
		check(&l);
	datagrams(d, rest);
	stream(d, &limits, rest, how);
	dns_flush(d);
	dns_destroy(d);
	return 0;
}
