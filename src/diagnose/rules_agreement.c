#include "diagnose/look.h"

enum { SECP256R1 = 0x0017, RSA_PSS_RSAE_SHA256 = 0x0804, ECDSA_SECP256R1_SHA256 = 0x0403, FEW_SCHEMES = 2 };

/* ---- versions ---- */

static void add_server_versions(struct buffer *detail, const struct look *l)
{
	if (!l->server->versions.count)
		return;
	buffer_add_text(detail, "; the server took from others ");
	add_codes(detail, REGISTRY_VERSION, &l->server->versions);
}

static void no_common_version(struct look *l, enum confidence confidence)
{
	struct buffer *detail = look_add(l, NO_COMMON_VERSION, confidence, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_text(detail, "the client offers ");
		add_offers(detail, REGISTRY_VERSION, offered(l, OFFER_VERSION));
		if (l->h->version >= 0) {
			buffer_add_text(detail, ", the server chose ");
			add_version(detail, (uint32_t)l->h->version);
		} else {
			add_server_versions(detail, l);
		}
	}
	look_blame(l, NO_COMMON_VERSION);
}

void explain_version(struct look *l)
{
	no_common_version(l, CONFIDENCE_CERTAIN);
}

static int lowest_rank(const struct codes *versions)
{
	int lowest = 0;

	for (uint8_t i = 0; i < versions->count; i++) {
		int rank = version_rank(versions->at[i]);

		if (rank && (!lowest || rank < lowest))
			lowest = rank;
	}
	return lowest;
}

/* The client's best is older than anything the server was seen to take; or so old that nobody takes it. */
static bool versions_miss(const struct look *l)
{
	int highest = l->h->client_hello ? version_rank(l->h->client_hello->version_highest) : 0;

	return highest && (highest <= RANK_SSL_3_0 || highest < lowest_rank(&l->server->versions));
}

/* ---- suites ---- */

static bool offers_tls13(const struct look *l)
{
	return l->h->client_hello && version_rank(l->h->client_hello->version_highest) == RANK_TLS_1_3;
}

/* What RFC 8446 section 9.1 and RFC 9325 section 4.2 ask everyone to know: who offers none of them offers little. */
static bool offers_usual_suite(const struct look *l)
{
	static const uint16_t usual[] = { 0x1301, 0x1302, 0xc02b, 0xc02c, 0xc02f, 0xc030 };

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (list_holds(offered(l, OFFER_CIPHER), usual[i]) && (usual[i] >> 8 != 0x13 || offers_tls13(l)))
			return true;
	return false;
}

/* Every suite that is offered needs a certificate of a kind that the server was not seen to have. */
static bool suites_need_other_key(const struct look *l)
{
	const struct offer_list *list = offered(l, OFFER_CIPHER);
	uint32_t fitting = 0, judged = 0;

	for (uint32_t i = 0; list->codes && i < list->count; i++) {
		const struct suite *s = registry_suite(list->codes[i]);

		if (!s || s->flags & SUITE_SIGNALLING)
			continue;
		bool rsa = s->authentication[0] == 'R', ecdsa = s->authentication[0] == 'E';
		judged++;
		fitting += s->flags & SUITE_TLS13 || (rsa && l->server->has_rsa) || (ecdsa && l->server->has_ec) || (!rsa && !ecdsa);
	}
	return (l->server->has_rsa || l->server->has_ec) && judged && !fitting;
}

static bool suites_miss(const struct look *l)
{
	if (suites_need_other_key(l))
		return true;
	if (list_meets(offered(l, OFFER_CIPHER), &l->server->suites))
		return false;
	return !offers_usual_suite(l);
}

/* ---- groups ---- */

/* Without a group in common there is no key exchange: in TLS 1.3, and where all suites are ECDHE. */
static bool needs_group(const struct look *l)
{
	const struct offer_list *list = offered(l, OFFER_CIPHER);

	if (offers_tls13(l))
		return true;
	for (uint32_t i = 0; list->codes && i < list->count; i++) {
		const struct suite *s = registry_suite(list->codes[i]);

		if (s && !(s->flags & SUITE_SIGNALLING) && s->key_exchange != KEY_EXCHANGE_ECDHE)
			return false;
	}
	return true;
}

static bool groups_miss(const struct look *l)
{
	const struct offer_list *list = offered(l, OFFER_GROUP);

	if (!list->count || !needs_group(l) || list_meets(list, &l->server->groups))
		return false;
	return l->server->groups.count || !list_holds(list, SECP256R1);
}

/* ---- signature schemes ---- */

static bool schemes_miss(const struct look *l)
{
	const struct offer_list *list = offered(l, OFFER_SIGNATURE_SCHEME);

	if (!list->count || list_meets(list, &l->server->schemes))
		return false;
	if (l->server->schemes.count)
		return true;
	bool lacks_usual = !list_holds(list, RSA_PSS_RSAE_SHA256) || !list_holds(list, ECDSA_SECP256R1_SHA256);
	return list->count <= FEW_SCHEMES && lacks_usual;
}

/* ---- the decision ---- */

struct lack {
	bool (*misses)(const struct look *l);
	enum finding_code code;
	enum offer_kind offer;
	enum registry_kind names;
	size_t known;			/* struct codes in struct server_memory */
};

static const struct lack lacks[] = {
	{ suites_miss, NO_COMMON_CIPHER, OFFER_CIPHER, REGISTRY_CIPHER, offsetof(struct server_memory, suites) },
	{ groups_miss, NO_COMMON_GROUP, OFFER_GROUP, REGISTRY_GROUP, offsetof(struct server_memory, groups) },
	{ schemes_miss, NO_COMMON_SIGNATURE_SCHEME, OFFER_SIGNATURE_SCHEME, REGISTRY_SIGNATURE_SCHEME,
	  offsetof(struct server_memory, schemes) },
};

static void blame_lack(struct look *l, const struct lack *lack)
{
	struct buffer *detail = look_add(l, lack->code, CONFIDENCE_LIKELY, FINDING_NO_CERTIFICATE);
	const struct codes *known = (const struct codes *)(const void *)((const char *)l->server + lack->known);

	if (detail) {
		buffer_add_text(detail, "the client offers ");
		add_offers(detail, lack->names, offered(l, lack->offer));
		if (known->count) {
			buffer_add_text(detail, "; the server took from others ");
			add_codes(detail, lack->names, known);
		}
	}
	look_blame(l, lack->code);
}

void explain_handshake_failure(struct look *l)
{
	if (versions_miss(l)) {
		no_common_version(l, CONFIDENCE_LIKELY);
		return;
	}
	for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
		if (!lacks[i].misses(l))
			continue;
		blame_lack(l, &lacks[i]);
		return;
	}
	blame_lack(l, &lacks[0]);
}
