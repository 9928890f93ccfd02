#include "source/source.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/xmalloc.h"
#include "source/link_type.h"
#include "source/ops.h"

enum {
	RING_KIB_DEFAULT = 64 * 1024,
	RING_KIB_MAX = 2 * 1024 * 1024 - 1,	/* libpcap counts its bytes in an int */
	SNAPLEN_LIVE_MAX = 262144,		/* libpcap's own */
	BLOCK_TIMEOUT_MS = 100,			/* how long a packet may wait in a block of the ring */
	BATCH_BYTES = 256 * 1024,		/* copied before a batch ends */
	LOOK_AGAIN_MS = 250,			/* between two looks at a silent interface */
};

/* What the driver counts among the packets that it lost. */
static const char *const drop_counters[] = { "rx_missed_errors", "rx_fifo_errors" };
enum { DROP_COUNTERS = sizeof drop_counters / sizeof *drop_counters };

struct live {
	struct source base;
	char *name;
	char *filter;
	struct source_options options;
	pcap_t *pcap;
	int index, hardware;		/* of the interface that the socket is bound to: its number and its kind */
	bool gone;			/* that one is */
	int probe;			/* any socket, to ask for the interface's flags */
	bool down;			/* told, and not back yet */
	int64_t looked_ms;
	uint32_t ns_per_unit;
	uint16_t link_type;
	uint64_t packets;
	struct source_stats stats;
	int counters[DROP_COUNTERS];	/* files of /sys, which must not be opened later; -1 */
	uint64_t last[DROP_COUNTERS];	/* at the last look */
	uint8_t *bytes;			/* BATCH_BYTES and one packet more */
	size_t used;
	struct packet *out;		/* of the source_read() that runs now */
	size_t count, max;
};

static struct live *live_of(struct source *s)
{
	return (struct live *)s;
}

/* This machine's clock paces only looks at an interface that is silent; packets bring their own time. */
static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* libpcap gives a block of its ring back to the kernel with the block's last packet: what is to live until the next
 * source_read() is copied. */
static void take_packet(u_char *context, const struct pcap_pkthdr *h, const u_char *at)
{
	struct live *l = (struct live *)(void *)context;
	struct packet *p = &l->out[l->count];
	size_t len = h->caplen < SNAPLEN_LIVE_MAX ? h->caplen : SNAPLEN_LIVE_MAX;

	assert(l->count < l->max);
	assert(l->used <= BATCH_BYTES);
	memcpy(l->bytes + l->used, at, len);
	p->data = (struct bytes){ l->bytes + l->used, len };
	p->wire_len = h->len > h->caplen ? h->len : h->caplen;
	p->time_ns = (int64_t)h->ts.tv_sec * 1000000000 + (int64_t)h->ts.tv_usec * l->ns_per_unit;
	p->number = ++l->packets;
	p->link_type = l->link_type;
	l->used += len;
	if (++l->count == l->max || l->used > BATCH_BYTES)
		pcap_breakloop(l->pcap);
}

/* ---- what was lost ---- */

static bool read_counter(int fd, uint64_t *out)
{
	char text[32];
	ssize_t len = pread(fd, text, sizeof text - 1, 0);

	if (len <= 0)
		return false;
	text[len] = 0;
	*out = strtoull(text, NULL, 10);
	return true;
}

static void close_counters(struct live *l)
{
	for (int i = 0; i < DROP_COUNTERS; i++) {
		if (l->counters[i] >= 0)
			close(l->counters[i]);
		l->counters[i] = -1;
	}
}

static void open_counters(struct live *l)
{
	close_counters(l);
	for (int i = 0; i < DROP_COUNTERS; i++) {
		struct buffer path = { 0 };

		buffer_add_format(&path, "/sys/class/net/%s/statistics/%s", l->name, drop_counters[i]);
		l->counters[i] = open(buffer_text(&path), O_RDONLY | O_CLOEXEC);
		if (!read_counter(l->counters[i], &l->last[i]))
			l->last[i] = 0;
		buffer_finish(&path);
	}
}

/* Reading the kernel's statistics sets them to 0. libpcap would open files for the interface's. */
static void look_at_drops(struct live *l)
{
	struct tpacket_stats_v3 now;
	socklen_t len = sizeof now;
	uint64_t counted;

	if (l->pcap && !getsockopt(pcap_fileno(l->pcap), SOL_PACKET, PACKET_STATISTICS, &now, &len)) {
		l->stats.kernel_drops += now.tp_drops;
		l->stats.drops_known = true;
	}
	for (int i = 0; i < DROP_COUNTERS; i++) {
		if (!read_counter(l->counters[i], &counted))
			continue;
		l->stats.interface_drops += counted - l->last[i];
		l->last[i] = counted;
	}
}

