#include "sinks/digest.h"

#include <assert.h>
#include <openssl/evp.h>

static EVP_MD_CTX *context_of(const char *algorithm)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_MD *md = EVP_MD_fetch(NULL, algorithm, NULL);

	assert(context);
	assert(md);
	int fine = EVP_DigestInit_ex(context, md, NULL);
	assert(fine);
	EVP_MD_free(md);
	return context;
}

void digest_init(struct digest *d)
{
	d->sha256 = context_of("SHA256");
	d->sha1 = context_of("SHA1");
}

void digest_finish(struct digest *d)
{
	EVP_MD_CTX_free(d->sha256);
	EVP_MD_CTX_free(d->sha1);
	*d = (struct digest){ 0 };
}

static void hash(EVP_MD_CTX *context, struct bytes b, uint8_t *out)
{
	int fine = EVP_DigestInit_ex(context, NULL, NULL) && EVP_DigestUpdate(context, b.at, b.len) &&
		   EVP_DigestFinal_ex(context, out, NULL);

	assert(fine);
}

void digest_sha256(struct digest *d, struct bytes b, uint8_t out[32])
{
	hash(d->sha256, b, out);
}

void digest_sha1(struct digest *d, struct bytes b, uint8_t out[20])
{
	hash(d->sha1, b, out);
}

static size_t put(uint8_t *to, const void *at, size_t len)
{
	memcpy(to, at, len);
	return len;
}

static size_t put_port(uint8_t *to, uint16_t port)
{
	to[0] = (uint8_t)(port >> 8);
	to[1] = (uint8_t)port;
	return 2;
}

/* RFC 4648 section 4. */
static void base64(const uint8_t in[20], char out[28])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t padded[21];

	memcpy(padded, in, 20);
	padded[20] = 0;
	for (int i = 0; i < 7; i++) {
		const uint8_t *three = &padded[i * 3];
		uint32_t v = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];

		for (int k = 0; k < 4; k++)
			out[i * 4 + k] = letters[v >> (18 - 6 * k) & 63];
	}
	out[27] = '=';
}

/* The specification's order: seed, lesser address, greater address, protocol, padding, their ports
 * in the same order. */
void digest_community_id(struct digest *d, const struct handshake *h, char out[COMMUNITY_ID_LEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t skip = memcmp(h->client.at, mapped, 12) || memcmp(h->server.at, mapped, 12) ? 0 : 12;
	int order = memcmp(h->client.at + skip, h->server.at + skip, 16 - skip);
	bool client_first = order < 0 || (!order && h->client_port <= h->server_port);
	uint8_t in[2 + 16 + 16 + 2 + 2 + 2] = { 0 }, sum[20];
	size_t len = 2;

	len += put(in + len, (client_first ? h->client.at : h->server.at) + skip, 16 - skip);
	len += put(in + len, (client_first ? h->server.at : h->client.at) + skip, 16 - skip);
	in[len++] = h->transport == TRANSPORT_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
	in[len++] = 0;
	len += put_port(in + len, client_first ? h->client_port : h->server_port);
	len += put_port(in + len, client_first ? h->server_port : h->client_port);
	digest_sha1(d, (struct bytes){ in, len }, sum);
	out[0] = '1';
	out[1] = ':';
	base64(sum, out + 2);
}
