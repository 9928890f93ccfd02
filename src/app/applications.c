#include "app/applications.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/xmalloc.h"
#include "dissectors/hello.h"
#include "flow/classify.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_HANDSHAKE = 22, RECORD_ALERT = 21, TLS10 = 0x0301, TLS12 = 0x0303, TLS13 = 0x0304 };
enum { MESSAGE_CLIENT_HELLO = 1, MESSAGE_SERVER_HELLO = 2, MESSAGE_CERTIFICATE = 11 };
#define HOUR_NS INT64_C(3600000000000)

/* Stands in for the name that was sent: answers are remembered for all names. */
static const char any_name[] = "www.example.org";

/* All that an answer depends on; compared as bytes. */
struct question {
	uint64_t client, server, chain;		/* hashes of the shapes; 0: none */
	int64_t hour;				/* certificates expire; 0 without one */
	int32_t version, cipher, alert;
	uint16_t port;
	uint8_t carrier;
	bool began_in_the_clear;
};

struct memory {
	struct question question;
	struct classification answer;
	bool used;
	bool steady;				/* the same all the hour */
};

struct applications {
	struct limit_counts *limits;
	struct hash_key key;
	struct classifier *classifier;
	bool tried;
	struct buffer client, server, text;
	struct memory *memory;			/* CLASSIFICATIONS_MAX */
};

struct applications *applications_create(struct limit_counts *limits)
{
	struct applications *a = xcalloc(1, sizeof *a);

	a->limits = limits;
	hash_key_init(&a->key);
	return a;
}

void applications_destroy(struct applications *a)
{
	if (!a)
		return;
	classify_destroy(a->classifier);
	buffer_finish(&a->client);
	buffer_finish(&a->server);
	buffer_finish(&a->text);
	free(a->memory);
	free(a);
}

/* ---- the records, written out anew ---- */

static void add_uint(struct buffer *b, uint32_t v, size_t bytes)
{
	while (bytes--)
		buffer_add(b, (uint8_t[]){ (uint8_t)(v >> 8 * bytes) }, 1);
}

/* A vector's length, filled in by end_vector() once its content is there. */
static size_t begin_vector(struct buffer *b, size_t bytes)
{
	add_uint(b, 0, bytes);
	return b->len;
}

static void end_vector(struct buffer *b, size_t begin, size_t bytes)
{
	size_t len = b->len - begin;

	for (size_t i = 0; i < bytes; i++)
		b->at[begin - 1 - i] = (uint8_t)(len >> 8 * i);
}

/* nDPI is shown DTLS and QUIC as TLS over TCP: what it judges is the same. */
static uint32_t as_tls(uint32_t version)
{
	static const struct { uint16_t dtls, tls; } versions[] = {
		{ 0xfeff, 0x0302 }, { 0xfefd, TLS12 }, { 0xfefc, TLS13 },
	};

	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
		if (versions[i].dtls == version)
			return versions[i].tls;
	return version;
}

static void add_codes(struct buffer *b, const struct offer_list *list, size_t len_bytes, size_t bytes)
{
	size_t begin = begin_vector(b, len_bytes);

	for (uint32_t i = 0; i < list->count; i++)
		add_uint(b, list->codes[i], bytes);
	end_vector(b, begin, len_bytes);
}

static void add_server_name(struct buffer *b, const struct hello *h)
{
	(void)h;
	size_t list = begin_vector(b, 2);
	add_uint(b, 0, 1);
	size_t name = begin_vector(b, 2);
	buffer_add_text(b, any_name);
	end_vector(b, name, 2);
	end_vector(b, list, 2);
}

static void add_groups(struct buffer *b, const struct hello *h)
{
	add_codes(b, &h->offers[OFFER_GROUP], 2, 2);
}

static void add_point_formats(struct buffer *b, const struct hello *h)
{
	(void)h;
	buffer_add(b, (uint8_t[]){ 1, 0 }, 2);
}