/* ---- the interface ---- */

static bool is_any(const struct live *l)
{
	return !strcmp(l->name, "any");
}

/* Something about the interface of that name, whichever it is now. */
static bool ask(const struct live *l, unsigned long what, struct ifreq *answer)
{
	*answer = (struct ifreq){ 0 };
	strncpy(answer->ifr_name, l->name, sizeof answer->ifr_name - 1);
	return !ioctl(l->probe, what, answer);
}

static bool is_up(const struct live *l)
{
	struct ifreq answer;

	return is_any(l) || (ask(l, SIOCGIFFLAGS, &answer) && answer.ifr_flags & IFF_UP);
}

static int index_of(const struct live *l)
{
	struct ifreq answer;

	return ask(l, SIOCGIFINDEX, &answer) ? answer.ifr_ifindex : 0;
}

static int hardware_of(const struct live *l)
{
	struct ifreq answer;

	return ask(l, SIOCGIFHWADDR, &answer) ? answer.ifr_hwaddr.sa_family : -1;
}

static bool activation_failed(const struct live *l, pcap_t *pcap, int status, struct error *error)
{
	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return error_set(error, EXIT_PERMISSION,
			"%s: no permission to capture: run as root or with the capability CAP_NET_RAW", l->name);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return error_set(error, EXIT_IO, "%s: no such interface: '-D' lists those there are", l->name);
	case PCAP_ERROR_IFACE_NOT_UP:
		return error_set(error, EXIT_IO, "%s: the interface is down: bring it up with 'ip link set %s up'",
			l->name, l->name);
	default:
		return error_set(error, EXIT_IO, "%s: cannot be captured on: %s", l->name,
			pcap && *pcap_geterr(pcap) ? pcap_geterr(pcap) : pcap_statustostr(status));
	}
}

static int set_options(const struct live *l, pcap_t *pcap)
{
	uint32_t kib = l->options.buffer_kib ? l->options.buffer_kib : RING_KIB_DEFAULT;
	uint32_t snaplen = l->options.snaplen ? l->options.snaplen : SNAPLEN_DEFAULT;

	pcap_set_snaplen(pcap, (int)(snaplen < SNAPLEN_LIVE_MAX ? snaplen : SNAPLEN_LIVE_MAX));
	pcap_set_buffer_size(pcap, (int)((kib < RING_KIB_MAX ? kib : RING_KIB_MAX) * 1024));
	pcap_set_promisc(pcap, !l->options.no_promiscuous && !is_any(l));
	pcap_set_timeout(pcap, BLOCK_TIMEOUT_MS);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	return pcap_activate(pcap);
}

static bool set_filter(const struct live *l, pcap_t *pcap, struct error *error)
{
	struct bpf_program code;

	if (!l->filter)
		return true;
	if (pcap_compile(pcap, &code, l->filter, 1, PCAP_NETMASK_UNKNOWN))
		return error_set(error, EXIT_USAGE, "%s: the filter cannot be used: %s", l->name, pcap_geterr(pcap));
	int status = pcap_setfilter(pcap, &code);
	pcap_freecode(&code);
	if (status)
		return error_set(error, EXIT_IO, "%s: the filter cannot be set: %s", l->name, pcap_geterr(pcap));
	return true;
}

static bool activate(struct live *l, struct error *error)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_create(l->name, reason);
	int status;

	if (!pcap)
		return error_set(error, EXIT_IO, "%s: cannot be captured on: %s", l->name, reason);
	status = set_options(l, pcap);
	if (status < 0)
		(void)activation_failed(l, pcap, status, error);
	else if (pcap_setnonblock(pcap, 1, reason))
		(void)error_set(error, EXIT_IO, "%s: cannot be captured on: %s", l->name, reason);
	else if (set_filter(l, pcap, error)) {
		l->pcap = pcap;
		l->ns_per_unit = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
		l->link_type = link_type_from_dlt(pcap_datalink(pcap));
		link_names_add(&l->base.links, l->link_type);
		l->index = index_of(l);
		l->hardware = hardware_of(l);
		open_counters(l);
		look_at_drops(l);
		return true;
	}
	pcap_close(pcap);
	return false;
}

