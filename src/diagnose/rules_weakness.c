#include "diagnose/look.h"

#include <string.h>

enum { EXTENSION_SERVER_NAME = 0, EXTENSION_RENEGOTIATION_INFO = 0xff01, SCSV_RENEGOTIATION = 0x00ff, WEAK_PRIME_BELOW = 2048,
	COMPRESSION_NONE = 0 };

static void deprecated_version(struct look *l)
{
	struct buffer *detail;

	if (l->h->version < 0 || !version_rank((uint32_t)l->h->version) || version_rank((uint32_t)l->h->version) >= RANK_TLS_1_2)
		return;
	detail = look_add(l, DEPRECATED_VERSION, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	add_version(detail, (uint32_t)l->h->version);
	uint16_t highest = l->h->client_hello ? l->h->client_hello->version_highest : 0;
	if (highest && version_rank(highest) >= RANK_TLS_1_2) {
		buffer_add_text(detail, ", though the client offers ");
		add_version(detail, highest);
	} else if (highest) {
		buffer_add_text(detail, "; the client offers nothing newer than ");
		add_version(detail, highest);
	}
}

static void suite_finding(struct look *l, enum finding_code code, const char *why)
{
	struct buffer *detail = look_add(l, code, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);

	if (!detail)
		return;
	add_code(detail, REGISTRY_CIPHER, l->suite->code);
	buffer_add_text(detail, why);
}

static void weak_suite(struct look *l)
{
	static const struct {
		uint32_t flag;
		const char *why;
	} reasons[] = {
		{ SUITE_ANONYMOUS, ": nobody proves who the server is" },
		{ SUITE_RC4, ": RC4 is broken (RFC 7465)" },
		{ SUITE_DES, ": DES keys have 56 bits" },
		{ SUITE_3DES, ": 3DES has blocks of 64 bits (Sweet32)" },
		{ SUITE_RC2_IDEA_SEED, ": a cipher that nobody maintains" },
		{ SUITE_MD5, ": records are protected by MD5" },
	};

	if (!l->suite)
		return;
	if (l->suite->flags & SUITE_NULL) {
		suite_finding(l, NULL_CIPHER, "");
		return;
	}
	if (l->suite->flags & SUITE_EXPORT) {
		suite_finding(l, EXPORT_CIPHER, "");
		return;
	}
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (!(l->suite->flags & reasons[i].flag))
			continue;
		suite_finding(l, WEAK_CIPHER, reasons[i].why);
		return;
	}
}

