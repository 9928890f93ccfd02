#include "dissectors/extension.h"

#include <stddef.h>

/* Some servers give tickets whose age always reads 0; but a ticket holds a secret and more, where the names of external keys are short. */
enum { TICKET_LEN_MIN = 100 };

/* RFC 6066 section 3: a list of names, of which only host_name (0) is defined; its first counts. */
static bool read_server_name(struct reader r, struct hello_facts *out)
{
	struct reader list = rd_vec16(&r);

	while (rd_more(&list)) {
		uint8_t type = rd_u8(&list);
		struct reader name = rd_vec16(&list);

		if (type == 0 && rd_more(&name) && !out->server_name.at)
			out->server_name = rd_rest(&name);
	}
	return rd_done(&list) && rd_done(&r);
}

/* RFC 7301 section 3.1: a server's list has exactly one name. */
static bool read_server_alpn(struct reader r, struct hello_facts *out)
{
	struct reader list = rd_vec16(&r);
	struct reader name = rd_vec8(&list);

	out->alpn = rd_rest(&name);
	return rd_done(&list) && rd_done(&r);
}

/* RFC 5077 section 3.2: the content is the ticket itself; empty asks for one. */
static bool read_session_ticket(struct reader r, struct hello_facts *out)
{
	static const uint8_t nothing;

	out->session_ticket = rd_more(&r) ? rd_rest(&r) : (struct bytes){ &nothing, 0 };
	return rd_done(&r);
}

/* RFC 8446 section 4.2.11: identities, each with its age, then binders. The age of a ticket is masked with 32 random bits; that of a key agreed on by
 * other means should be 0. */
static bool read_client_psk(struct reader r, struct hello_facts *out)
{
	struct reader identities = rd_vec16(&r);

	out->has_psk = true;
	for (unsigned i = 0; rd_more(&identities); i++) {
		struct reader identity = rd_vec16(&identities);
		uint32_t age = rd_u32(&identities);

		size_t identity_len = rd_left(&identity);

		if (i < sizeof out->psk_identities / sizeof out->psk_identities[0])
			out->psk_identities[i] = rd_rest(&identity);
		if (!age && identity_len < TICKET_LEN_MIN && i < 32 && !identities.bad)
			out->psk_external |= (uint32_t)1 << i;
	}
	return !identities.bad && !r.bad;
}

static bool read_server_psk(struct reader r, struct hello_facts *out)
{
	out->has_psk = true;
	out->psk_selected = rd_u16(&r);
	return rd_done(&r);
}

/* RFC 8446 section 4.2.1 */
static bool read_selected_version(struct reader r, struct hello_facts *out)
{
	out->selected_version = rd_u16(&r);
	return rd_done(&r);
}

/* RFC 8446 section 4.2.8: a group and a key, or in a HelloRetryRequest a group alone. */
static bool read_selected_group(struct reader r, struct hello_facts *out)
{
	out->selected_group = rd_u16(&r);
	if (rd_more(&r))
		(void)rd_vec16(&r);
	return rd_done(&r);
}

/* RFC 5746 section 3.2 */
static bool read_renegotiation_info(struct reader r, struct hello_facts *out)
{
	struct reader verify = rd_vec8(&r);

	out->renegotiation_info = true;
	out->renegotiated = rd_rest(&verify);
	return rd_done(&r);
}

static bool read_cookie(struct reader r, struct hello_facts *out)
{
	struct reader cookie = rd_vec16(&r);

	out->cookie = rd_rest(&cookie);
	return rd_done(&r);
}

/* RFC 9849 section 5 */
static bool read_ech(struct reader r, struct hello_facts *out)
{
	out->ech = rd_rest(&r);
	return out->ech.len != 0;
}

/* RFC 6962 section 3.3.1 */
static bool read_scts(struct reader r, struct hello_facts *out)
{
	out->sct = true;
	out->scts = rd_rest(&r);
	return true;
}

static bool read_quic_transport_parameters(struct reader r, struct hello_facts *out)
{
	out->quic_transport_parameters = rd_rest(&r);
	return true;
}

/* Extensions that say all by being there. */
#define PRESENCE(member) \
	static bool read_##member(struct reader r, struct hello_facts *out) \
	{ \
		(void)r; \
		out->member = true; \
		return true; \
	}
PRESENCE(early_data)
PRESENCE(extended_master_secret)
PRESENCE(encrypt_then_mac)
PRESENCE(heartbeat)
PRESENCE(status_request)
#undef PRESENCE

struct extension {
	uint16_t type;
	bool in_client_key, in_server_key;	/* lists come from its content */
	bool (*from_client)(struct reader r, struct hello_facts *out);
	bool (*from_server)(struct reader r, struct hello_facts *out);
};