static void add_signature_schemes(struct buffer *b, const struct hello *h)
{
	add_codes(b, &h->offers[OFFER_SIGNATURE_SCHEME], 2, 2);
}

static void add_alpn(struct buffer *b, const struct hello *h)
{
	const struct offer_list *names = &h->offers[OFFER_ALPN];
	size_t list = begin_vector(b, 2);

	for (uint32_t i = 0; i < names->count; i++) {
		add_uint(b, (uint32_t)names->names[i].len, 1);
		buffer_add(b, names->names[i].at, names->names[i].len);
	}
	end_vector(b, list, 2);
}

static void add_versions(struct buffer *b, const struct hello *h)
{
	size_t list = begin_vector(b, 1);

	for (uint32_t i = 0; i < h->offers[OFFER_VERSION].count; i++)
		add_uint(b, as_tls(h->offers[OFFER_VERSION].codes[i]), 2);
	end_vector(b, list, 1);
}

static void add_selected_version(struct buffer *b, const struct hello *h)
{
	(void)h;
	add_uint(b, TLS13, 2);
}

struct extension_content {
	uint16_t type;
	void (*client)(struct buffer *b, const struct hello *h);
	void (*server)(struct buffer *b, const struct hello *h);
};

/* Of all others the number is enough. */
static const struct extension_content contents[] = {
	{ EXTENSION_SERVER_NAME, add_server_name, NULL },
	{ EXTENSION_SUPPORTED_GROUPS, add_groups, NULL },
	{ EXTENSION_EC_POINT_FORMATS, add_point_formats, add_point_formats },
	{ EXTENSION_SIGNATURE_ALGORITHMS, add_signature_schemes, NULL },
	{ EXTENSION_ALPN, add_alpn, add_alpn },
	{ EXTENSION_SUPPORTED_VERSIONS, add_versions, add_selected_version },
};

static void add_extensions(struct buffer *b, const struct hello *h, bool of_server)
{
	const struct offer_list *types = &h->offers[OFFER_EXTENSION];
	size_t all = begin_vector(b, 2);

	for (uint32_t i = 0; i < types->count; i++) {
		add_uint(b, types->codes[i], 2);
		size_t one = begin_vector(b, 2);

		for (size_t c = 0; c < sizeof contents / sizeof *contents; c++) {
			const struct extension_content *content = &contents[c];
			void (*add)(struct buffer *, const struct hello *) =
				of_server ? content->server : content->client;

			if (content->type == types->codes[i] && add)
				add(b, h);
		}
		end_vector(b, one, 2);
	}
	end_vector(b, all, 2);
}

/* The record and the message; both end where end_message() says. */
static size_t begin_message(struct buffer *b, unsigned type)
{
	add_uint(b, RECORD_HANDSHAKE, 1);
	add_uint(b, TLS10, 2);
	add_uint(b, 0, 2);
	add_uint(b, type, 1);
	return begin_vector(b, 3);
}

static void end_message(struct buffer *b, size_t begin)
{
	end_vector(b, begin, 3);
	end_vector(b, begin - 4, 2);
}

/* RFC 8446 section 4.1.2. The session id is left empty: nothing follows from it. */
static void add_client_hello(struct buffer *b, const struct handshake *h)
{
	const struct hello *hello = h->client_hello;
	size_t begin = begin_message(b, MESSAGE_CLIENT_HELLO);

	add_uint(b, as_tls(hello->legacy_version), 2);
	buffer_add(b, h->client_random, sizeof h->client_random);
	add_uint(b, 0, 1);
	add_codes(b, &hello->offers[OFFER_CIPHER], 2, 2);
	add_codes(b, &hello->offers[OFFER_COMPRESSION], 1, 1);
	if (hello->offers[OFFER_EXTENSION].seen)
		add_extensions(b, hello, false);
	end_message(b, begin);
}