static void forward_secrecy(struct look *l)
{
	struct buffer *detail;

	if (l->h->forward_secrecy != 0)
		return;
	detail = look_add(l, NO_FORWARD_SECRECY, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	if (l->h->cipher >= 0)
		add_code(detail, REGISTRY_CIPHER, (uint32_t)l->h->cipher);
	if (l->h->version >= 0 && version_rank((uint32_t)l->h->version) == RANK_TLS_1_3)
		buffer_add_text(detail, " with a pre-shared key alone");
}

bool rule_weak_group(struct look *l)
{
	const struct handshake *h = l->h;
	const struct group *group = h->named_group >= 0 ? registry_group((uint32_t)h->named_group) : NULL;
	struct buffer *detail;

	if (h->dh_bits > 0 && h->dh_bits < WEAK_PRIME_BELOW) {
		look_add_text(l, WEAK_GROUP, CONFIDENCE_CERTAIN, "a prime of %d bits", (int)h->dh_bits);
	} else if (group && group->weak) {
		detail = look_add(l, WEAK_GROUP, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
		if (detail)
			add_code(detail, REGISTRY_GROUP, group->code);
	}
	return look_has(l, WEAK_GROUP);
}

static void weak_group(struct look *l)
{
	rule_weak_group(l);
}

static void compression(struct look *l)
{
	struct buffer *detail;

	if (l->h->compression <= COMPRESSION_NONE)
		return;
	detail = look_add(l, COMPRESSION, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (detail)
		add_code(detail, REGISTRY_COMPRESSION, (uint32_t)l->h->compression);
}

/* RFC 5746 section 3.4: a client that knows it says so by extension or suite; a server that does answers. */
static void renegotiation(struct look *l)
{
	bool client_knows = offers_extension(l, EXTENSION_RENEGOTIATION_INFO) ||
			    list_holds(offered(l, OFFER_CIPHER), SCSV_RENEGOTIATION);

	if (l->h->secure_renegotiation == 0 && client_knows)
		look_add_text(l, INSECURE_RENEGOTIATION, CONFIDENCE_CERTAIN,
			      "the client knows secure renegotiation, the server did not answer to it");
}

/* RFC 8446 section 4.1.3. */
static bool random_ends_in(const struct handshake *h, uint8_t last)
{
	uint8_t sentinel[8] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', last };

	return h->has_server_random && !memcmp(h->server_random + 24, sentinel, sizeof sentinel);
}

static void downgrade(struct look *l)
{
	const struct handshake *h = l->h;
	int highest = h->client_hello ? version_rank(h->client_hello->version_highest) : 0;
	int chosen = h->version >= 0 ? version_rank((uint32_t)h->version) : 0;
	struct buffer *detail;

	bool from_13 = chosen && chosen < RANK_TLS_1_3 && highest == RANK_TLS_1_3 && random_ends_in(h, 1);
	bool from_12 = chosen && chosen < RANK_TLS_1_2 && highest >= RANK_TLS_1_2 && random_ends_in(h, 0);
	if (!from_13 && !from_12)
		return;
	detail = look_add(l, DOWNGRADE_SENTINEL, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	buffer_add_text(detail, "agreed on ");
	add_version(detail, (uint32_t)h->version);
	buffer_add_text(detail, ", the client's hello offers ");
	add_version(detail, h->client_hello->version_highest);
	buffer_add_format(detail, ", the server's random ends in DOWNGRD%02x", from_13 ? 1 : 0);
}

static bool hello_is_whole(const struct hello *hello)
{
	return hello && hello->ja3[0];
}

static void server_name(struct look *l)
{
	const struct handshake *h = l->h;

	if (!hello_is_whole(h->client_hello) || h->server_name.len || version_rank(h->client_hello->version_highest) <= RANK_SSL_3_0)
		return;
	if (!offers_extension(l, EXTENSION_SERVER_NAME))
		look_add_text(l, SNI_MISSING, CONFIDENCE_CERTAIN, "its hello has no server_name");
}

static uint32_t first_post_quantum(const struct offer_list *groups)
{
	for (uint32_t i = 0; groups->codes && i < groups->count; i++) {
		const struct group *g = registry_group(groups->codes[i]);

		if (g && g->post_quantum)
			return groups->codes[i];
	}
	return 0;
}

static void post_quantum(struct look *l)
{
	struct buffer *detail;

	if (l->h->post_quantum != 0 || !hello_is_whole(l->h->client_hello))
		return;
	detail = look_add(l, NO_POST_QUANTUM, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	uint32_t wanted = first_post_quantum(offered(l, OFFER_GROUP));
	if (!wanted) {
		buffer_add_text(detail, "the client did not offer it");
		return;
	}
	buffer_add_text(detail, "the server did not take ");
	add_code(detail, REGISTRY_GROUP, wanted);
	if (l->h->named_group >= 0) {
		buffer_add_text(detail, ", it chose ");
		add_code(detail, REGISTRY_GROUP, (uint32_t)l->h->named_group);
	}
}

void rules_weakness(struct look *l)
{
	static void (*const rules[])(struct look *) = {
		deprecated_version, weak_suite, forward_secrecy, weak_group, compression, renegotiation, downgrade, server_name,
		post_quantum,
	};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		rules[i](l);
}
