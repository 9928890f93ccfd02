#include "diagnose/look.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_OFFERS = 4, SHOWN_ALPN_LEN = 32 };

struct buffer *look_add(struct look *l, enum finding_code code, enum confidence confidence, int certificate)
{
	struct finding_list *list = l->list;

	if (list->count == FINDINGS_MAX) {
		l->limits->bitten[LIMIT_FINDINGS]++;
		return NULL;
	}
	struct buffer *detail = &l->details[list->count];
	buffer_clear(detail);
	list->at[list->count++] = (struct finding){ .kind = &finding_kinds[code], .confidence = (uint8_t)confidence,
		.certificate = (int16_t)certificate };
	return detail;
}

void look_add_text(struct look *l, enum finding_code code, enum confidence confidence, const char *format, ...)
{
	struct buffer *detail = look_add(l, code, confidence, FINDING_NO_CERTIFICATE);
	char text[256];
	va_list args;

	if (!detail)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	buffer_add_text(detail, text);
}

static const struct finding *find(const struct look *l, enum finding_code code)
{
	for (size_t i = 0; i < l->list->count; i++)
		if (l->list->at[i].kind == &finding_kinds[code])
			return &l->list->at[i];
	return NULL;
}

bool look_has(const struct look *l, enum finding_code code)
{
	return find(l, code) != NULL;
}

void look_blame(struct look *l, enum finding_code code)
{
	const struct finding *f = find(l, code);

	l->cause = (int)code;
	l->cause_is_likely = f && f->confidence == CONFIDENCE_LIKELY;
}

/* ---- words ---- */

void add_code(struct buffer *out, enum registry_kind kind, uint32_t code)
{
	char room[16];

	buffer_add_text(out, registry_name(kind, code, room));
}

void add_version(struct buffer *out, uint32_t version)
{
	add_code(out, REGISTRY_VERSION, version);
}

static bool is_real(enum registry_kind kind, uint32_t code)
{
	if (registry_is_grease(code))
		return false;
	const struct suite *suite = kind == REGISTRY_CIPHER ? registry_suite(code) : NULL;
	return !suite || !(suite->flags & SUITE_SIGNALLING);
}

static void add_alpn(struct buffer *out, const struct offer_list *list, uint32_t i)
{
	struct bytes name = list->names[i];

	if (name.len > SHOWN_ALPN_LEN)
		name.len = SHOWN_ALPN_LEN;
	text_add_safe(out, name);
}

void add_offers(struct buffer *out, enum registry_kind kind, const struct offer_list *list)
{
	uint32_t shown = 0, more = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->codes && !is_real(kind, list->codes[i]))
			continue;
		if (shown == SHOWN_OFFERS) {
			more++;
			continue;
		}
		buffer_add_text(out, shown++ ? ", " : "");
		if (list->codes)
			add_code(out, kind, list->codes[i]);
		else
			add_alpn(out, list, i);
	}
	if (more)
		buffer_add_format(out, " and %u more", more);
	if (!shown)
		buffer_add_text(out, "nothing");
}

void add_codes(struct buffer *out, enum registry_kind kind, const struct codes *codes)
{
	for (uint8_t i = 0; i < codes->count && i < SHOWN_OFFERS; i++) {
		buffer_add_text(out, i ? ", " : "");
		add_code(out, kind, codes->at[i]);
	}
	if (codes->count > SHOWN_OFFERS)
		buffer_add_format(out, " and %d more", codes->count - SHOWN_OFFERS);
}

const char *sender_name(int sender)
{
	return sender == SENDER_CLIENT ? "client" : "server";
}

/* ---- facts ---- */

int version_rank(uint32_t version)
{
	static const struct {
		uint32_t version;
		int rank;
	} ranks[] = {
		{ 0x0002, 1 }, { 0x0300, RANK_SSL_3_0 }, { 0x0301, RANK_TLS_1_1 }, { 0x0302, RANK_TLS_1_1 }, { 0xfeff, RANK_TLS_1_1 },
		{ 0x0100, RANK_TLS_1_1 }, { 0x0303, RANK_TLS_1_2 }, { 0xfefd, RANK_TLS_1_2 }, { 0x0304, RANK_TLS_1_3 },
		{ 0xfefc, RANK_TLS_1_3 },
	};

	for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
		if (ranks[i].version == version)
			return ranks[i].rank;
	/* The drafts of TLS 1.3. */
	return version >> 8 == 0x7f || version >> 8 == 0x7e || version >> 8 == 0xfb ? RANK_TLS_1_3 : 0;
}

const struct offer_list *offered(const struct look *l, enum offer_kind kind)
{
	static const struct offer_list none = { 0 };

	return l->h->client_hello ? &l->h->client_hello->offers[kind] : &none;
}

bool list_holds(const struct offer_list *list, uint32_t code)
{
	for (uint32_t i = 0; list->codes && i < list->count; i++)
		if (list->codes[i] == code)
			return true;
	return false;
}

bool list_meets(const struct offer_list *list, const struct codes *codes)
{
	for (uint8_t i = 0; i < codes->count; i++)
		if (list_holds(list, codes->at[i]))
			return true;
	return false;
}

bool offers_extension(const struct look *l, uint16_t extension)
{
	return list_holds(offered(l, OFFER_EXTENSION), extension);
}
