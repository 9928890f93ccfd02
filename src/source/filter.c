#include "source/filter.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "source/link_type.h"
#include "source/ops.h"

struct program {
	uint16_t link_type;
	struct bpf_program code;
};

struct filter {
	char *expression;
	struct program *programs;
	size_t count;
	char reason[PCAP_ERRBUF_SIZE];
};

struct filter *filter_create(const char *expression)
{
	struct filter *f = xcalloc(1, sizeof *f);

	f->expression = source_copy_text(expression);
	return f;
}

void filter_destroy(struct filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		pcap_freecode(&f->programs[i].code);
	free(f->programs);
	free(f->expression);
	free(f);
}

static const struct program *find(const struct filter *f, uint16_t link_type)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->programs[i].link_type == link_type)
			return &f->programs[i];
	return NULL;
}

bool filter_add(struct filter *f, uint16_t link_type)
{
	struct program p = { .link_type = link_type };
	pcap_t *dead;

	if (find(f, link_type))
		return true;
	dead = pcap_open_dead(link_type_to_dlt(link_type), SNAPLEN_DEFAULT);
	bool fits = dead && !pcap_compile(dead, &p.code, f->expression, 1, PCAP_NETMASK_UNKNOWN);
	if (fits) {
		f->programs = xrealloc(f->programs, (f->count + 1) * sizeof p);
		f->programs[f->count++] = p;
	} else {
		strncpy(f->reason, dead ? pcap_geterr(dead) : "no memory", sizeof f->reason - 1);
	}
	if (dead)
		pcap_close(dead);
	return fits;
}

struct filter *source_prepare_filter(const char *expression, struct error *error)
{
	/* LINKTYPE_NULL, ETHERNET, PPP, RAW, IEEE802_11, LOOP, LINUX_SLL, IEEE802_11_RADIOTAP, IPV4, IPV6, LINUX_SLL2 */
	static const uint16_t usual[] = { LINK_TYPE_ETHERNET, LINK_TYPE_RAW, 0, 9, 105, 108, 113, 127, 228, 229, 276 };
	struct filter *f = filter_create(expression);
	char reason[PCAP_ERRBUF_SIZE] = "";

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (!filter_add(f, usual[i]) && !i)
			memcpy(reason, f->reason, sizeof reason);
	if (f->count)
		return f;
	(void)error_set(error, EXIT_USAGE, "the filter cannot be used: %s", reason);
	filter_destroy(f);
	return NULL;
}

void source_drop_filter(struct filter *f)
{
	filter_destroy(f);
}

const char *filter_reason(const struct filter *f)
{
	return f->reason;
}

size_t filter_keep(const struct filter *f, struct packet *packets, size_t count)
{
	const struct program *program = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct packet *p = &packets[i];
		struct pcap_pkthdr h = { .caplen = (bpf_u_int32)p->data.len, .len = p->wire_len };

		if (!program || program->link_type != p->link_type)
			program = find(f, p->link_type);
		if (program && pcap_offline_filter(&program->code, &h, p->data.at))
			packets[kept++] = *p;
	}
	return kept;
}
