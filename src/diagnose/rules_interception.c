#include "base/text.h"
#include "diagnose/look.h"
#include "diagnose/names.h"

/* What counts as `at once`: longer ago, a server may have changed its CA. */
enum { AT_ONCE_S = 86400 };

/* An address that the public Internet routes: not one set aside by RFC 1918, RFC 6598, RFC 3927, RFC 5737, RFC 4193, ... */
static bool address_is_public(const struct address *a)
{
	static const struct {
		uint8_t first[16];
		uint8_t bits;
	} reserved[] = {
#define V4(b0, b1, b2) { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b0, b1, b2, 0 }
		{ V4(0, 0, 0), 104 },	 { V4(10, 0, 0), 104 },	  { V4(100, 64, 0), 106 }, { V4(127, 0, 0), 104 },
		{ V4(169, 254, 0), 112 }, { V4(172, 16, 0), 108 }, { V4(192, 0, 2), 120 }, { V4(192, 168, 0), 112 },
		{ V4(198, 18, 0), 111 }, { V4(198, 51, 100), 120 }, { V4(203, 0, 113), 120 }, { V4(224, 0, 0), 99 },
#undef V4
		{ { 0xfc }, 7 }, { { 0xfe, 0x80 }, 10 }, { { 0xff }, 8 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
		{ { [15] = 1 }, 128 },
	};

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		bool same = true;

		for (uint8_t bit = 0; bit < reserved[i].bits && same; bit++)
			same = ((a->at[bit / 8] ^ reserved[i].first[bit / 8]) >> (7 - bit % 8) & 1) == 0;
		if (same)
			return false;
	}
	return true;
}

static bool is_suspect(const struct judgement *j)
{
	return j->roots && j->flaws & (FLAW_UNTRUSTED | FLAW_INCOMPLETE | FLAW_SELF_SIGNED);
}

static void two_issuers(struct look *l)
{
	const struct name_memory *n = l->name;
	int64_t ago = l->h->time_ns / 1000000000 - n->time_s;
	struct buffer *detail;

	if (!n->issuer || n->issuer == l->chain->issuer || ago > AT_ONCE_S || ago < -AT_ONCE_S)
		return;
	/* Two public CAs behind one name are nothing special: one server each, or a change. */
	if (!is_suspect(l->chain) && n->trusted)
		return;
	detail = look_add(l, INTERCEPTION_SUSPECTED, CONFIDENCE_LIKELY, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	buffer_add_text(detail, "the name '");
	text_add_safe(detail, handshake_asked_name(l->h));
	buffer_add_format(detail, "' stands under the issuer %s here and under %s shortly before", l->chain->issuer_text, n->issuer_text);
}

/* From then on clients ask public CAs for timestamps (2018-04-30); before, an issuer that nobody trusts now may have been
 * a public one that was retired since. */
enum { TIMESTAMPS_SINCE_S = 1525046400 };

/* A name of the public DNS, at a public address, under an issuer that no public client trusts; and the client goes on. Who
 * keeps a CA for his own services signs for one domain, who intercepts for all. */
static void private_issuer(struct look *l)
{
	const struct handshake *h = l->h;
	struct buffer *detail;
	struct bytes name = handshake_asked_name(h);

	if (l->custom_roots || h->time_ns / 1000000000 < TIMESTAMPS_SINCE_S || h->outcome != OUTCOME_COMPLETED || h->unused || !(l->chain->flaws & FLAW_UNTRUSTED) || l->chain->has_scts)
		return;
	if (!name_is_public(name) || !address_is_public(&h->server) ||
	    !memory_signs_for_several(l->memory, l->chain->issuer, name_domain(name)))
		return;
	detail = look_add(l, INTERCEPTION_SUSPECTED, CONFIDENCE_LIKELY, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	buffer_add_text(detail, "the public name '");
	text_add_safe(detail, name);
	buffer_add_format(detail, "' under the private issuer %s, which signs for other domains too and which the client accepts",
			  l->chain->issuer_text);
}

void rules_interception(struct look *l)
{
	if (!l->name || !l->chain || !l->chain->parsed || !l->chain->issuer_text)
		return;
	two_issuers(l);
	if (!look_has(l, INTERCEPTION_SUSPECTED))
		private_issuer(l);
	memory_learn_name(l->name, l->h, l->chain);
}
