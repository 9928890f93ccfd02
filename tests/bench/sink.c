/* sink.c: what storing a handshake costs. `bench_sink DB ROWS [shuffle]` puts ROWS realistic
 * handshakes and prints the CPU time and the bytes of database that each took; with `shuffle` every
 * client sends its extensions in an order of its own, as browsers do, so that each hello is new. */
#include "base/xmalloc.h"
#include "sinks/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { CLIENTS = 40, SERVERS = 12, CHAINS = 48, CHAIN_LENGTH = 2, CODES = 40 };

static uint64_t random_state = 88172645463325252u;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void fill(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)draw();
}

static struct hello *make_hello(bool client, uint32_t which)
{
	static const uint32_t counts[] = { 3, 17, 16, 4, 2, 11, 0, 1, 1 };
	struct hello *h = xcalloc(1, sizeof *h);

	for (int kind = 0; kind < 9; kind++) {
		uint32_t *codes = xcalloc(CODES, sizeof *codes);
		uint32_t count = client ? counts[kind] : kind == OFFER_EXTENSION ? 3 : 0;

		for (uint32_t i = 0; i < count; i++)
			codes[i] = 0x1301 + 7 * i + which % 5 * (uint32_t)(kind < 3);
		h->offers[kind] =
			(struct offer_list){ .seen = count, .count = count, .codes = codes };
	}
	h->version_highest = 0x0304;
	snprintf(h->ja3, sizeof h->ja3, "%08x%08x%08x%08x", which, which, which, which);
	if (client)
		snprintf(h->ja4, sizeof h->ja4, "t13d1516h2_8daaf6152771_%08x6af8", which);
	return h;
}

static struct chain *make_chain(void)
{
	struct chain *c = xcalloc(1, sizeof *c + CHAIN_LENGTH * sizeof c->certificates[0]);

	c->count = c->kept = CHAIN_LENGTH;
	for (uint32_t i = 0; i < CHAIN_LENGTH; i++) {
		uint8_t *der = xmalloc(1200);

		fill(der, 1200);
		fill(c->certificates[i].sha256, 32);
		c->certificates[i].der = (struct bytes){ der, 1200 };
	}
	return c;
}

static void shuffle(struct hello *h)
{
	uint32_t *codes = (uint32_t *)(uintptr_t)h->offers[OFFER_EXTENSION].codes;

	for (uint32_t i = h->offers[OFFER_EXTENSION].count; i > 1; i--) {
		uint64_t k = draw() % i;
		uint32_t swapped = codes[k];

		codes[k] = codes[i - 1];
		codes[i - 1] = swapped;
	}
	h->stored_id = 0;
}

static void add_flight(struct handshake *h)
{
	static const uint16_t types[] = { 1,  2,  MESSAGE_CHANGE_CIPHER_SPEC, 11, 12,
					  14, 16, MESSAGE_CHANGE_CIPHER_SPEC, 20, 20 };

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
		handshake_add_message(
			h, (struct message){ .type = types[i],
					     .sender = i != 0 && i != 6,
					     .bytes = (uint32_t)(draw() % 3000),
					     .time_ns = h->time_ns +
							(int64_t)(1000 * (draw() % 90000)) });
}

static void make_handshake(struct handshake *h, uint64_t n)
{
	char name[64];

	handshake_init(h);
	h->connection_id = n + 1;
	h->time_ns = 1760000000000000000 + (int64_t)n * 33000;
	h->first_packet = n * 20 + 1;
	h->last_packet = n * 20 + 15;
	h->packets = 14;
	h->transport = TRANSPORT_TCP;
	memset(h->client.at + 10, 0xff, 2);
	h->server = h->client;
	fill(h->client.at + 12, 4);
	fill(h->server.at + 12, 4);
	h->client_port = (uint16_t)draw();
	h->server_port = 443;
	h->has_mac = h->has_client_random = h->has_server_random = true;
	fill(h->client_random, 32);
	fill(h->server_random, 32);
	h->session_id_len = 32;
	fill(h->session_id, 32);
	snprintf(name, sizeof name, "h%08llx.site-%02d.rsa.example.test", (unsigned long long)n,
		 (int)(n % 24));
	h->server_name = handshake_keep_text(h, name);
	h->alpn = handshake_keep_text(h, "h2");
	h->application = handshake_keep_text(h, "TLS");
	h->category = handshake_keep_text(h, "Web");
	h->outcome = OUTCOME_COMPLETED;
	h->stage = STAGE_FINISHED;
	h->version = 0x303;
	h->cipher = 0xc02f;
	h->named_group = 29;
	h->signature_scheme = 0x804;
	h->key_exchange = KEY_EXCHANGE_ECDHE;
	h->forward_secrecy = 1;
	h->post_quantum = h->hello_retry = 0;
	h->resumption = RESUMPTION_NONE;
	h->extended_master_secret = 1;
	h->server_certificates = CHAIN_LENGTH;
	h->tcp_ns = h->client_rtt_ns = h->server_rtt_ns = (int64_t)(draw() % 90000000);
	h->server_hello_ns = h->server_think_ns = h->tls_ns = h->first_byte_ns = h->total_ns =
		(int64_t)(draw() % 90000000);
	h->round_trips = 2;
	h->retransmissions = 0;
	h->client_bytes = 700;
	h->server_bytes = 3600;
	add_flight(h);
}

static double cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return 1e6 * (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static int failed(const struct error *error)
{
	fprintf(stderr, "%s\n", error->text);
	return 1;
}

int main(int argc, char **argv)
{
	struct hello *clients[CLIENTS], *servers[SERVERS];
	struct chain *chains[CHAINS];
	struct capture capture = { .source = "bench", .kind = "file", .sensor = "here" };
	struct error error;
	struct sink *sink;
	struct stat file;

	if (argc < 3)
		return 2;
	uint64_t rows = strtoull(argv[2], NULL, 10);
	for (uint32_t i = 0; i < CLIENTS; i++)
		clients[i] = make_hello(true, i);
	for (uint32_t i = 0; i < SERVERS; i++)
		servers[i] = make_hello(false, i);
	for (uint32_t i = 0; i < CHAINS; i++)
		chains[i] = make_chain();
	if (!sqlite_sink.open(&sink, argv[1], &error) || !sqlite_sink.begin(sink, &capture, &error))
		return failed(&error);
	double making = 0, start = cpu_us();
	for (uint64_t n = 0; n < rows; n++) {
		struct handshake h;

		make_handshake(&h, n);
		h.client_hello = clients[draw() % CLIENTS];
		h.server_hello = servers[draw() % SERVERS];
		h.server_chain = chains[draw() % CHAINS];
		if (argc > 3)
			shuffle(h.client_hello);
		if (!sqlite_sink.put(sink, &h, &error))
			return failed(&error);
		handshake_finish(&h);
	}
	if (!sqlite_sink.end(sink, &capture, &error) || !sqlite_sink.close(sink, &error))
		return failed(&error);
	double all = cpu_us() - start;
	start = cpu_us();
	for (uint64_t n = 0; n < rows; n++) {
		struct handshake h;

		make_handshake(&h, n);
		handshake_finish(&h);
	}
	making = cpu_us() - start;
	stat(argv[1], &file);
	printf("%.2f us and %.0f bytes of database a handshake\n", (all - making) / (double)rows,
	       (double)file.st_size / (double)rows);
	return 0;
}