/* Says once that the interface is away; libpcap's handle goes on by itself when it is only down, not gone. */
static enum source_state went_down(struct live *l, const char *what)
{
	if (l->down)
		return SOURCE_MORE;
	l->down = true;
	buffer_clear(&l->base.trouble);
	buffer_add_format(&l->base.trouble, "%s: %s: waiting for it to come back", l->name, what);
	(void)buffer_text(&l->base.trouble);
	return SOURCE_DOWN;
}

/* Another interface has the name now. It gets the socket that there is: to open a new one takes a right that is gone
 * (src/app/confine.h), to bind it anew does not. */
static bool rebind(struct live *l, int index)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof address;
	int fd = pcap_fileno(l->pcap);
	struct packet_mreq all = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };

	if (getsockname(fd, (struct sockaddr *)&address, &len) || address.sll_family != AF_PACKET)
		return false;
	address.sll_ifindex = index;
	if (bind(fd, (const struct sockaddr *)&address, sizeof address))
		return false;
	if (!l->options.no_promiscuous)
		(void)setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
	l->index = index;
	l->gone = false;
	open_counters(l);
	return true;
}

/* Nothing came: is the interface still there, or there again? */
static enum source_state look(struct live *l)
{
	int64_t now = now_ms();

	if (now - l->looked_ms < LOOK_AGAIN_MS)
		return SOURCE_MORE;
	l->looked_ms = now;
	if (!is_up(l))
		return went_down(l, "the interface is down");
	int index = is_any(l) ? l->index : index_of(l);
	if (index != l->index && hardware_of(l) != l->hardware)
		return went_down(l, "an interface of another kind has its name");
	if ((index != l->index || l->gone) && !rebind(l, index))
		return SOURCE_MORE;
	l->down = false;
	return SOURCE_MORE;
}

static size_t live_read(struct source *s, struct packet *out, size_t max, enum source_state *state)
{
	struct live *l = live_of(s);
	int status = 0;

	*state = SOURCE_MORE;
	l->out = out;
	l->max = max;
	l->count = l->used = 0;
	if (!l->gone && max)
		status = pcap_dispatch(l->pcap, max < INT32_MAX ? (int)max : INT32_MAX, take_packet, (u_char *)l);
	if (l->count) {
		l->down = false;
	} else if (status == PCAP_ERROR_BREAK) {
		return 0;
	} else if (status < 0) {
		/* Its socket stays, for the one that comes next. */
		l->gone = true;
		*state = went_down(l, "the interface went away");
	} else {
		*state = look(l);
	}
	return l->count;
}

static int live_fd(const struct source *s)
{
	const struct live *l = (const struct live *)s;

	return l->gone ? -1 : pcap_get_selectable_fd(l->pcap);
}

static void live_stats(struct source *s, struct source_stats *out)
{
	struct live *l = live_of(s);

	look_at_drops(l);
	*out = l->stats;
}

static void live_close(struct source *s)
{
	struct live *l = live_of(s);

	close_counters(l);
	if (l->pcap)
		pcap_close(l->pcap);
	if (l->probe >= 0)
		close(l->probe);
	free(l->bytes);
	free(l->filter);
	free(l->name);
	source_finish(s);
	free(l);
}

static const struct source_ops live_ops = {
	.read = live_read,
	.close = live_close,
	.fd = live_fd,
	.stats = live_stats,
};

bool source_open_interface(const char *name, const struct source_options *options, struct source **out, struct error *error)
{
	struct live *l = xcalloc(1, sizeof *l);

	l->base.ops = &live_ops;
	for (int i = 0; i < DROP_COUNTERS; i++)
		l->counters[i] = -1;
	l->name = source_copy_text(name);
	if (options)
		l->options = *options;
	if (l->options.filter)
		l->filter = source_copy_text(l->options.filter);
	l->options.filter = NULL;
	l->probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	l->bytes = xmalloc(BATCH_BYTES + SNAPLEN_LIVE_MAX);
	if (!activate(l, error)) {
		live_close(&l->base);
		return false;
	}
	*out = &l->base;
	return true;
}

bool source_list_interfaces(void (*print)(void *context, const char *name, const char *description), void *context,
	struct error *error)
{
	char reason[PCAP_ERRBUF_SIZE];
	pcap_if_t *all;

	if (pcap_findalldevs(&all, reason))
		return error_set(error, EXIT_IO, "the interfaces cannot be listed: %s", reason);
	for (const pcap_if_t *i = all; i; i = i->next)
		print(context, i->name, i->description);
	pcap_freealldevs(all);
	return true;
}