/* Sorted by type. */
static const struct extension extensions[] = {
	{ .type = EXTENSION_SERVER_NAME, .from_client = read_server_name },
	{ .type = EXTENSION_STATUS_REQUEST, .from_client = read_status_request, .from_server = read_status_request },
	{ .type = EXTENSION_SUPPORTED_GROUPS, .in_client_key = true },
	{ .type = EXTENSION_EC_POINT_FORMATS, .in_client_key = true },
	{ .type = EXTENSION_SIGNATURE_ALGORITHMS, .in_client_key = true },
	{ .type = EXTENSION_HEARTBEAT, .from_client = read_heartbeat, .from_server = read_heartbeat },
	{ .type = EXTENSION_ALPN, .in_client_key = true, .in_server_key = true, .from_server = read_server_alpn },
	{ .type = EXTENSION_SCT, .from_client = read_scts, .from_server = read_scts },
	{ .type = EXTENSION_ENCRYPT_THEN_MAC, .from_client = read_encrypt_then_mac, .from_server = read_encrypt_then_mac },
	{ .type = EXTENSION_EXTENDED_MASTER_SECRET, .from_client = read_extended_master_secret, .from_server = read_extended_master_secret },
	{ .type = EXTENSION_COMPRESS_CERTIFICATE, .in_client_key = true },
	{ .type = EXTENSION_SESSION_TICKET, .from_client = read_session_ticket, .from_server = read_session_ticket },
	{ .type = EXTENSION_KEY_SHARE_DRAFT, .in_client_key = true, .in_server_key = true, .from_server = read_selected_group },
	{ .type = EXTENSION_PRE_SHARED_KEY, .from_client = read_client_psk, .from_server = read_server_psk },
	{ .type = EXTENSION_EARLY_DATA, .from_client = read_early_data, .from_server = read_early_data },
	{ .type = EXTENSION_SUPPORTED_VERSIONS, .in_client_key = true, .in_server_key = true, .from_server = read_selected_version },
	{ .type = EXTENSION_COOKIE, .from_client = read_cookie, .from_server = read_cookie },
	{ .type = EXTENSION_PSK_MODES, .in_client_key = true },
	{ .type = EXTENSION_CERTIFICATE_AUTHORITIES, .in_client_key = true },
	{ .type = EXTENSION_KEY_SHARE, .in_client_key = true, .in_server_key = true, .from_server = read_selected_group },
	{ .type = 57, .from_client = read_quic_transport_parameters, .from_server = read_quic_transport_parameters },
	{ .type = EXTENSION_ENCRYPTED_CLIENT_HELLO, .from_client = read_ech, .from_server = read_ech },
	{ .type = EXTENSION_RENEGOTIATION_INFO, .from_client = read_renegotiation_info, .from_server = read_renegotiation_info },
	{ .type = 65445, .from_client = read_quic_transport_parameters, .from_server = read_quic_transport_parameters },
};

static const struct extension *extension_find(uint16_t type)
{
	size_t low = 0, high = sizeof extensions / sizeof extensions[0];

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (extensions[middle].type == type)
			return &extensions[middle];
		if (extensions[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool extension_in_key(uint16_t type, bool from_server)
{
	const struct extension *x = extension_find(type);

	return x && (from_server ? x->in_server_key : x->in_client_key);
}

static void add_u16(struct buffer *key, size_t value)
{
	uint8_t two[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	buffer_add(key, two, sizeof two);
}

/* A key share's key differs each time; its group does not. */
static void add_groups(struct buffer *key, struct reader r, bool from_server)
{
	size_t at = key->len, count = 0;
	struct reader list = from_server ? r : rd_vec16(&r);

	add_u16(key, 0);
	while (rd_more(&list)) {
		uint16_t group = rd_u16(&list);

		if (rd_more(&list) || !from_server)
			(void)rd_vec16(&list);
		add_u16(key, group);
		count++;
	}
	key->at[at] = (uint8_t)(count * 2 >> 8);
	key->at[at + 1] = (uint8_t)(count * 2);
}

static void add_content(struct buffer *key, uint16_t type, struct reader content, bool from_server)
{
	if (type == EXTENSION_KEY_SHARE || type == EXTENSION_KEY_SHARE_DRAFT) {
		add_groups(key, content, from_server);
		return;
	}
	struct bytes b = rd_rest(&content);
	add_u16(key, b.len);
	buffer_add(key, b.at, b.len);
}

bool extension_read(uint16_t type, struct reader content, bool from_server, struct hello_facts *out, struct buffer *key)
{
	const struct extension *x = extension_find(type);
	bool (*read)(struct reader, struct hello_facts *) = !x ? NULL : from_server ? x->from_server : x->from_client;

	add_u16(key, type);
	if (x && (from_server ? x->in_server_key : x->in_client_key))
		add_content(key, type, content, from_server);
	return !read || read(content, out);
}
