#include "source/link_type.h"

#include <pcap/pcap.h>

static const struct { uint16_t link_type; int dlt; } different[] = {
	{ 100, DLT_ATM_RFC1483 },
	{ LINK_TYPE_RAW, DLT_RAW },
	{ 102, DLT_SLIP_BSDOS },
	{ 103, DLT_PPP_BSDOS },
	{ 106, DLT_ATM_CLIP },
	{ 246, DLT_PFSYNC },
};

enum { DIFFERENT_COUNT = sizeof different / sizeof different[0] };

int link_type_to_dlt(uint16_t link_type)
{
	for (size_t i = 0; i < DIFFERENT_COUNT; i++)
		if (different[i].link_type == link_type)
			return different[i].dlt;
	return link_type;
}

uint16_t link_type_from_dlt(int dlt)
{
	for (size_t i = 0; i < DIFFERENT_COUNT; i++)
		if (different[i].dlt == dlt)
			return different[i].link_type;
	return (uint16_t)dlt;
}

uint16_t link_type_from_file(uint32_t field)
{
	/* The upper half tells the length of the frame check sequence. */
	uint16_t link_type = (uint16_t)(field & 0xffff);

	return link_type == DLT_RAW ? LINK_TYPE_RAW : link_type;
}

void link_names_add(struct link_names *n, uint16_t link_type)
{
	uint8_t bit = (uint8_t)(1u << (link_type & 7));
	const char *name = pcap_datalink_val_to_name(link_type_to_dlt(link_type));

	if (n->seen[link_type >> 3] & bit)
		return;
	n->seen[link_type >> 3] |= bit;
	if (n->text.len)
		buffer_add_text(&n->text, ",");
	if (name)
		buffer_add_text(&n->text, name);
	else
		buffer_add_format(&n->text, "%u", link_type);
	(void)buffer_text(&n->text);
}

const char *link_names_text(const struct link_names *n)
{
	return n->text.len ? (const char *)n->text.at : NULL;
}

void link_names_finish(struct link_names *n)
{
	buffer_finish(&n->text);
}
