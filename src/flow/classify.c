#include "flow/classify.h"

#include "base/buffer.h"
#include "base/xmalloc.h"
#include "classify_config.h"

#include <assert.h>
#include <ndpi_api.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, SEGMENT_MAX = 16384, TCP_HEADER = 20 };
enum { CLIENT = 0x0a000001, SERVER = 0x0a000002, CLIENT_PORT = 49152 };
enum { FIRST_SEQ_CLIENT = 1, FIRST_SEQ_SERVER = 1000000 };

struct classifier {
	struct ndpi_detection_module_struct *module;
};

/* ---- nDPI's interface as it changed: 4.2, 4.6, 4.10, 5.0 ---- */

static struct ndpi_detection_module_struct *new_module(void)
{
	/* nDPI does not look whether it got any. */
	set_ndpi_malloc(xmalloc);
	set_ndpi_flow_malloc(xmalloc);
#ifdef NDPI_HAS_GLOBAL_CONTEXT
	return ndpi_init_detection_module(NULL);
#else
	return ndpi_init_detection_module(ndpi_no_prefs);
#endif
}

/* What came out of TCP and begins with a hello needs none of the others. */
static void choose_dissectors(struct ndpi_detection_module_struct *module)
{
#ifdef NDPI_HAS_BITMASK
	NDPI_PROTOCOL_BITMASK chosen;

	NDPI_BITMASK_RESET(chosen);
	NDPI_BITMASK_ADD(chosen, NDPI_PROTOCOL_TLS);
	ndpi_set_protocol_detection_bitmask2(module, &chosen);
#else
	(void)module;
#endif
}

static ndpi_protocol process(const struct classifier *c, struct ndpi_flow_struct *flow,
			     struct bytes packet, int64_t time_ns)
{
	uint64_t ms = (uint64_t)(time_ns / 1000000);

#ifdef NDPI_HAS_INPUT_INFO
	return ndpi_detection_process_packet(c->module, flow, packet.at,
					     (unsigned short)packet.len, ms, NULL);
#else
	return ndpi_detection_process_packet(c->module, flow, packet.at,
					     (unsigned short)packet.len, ms);
#endif
}

static uint16_t best_protocol(ndpi_protocol p)
{
#ifdef NDPI_HAS_NESTED_PROTOCOL
	return p.proto.app_protocol ? p.proto.app_protocol : p.proto.master_protocol;
#else
	return p.app_protocol ? p.app_protocol : p.master_protocol;
#endif
}

static uint16_t category_of(const struct classifier *c, uint16_t protocol)
{
#ifdef NDPI_HAS_NESTED_PROTOCOL
	ndpi_protocol p = { .proto = { .app_protocol = protocol } };
#else
	ndpi_protocol p = { .app_protocol = protocol };
#endif
	return (uint16_t)ndpi_get_proto_category(c->module, p);
}

/* ---- life ---- */

struct classifier *classify_create(void)
{
	/* A library that lays its flows out otherwise would write beyond ours. */
	if (ndpi_detection_get_sizeof_ndpi_flow_struct() != SIZEOF_FLOW_STRUCT)
		return NULL;
	struct ndpi_detection_module_struct *module = new_module();

	if (!module)
		return NULL;
	choose_dissectors(module);
	ndpi_finalize_initialization(module);
	struct classifier *c = xcalloc(1, sizeof *c);
	c->module = module;
	return c;
}

void classify_destroy(struct classifier *c)
{
	if (!c)
		return;
	ndpi_exit_detection_module(c->module);
	free(c);
}

const char *classify_release(void)
{
	return ndpi_revision();
}

/* ---- by name ---- */

bool classify_name(const struct classifier *c, struct bytes name, struct classification *out)
{
	ndpi_protocol_match_result match = { 0 };
	char text[NAME_MAX_BYTES + 1];

	if (!name.len || name.len > NAME_MAX_BYTES || memchr(name.at, 0, name.len))
		return false;
	memcpy(text, name.at, name.len);
	text[name.len] = 0;
	int id = ndpi_match_string_subprotocol(c->module, text, (u_int)name.len, &match);
	if (id <= 0 || id == NDPI_PROTOCOL_UNKNOWN)
		return false;
	*out = (struct classification){
		.application = (uint16_t)id, .category = (uint16_t)match.protocol_category
	};
	return true;
}

/* ---- by address ---- */

bool classify_address(const struct classifier *c, struct address server, struct classification *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct in_addr address;

	if (memcmp(server.at, mapped, sizeof mapped))
		return false;
	memcpy(&address, server.at + 12, sizeof address);
	uint16_t id = ndpi_network_ptree_match(c->module, &address);
	if (id == NDPI_PROTOCOL_UNKNOWN)
		return false;
	*out = (struct classification){ .application = id, .category = category_of(c, id) };
	return true;
}

/* ---- by its records ---- */