static void add_server_hello(struct buffer *b, const struct handshake *h)
{
	uint32_t version = as_tls((uint32_t)h->version);
	size_t begin = begin_message(b, MESSAGE_SERVER_HELLO);

	add_uint(b, version >= TLS13 ? TLS12 : version, 2);
	buffer_add(b, h->server_random, sizeof h->server_random);
	add_uint(b, 0, 1);
	add_uint(b, (uint32_t)h->cipher, 2);
	add_uint(b, 0, 1);
	if (h->server_hello->offers[OFFER_EXTENSION].seen)
		add_extensions(b, h->server_hello, true);
	end_message(b, begin);
}

/* Only the leaf: nDPI looks at no other. */
static void add_leaf(struct buffer *b, const struct chain *chain)
{
	struct bytes der = chain->certificates[0].der;
	size_t begin = begin_message(b, MESSAGE_CERTIFICATE);
	size_t list = begin_vector(b, 3);

	add_uint(b, (uint32_t)der.len, 3);
	buffer_add(b, der.at, der.len);
	end_vector(b, list, 3);
	end_message(b, begin);
}

static void add_alert(struct buffer *b, const struct handshake *h)
{
	add_uint(b, RECORD_ALERT, 1);
	add_uint(b, TLS10, 2);
	add_uint(b, 2, 2);
	add_uint(b, (uint32_t)h->alert_level, 1);
	add_uint(b, (uint32_t)h->alert_code, 1);
}

/* In TLS 1.3 the certificate is encrypted, and nDPI has no keys. */
static bool shows_leaf(const struct handshake *h)
{
	return h->server_chain && h->server_chain->kept && as_tls((uint32_t)h->version) < TLS13 &&
	       h->server_chain->certificates[0].der.len < 12000;
}

static bool shows_alert(const struct handshake *h)
{
	return h->alert_code >= 0 && h->alert_code < ALERT_ENCRYPTED;
}

static void write_records(struct applications *a, const struct handshake *h)
{
	buffer_clear(&a->client);
	buffer_clear(&a->server);
	add_client_hello(&a->client, h);
	if (h->server_hello && h->version >= 0 && h->cipher >= 0)
		add_server_hello(&a->server, h);
	if (shows_leaf(h))
		add_leaf(&a->server, h->server_chain);
	if (shows_alert(h))
		add_alert(h->alert_sender == SENDER_CLIENT ? &a->client : &a->server, h);
}

/* ---- answers remembered ---- */

static enum classify_carrier carrier_of(const struct handshake *h)
{
	static const uint8_t carriers[] = {
		[TRANSPORT_TCP] = CLASSIFY_TLS,
		[TRANSPORT_QUIC] = CLASSIFY_QUIC,
		[TRANSPORT_DTLS] = CLASSIFY_DTLS,
	};

	return carriers[h->transport];
}

/* A cut hello lacks lists, and one in the format of SSL 2.0 has other ones. */
static bool can_be_shown(const struct handshake *h)
{
	return h->client_hello && h->client_hello->ja4[0] && h->has_client_random &&
	       h->client_hello->legacy_version >= 0x0300;
}

static void ask(const struct handshake *h, struct question *q)
{
	/* Compared as bytes: the padding too. */
	memset(q, 0, sizeof *q);
	q->client = h->client_hello->hash;
	q->server = h->server_hello ? h->server_hello->hash : 0;
	q->chain = shows_leaf(h) ? h->server_chain->hash : 0;
	q->hour = shows_leaf(h) ? h->time_ns / HOUR_NS : 0;
	q->version = h->version;
	q->cipher = h->cipher;
	q->alert = shows_alert(h) ? h->alert_level << 8 | h->alert_code | h->alert_sender << 16 : -1;
	q->port = h->server_port;
	q->carrier = (uint8_t)carrier_of(h);
	q->began_in_the_clear = h->starttls.len != 0;
}

