#include "diagnose/names.h"

#include <arpa/inet.h>
#include <string.h>

enum { HOST_LEN_MAX = 253, LABEL_LEN_MAX = 63 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool same(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}

static struct bytes without_dot(struct bytes name)
{
	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	return name;
}

/* What stands before the first dot; the rest without it. */
static struct bytes take_label(struct bytes *name)
{
	struct reader r = reader_of(*name);
	const uint8_t *dot = name->len ? memchr(name->at, '.', name->len) : NULL;
	struct bytes label = rd_take(&r, dot ? (size_t)(dot - name->at) : name->len);

	rd_skip(&r, dot ? 1 : 0);
	*name = rd_rest(&r);
	return label;
}

static size_t dots(struct bytes name)
{
	size_t count = 0;

	for (size_t i = 0; i < name.len; i++)
		count += name.at[i] == '.';
	return count;
}

/* RFC 1035 section 2.3.4 limits labels and names; clients that compare names do not mind. */
static bool has_labels_up_to(struct bytes host, size_t longest)
{
	if (!host.len)
		return false;
	while (host.len) {
		struct bytes label = take_label(&host);

		if (!label.len || label.len > longest)
			return false;
	}
	return true;
}

static bool is_letter_digit_hyphen(struct bytes label)
{
	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = lower(label.at[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return true;
}

/* As OpenSSL's X509_check_host() has it. A dot at the host's end is compared as it stands: a client that does not take it off
 * its SNI (RFC 6066 section 3) does not for this either. */
bool name_matches(struct bytes pattern, struct bytes host)
{
	static const struct bytes star = { (const uint8_t *)"*", 1 };

	if (!has_labels_up_to(without_dot(host), SIZE_MAX) || !pattern.len || memchr(pattern.at, 0, pattern.len))
		return false;
	if (same(pattern, host))
		return true;
	struct bytes wanted = pattern, label = take_label(&wanted), rest = host;
	if (!bytes_equal(label, star) || !dots(wanted))
		return false;
	return is_letter_digit_hyphen(take_label(&rest)) && same(wanted, rest);
}

size_t name_address(struct bytes host, uint8_t out[16])
{
	char text[INET6_ADDRSTRLEN];

	if (!host.len || host.len >= sizeof text || memchr(host.at, 0, host.len))
		return 0;
	memcpy(text, host.at, host.len);
	text[host.len] = 0;
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static struct bytes last_label(struct bytes host)
{
	struct bytes label = { NULL, 0 };

	while (host.len)
		label = take_label(&host);
	return label;
}

bool name_is_public(struct bytes host)
{
	static const char *const private[] = { "alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan",
					       "local", "localdomain", "localhost", "onion", "private", "test" };
	uint8_t address[16];

	host = without_dot(host);
	if (host.len > HOST_LEN_MAX || !has_labels_up_to(host, LABEL_LEN_MAX) || !dots(host) || name_address(host, address))
		return false;
	struct bytes top = last_label(host);
	for (size_t i = 0; i < sizeof private / sizeof *private; i++)
		if (same(top, (struct bytes){ (const uint8_t *)private[i], strlen(private[i]) }))
			return false;
	return true;
}

struct bytes name_domain(struct bytes host)
{
	host = without_dot(host);
	while (dots(host) > 1)
		take_label(&host);
	return host;
}
