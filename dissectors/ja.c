#include "dissectors/ja.h"

#include "base/buffer.h"
#include "base/text.h"
#include "dissectors/extension.h"
#include "registry/registry.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_decimals(struct buffer *out, const struct offer_list *list, char separator)
{
	bool first = true;

	for (uint32_t i = 0; i < list->count; i++) {
		if (registry_is_grease(list->codes[i]))
			continue;
		if (!first)
			buffer_add(out, &separator, 1);
		buffer_add_format(out, "%u", list->codes[i]);
		first = false;
	}
}

/* The content of an extension of the key, or an empty reader. */
static struct reader key_extension(const struct hello *h, bool from_server, uint16_t wanted)
{
	struct reader r = reader_of(h->key);

	rd_skip(&r, 4);
	(void)rd_vec16(&r);
	(void)rd_vec8(&r);
	rd_skip(&r, 1);
	while (rd_more(&r)) {
		uint16_t type = rd_u16(&r);
		struct reader content = reader_of((struct bytes){ NULL, 0 });

		if (extension_in_key(type, from_server))
			content = rd_vec16(&r);
		if (type == wanted)
			return content;
	}
	return reader_of((struct bytes){ NULL, 0 });
}

static void digest_hex(const EVP_MD *md, struct bytes text, char *out, size_t chars)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buffer hex = { 0 };

	EVP_Digest(text.at, text.len, sum, &len, md, NULL);
	text_add_hex(&hex, (struct bytes){ sum, len });
	memcpy(out, hex.at, chars);
	out[chars] = 0;
	buffer_finish(&hex);
}

static void add_point_formats(struct buffer *out, const struct hello *h)
{
	struct reader content = key_extension(h, false, EXTENSION_EC_POINT_FORMATS);
	struct reader formats = rd_vec8(&content);

	for (bool first = true; rd_more(&formats); first = false)
		buffer_add_format(out, first ? "%u" : "-%u", rd_u8(&formats));
}

static void ja3_client(struct hello *h)
{
	struct buffer text = { 0 };

	buffer_add_format(&text, "%u,", h->legacy_version);
	add_decimals(&text, &h->offers[OFFER_CIPHER], '-');
	buffer_add_text(&text, ",");
	add_decimals(&text, &h->offers[OFFER_EXTENSION], '-');
	buffer_add_text(&text, ",");
	add_decimals(&text, &h->offers[OFFER_GROUP], '-');
	buffer_add_text(&text, ",");
	add_point_formats(&text, h);
	digest_hex(EVP_md5(), buffer_bytes(&text), h->ja3, 32);
	buffer_finish(&text);
}

static void ja3_server(struct hello *h)
{
	struct buffer text = { 0 };

	buffer_add_format(&text, "%u,", h->legacy_version);
	add_decimals(&text, &h->offers[OFFER_CIPHER], '-');
	buffer_add_text(&text, ",");
	add_decimals(&text, &h->offers[OFFER_EXTENSION], '-');
	digest_hex(EVP_md5(), buffer_bytes(&text), h->ja3, 32);
	buffer_finish(&text);
}

static const char *ja4_version(uint16_t version)
{
	static const struct { uint16_t code; char text[3]; } versions[] = {
		{ 0x0002, "s2" }, { 0x0300, "s3" }, { 0x0301, "10" }, { 0x0302, "11" }, { 0x0303, "12" }, { 0x0304, "13" },
		{ 0xfefc, "d3" }, { 0xfefd, "d2" }, { 0xfeff, "d1" },
	};

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		if (versions[i].code == version)
			return versions[i].text;
	}
	return "00";
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol; of its hex form where they are not letters or digits. */
static void ja4_alpn(const struct offer_list *alpn, char out[3])
{
	static const char hex[] = "0123456789abcdef";

	memcpy(out, "00", 3);
	if (!alpn->count || !alpn->names[0].len)
		return;
	struct bytes name = alpn->names[0];
	uint8_t first = name.at[0], last = name.at[name.len - 1];
	bool plain = is_alphanumeric(first) && is_alphanumeric(last);
	out[0] = plain ? (char)first : hex[first >> 4];
	out[1] = plain ? (char)last : hex[last & 15];
}