static void add_u16(struct buffer *b, uint32_t v)
{
	buffer_add(b, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void add_u32(struct buffer *b, uint32_t v)
{
	add_u16(b, v >> 16);
	add_u16(b, v & 0xffff);
}

/* RFC 791 section 3.1; nDPI looks at no checksum. The ends are anybody's: the answer shall not depend on them. */
static void add_ip(struct buffer *b, uint32_t from, uint32_t to, uint32_t payload)
{
	add_u16(b, 0x4500);
	add_u16(b, 20 + payload);
	add_u32(b, 0x00004000);
	add_u32(b, 64 << 24 | PROTOCOL_TCP << 16);
	add_u32(b, from);
	add_u32(b, to);
}

/* RFC 9293 section 3.1. */
static void add_tcp(struct buffer *b, uint16_t from, uint16_t to, uint32_t seq, uint32_t ack)
{
	add_u16(b, from);
	add_u16(b, to);
	add_u32(b, seq);
	add_u32(b, ack);
	add_u16(b, TCP_HEADER / 4 << 12 | TCP_PSH | TCP_ACK);
	add_u16(b, 0xffff);
	add_u32(b, 0);
}

static ndpi_protocol show_client(const struct classifier *c, struct ndpi_flow_struct *flow,
				 const struct classify_flow *f, struct buffer *b)
{
	struct bytes records = f->client_records;

	buffer_clear(b);
	add_ip(b, CLIENT, SERVER, TCP_HEADER + (uint32_t)records.len);
	add_tcp(b, CLIENT_PORT, f->server_port, FIRST_SEQ_CLIENT, FIRST_SEQ_SERVER);
	buffer_add(b, records.at, records.len);
	return process(c, flow, buffer_bytes(b), f->time_ns);
}

static ndpi_protocol show_server(const struct classifier *c, struct ndpi_flow_struct *flow,
				 const struct classify_flow *f, struct buffer *b)
{
	struct bytes records = f->server_records;
	uint32_t ack = FIRST_SEQ_CLIENT + (uint32_t)f->client_records.len;

	buffer_clear(b);
	add_ip(b, SERVER, CLIENT, TCP_HEADER + (uint32_t)records.len);
	add_tcp(b, f->server_port, CLIENT_PORT, FIRST_SEQ_SERVER, ack);
	buffer_add(b, records.at, records.len);
	return process(c, flow, buffer_bytes(b), f->time_ns);
}

static uint64_t bit(unsigned risk)
{
	return UINT64_C(1) << risk;
}

uint64_t classify_moot_risks(enum classify_carrier carrier, bool began_in_the_clear)
{
	uint64_t moot = 0;

	if (carrier != CLASSIFY_TLS || began_in_the_clear)
		moot |= bit(NDPI_KNOWN_PROTOCOL_ON_NON_STANDARD_PORT);
	if (carrier == CLASSIFY_QUIC)
		moot |= bit(NDPI_TLS_SUSPICIOUS_EXTENSION);
	if (began_in_the_clear)
		moot |= bit(NDPI_TLS_NOT_CARRYING_HTTPS);
	return moot;
}

static uint64_t name_risks(void)
{
	return bit(NDPI_TLS_CERTIFICATE_MISMATCH) | bit(NDPI_SUSPICIOUS_DGA_DOMAIN) |
	       bit(NDPI_RISKY_DOMAIN);
}

void classify_records(const struct classifier *c, const struct classify_flow *f,
		      struct classification *out)
{
	struct buffer packet = { 0 };

	*out = (struct classification){ 0 };
	if (f->client_records.len > SEGMENT_MAX || f->server_records.len > SEGMENT_MAX)
		return;
	struct ndpi_flow_struct *flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
	assert(flow);
	memset(flow, 0, SIZEOF_FLOW_STRUCT);
	ndpi_protocol found = show_client(c, flow, f, &packet);
	if (f->server_records.len)
		found = show_server(c, flow, f, &packet);
	out->application = best_protocol(found);
	out->category = (uint16_t)found.category;
	out->risks = flow->risk & ~name_risks();
	ndpi_free_flow(flow);
	buffer_finish(&packet);
}

void classify_carrier(const struct classifier *c, enum classify_carrier carrier,
		      struct classification *out)
{
	static const uint16_t protocols[] = {
		[CLASSIFY_TLS] = NDPI_PROTOCOL_TLS,
		[CLASSIFY_DTLS] = NDPI_PROTOCOL_DTLS,
		[CLASSIFY_QUIC] = NDPI_PROTOCOL_QUIC,
	};

	*out = (struct classification){ .application = protocols[carrier],
					.category = category_of(c, protocols[carrier]) };
}

/* ---- names ---- */

const char *classify_application(const struct classifier *c, const struct classification *of)
{
	return of->application ? ndpi_get_proto_name(c->module, of->application) : NULL;
}

const char *classify_category(const struct classifier *c, const struct classification *of)
{
	return of->category ? ndpi_category_get_name(c->module,
						     (ndpi_protocol_category_t)of->category)
			    : NULL;
}

const char *classify_risk(unsigned number)
{
	return ndpi_risk2str((ndpi_risk_enum)number);
}