static void show(struct applications *a, const struct question *q, int64_t time_ns, struct classification *out)
{
	struct classify_flow f = {
		.server_port = q->port,
		.time_ns = time_ns,
		.client_records = buffer_bytes(&a->client),
		.server_records = buffer_bytes(&a->server),
	};

	classify_records(a->classifier, &f, out);
	out->risks &= ~classify_moot_risks(q->carrier, q->began_in_the_clear);
}

/* An answer that is the same at both ends of an hour holds all through it. */
static void find_out(struct applications *a, const struct handshake *h, struct memory *m)
{
	struct classification later;

	write_records(a, h);
	show(a, &m->question, m->question.hour * HOUR_NS, &m->answer);
	m->steady = true;
	if (!m->question.hour)
		return;
	show(a, &m->question, (m->question.hour + 1) * HOUR_NS - 1, &later);
	m->steady = later.risks == m->answer.risks;
}

static struct classification answer(struct applications *a, const struct handshake *h)
{
	struct classification now;
	struct question q;

	if (!a->memory)
		a->memory = xcalloc(CLASSIFICATIONS_MAX, sizeof *a->memory);
	ask(h, &q);
	struct memory *m = &a->memory[hash_bytes(&a->key, &q, sizeof q) % CLASSIFICATIONS_MAX];
	if (!m->used || memcmp(&m->question, &q, sizeof q)) {
		a->limits->bitten[LIMIT_CLASSIFICATIONS] += m->used;
		m->used = true;
		m->question = q;
		find_out(a, h, m);
	}
	if (m->steady)
		return m->answer;
	write_records(a, h);
	show(a, &q, h->time_ns, &now);
	return now;
}

/* ---- what is told ---- */

static void keep_risks(struct applications *a, struct handshake *h, uint64_t risks)
{
	buffer_clear(&a->text);
	for (unsigned i = 0; i < 64; i++) {
		if (!(risks >> i & 1))
			continue;
		const char *name = classify_risk(i);

		buffer_add_text(&a->text, a->text.len ? "," : "[");
		text_add_json(&a->text, (struct bytes){ (const uint8_t *)name, strlen(name) });
	}
	if (!a->text.len)
		return;
	buffer_add_text(&a->text, "]");
	h->risks = handshake_keep(h, buffer_bytes(&a->text), NULL);
}

/* The innermost name first: under ECH the outer one is the provider's. */
static bool by_name(const struct applications *a, const struct handshake *h,
		    struct classification *out)
{
	const struct text names[] = { h->inner_server_name, h->server_name, h->dns_name };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].len && classify_name(a->classifier, handshake_text(h, names[i]), out))
			return true;
	return false;
}

static bool is_ready(struct applications *a)
{
	if (!a->tried)
		a->classifier = classify_create();
	a->tried = true;
	return a->classifier != NULL;
}

/* The name knows best, then what the hellos say, then the address. */
static struct classification judge(struct applications *a, const struct handshake *h)
{
	struct classification found = { 0 }, plain, carrier, better;

	if (can_be_shown(h))
		found = answer(a, h);
	classify_carrier(a->classifier, CLASSIFY_TLS, &plain);
	classify_carrier(a->classifier, carrier_of(h), &carrier);
	if (by_name(a, h, &better)) {
		better.risks = found.risks;
		return better;
	}
	if (found.application && found.application != plain.application)
		return found;
	if (!classify_address(a->classifier, h->server, &better))
		better = carrier;
	better.risks = found.risks;
	return better;
}

void applications_tell(struct applications *a, struct handshake *h)
{
	const char *text;

	if (!is_ready(a))
		return;
	struct classification found = judge(a, h);
	if ((text = classify_application(a->classifier, &found)))
		h->application = handshake_keep_text(h, text);
	if ((text = classify_category(a->classifier, &found)))
		h->category = handshake_keep_text(h, text);
	keep_risks(a, h, found.risks);
}