static int compare_codes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool keep_all(uint32_t code)
{
	(void)code;
	return true;
}

/* The SNI and ALPN extensions are told in JA4's first part. */
static bool keep_extension(uint32_t code)
{
	return code != EXTENSION_SERVER_NAME && code != EXTENSION_ALPN;
}

static void add_hex_list(struct buffer *out, const struct offer_list *list, bool sorted, bool (*keep)(uint32_t))
{
	struct buffer codes = { 0 };

	for (uint32_t i = 0; i < list->count; i++) {
		if (!registry_is_grease(list->codes[i]) && keep(list->codes[i]))
			buffer_add(&codes, &list->codes[i], sizeof list->codes[i]);
	}
	uint32_t *at = (uint32_t *)(void *)codes.at;
	size_t count = codes.len / sizeof *at;
	if (sorted && count)
		qsort(at, count, sizeof *at, compare_codes);
	for (size_t i = 0; i < count; i++)
		buffer_add_format(out, i ? ",%04x" : "%04x", at[i]);
	buffer_finish(&codes);
}

static unsigned count_real(const struct offer_list *list)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < list->count; i++)
		count += !registry_is_grease(list->codes[i]);
	return count < 99 ? count : 99;
}

static bool has_code(const struct offer_list *list, uint32_t code)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->codes[i] == code)
			return true;
	}
	return false;
}

static void ja4_hash(struct buffer *text, char out[13])
{
	if (text->len)
		digest_hex(EVP_sha256(), buffer_bytes(text), out, 12);
	else
		memcpy(out, "000000000000", 13);
	buffer_clear(text);
}

/* The largest number, as its authors have it: a draft's counts as more than TLS 1.3, and is then "00". DTLS counts downwards. */
static uint16_t ja4_highest(const struct offer_list *versions, enum hello_kind kind)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < versions->count; i++) {
		uint32_t code = versions->codes[i];

		if (registry_is_grease(code))
			continue;
		if (!best || (kind == HELLO_CLIENT_DTLS ? code < best : code > best))
			best = code;
	}
	return (uint16_t)best;
}

static void ja4_client(struct hello *h, enum hello_kind kind)
{
	const struct offer_list *offers = h->offers;
	struct buffer text = { 0 };
	char alpn[3], ciphers[13], extensions[13];

	ja4_alpn(&offers[OFFER_ALPN], alpn);
	add_hex_list(&text, &offers[OFFER_CIPHER], true, keep_all);
	ja4_hash(&text, ciphers);
	add_hex_list(&text, &offers[OFFER_EXTENSION], true, keep_extension);
	if (text.len && offers[OFFER_SIGNATURE_SCHEME].count) {
		buffer_add_text(&text, "_");
		add_hex_list(&text, &offers[OFFER_SIGNATURE_SCHEME], false, keep_all);
	}
	ja4_hash(&text, extensions);
	buffer_finish(&text);
	snprintf(h->ja4, sizeof h->ja4, "%c%s%c%02u%02u%s_%s_%s",
		kind == HELLO_CLIENT_QUIC ? 'q' : kind == HELLO_CLIENT_DTLS ? 'd' : 't', ja4_version(ja4_highest(&offers[OFFER_VERSION], kind)),
		has_code(&offers[OFFER_EXTENSION], EXTENSION_SERVER_NAME) ? 'd' : 'i', count_real(&offers[OFFER_CIPHER]),
		count_real(&offers[OFFER_EXTENSION]), alpn, ciphers, extensions);
}

void ja_fill(struct hello *h, enum hello_kind kind)
{
	switch (kind) {
	case HELLO_SERVER:
		ja3_server(h);
		break;
	case HELLO_CLIENT:
	case HELLO_CLIENT_QUIC:
	case HELLO_CLIENT_DTLS:
		ja3_client(h);
		ja4_client(h, kind);
		break;
	case HELLO_SSL2_CLIENT:
	case HELLO_CERTIFICATE_REQUEST:
		break;
	}
}
