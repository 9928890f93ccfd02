/* file.h: a capture file while it is read: its bytes, its format, and what is the same in all formats.
 *
 * A format takes whole records from input.left and fills packets with views into them. Where a record is not
 * there as a whole it sets `need` and returns; where one cannot be right it calls file_damage(). Bytes move
 * only between two calls of a format, so that all packets of one batch stay where they are.
 */
#ifndef SOURCE_FILE_H
#define SOURCE_FILE_H

#include "source/filter.h"
#include "source/input.h"
#include "source/ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RECORD_BYTES_MAX = 16 * 1024 * 1024,	/* of one packet record or block that must be held as a whole: 64 times the
						 * default snap length; a longer one is taken for damage */
	INTERFACES_MAX = 65536,			/* of one pcapng section: a laptop has ten */
	SECRETS_BYTES_MAX = 16 * 1024 * 1024,	/* kept of one file: some 90,000 TLS connections */
};

struct file;

struct file_format {
	/* Fills up to max packets; with max 0 reads only what stands before the next packet. */
	size_t (*read)(struct file *f, struct packet *out, size_t max);
	void (*finish)(struct file *f);
};

extern const struct file_format pcap_format, pcapng_format;

/* https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
struct pcap_state {
	bool little;
	uint16_t link_type;
	uint32_t ns_per_unit;
	uint32_t header_len;		/* of a record; 0 before the file header was read */
};

/* How an interface's time stamps become nanoseconds: (stamp * multiply / divide >> shift) + offset_ns. */
struct resolution {
	uint64_t multiply, divide;
	int64_t offset_ns;
	uint8_t shift;
};

struct interface {
	struct resolution resolution;
	uint32_t snaplen;		/* 0: no limit */
	uint16_t link_type;
	bool used;			/* a packet of it was seen */
};

/* https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html; of the section that is read now. */
struct pcapng_state {
	bool little;
	struct interface *interfaces;
	size_t interface_count, interface_room;
	int64_t last_ns;		/* of the packet before: simple packets have no time of their own */
	uint64_t skip, skip_at;		/* bytes left of a block that is passed over, and where it begins */
};

struct file {
	struct source base;
	char *name;
	struct input input;
	const struct file_format *format;	/* NULL: not known yet */
	struct filter *filter;
	bool borrows_filter;
	uint32_t snaplen;
	enum source_state state;
	bool damaged;
	bool link_known;		/* base.links or the first interface tells what a filter is compiled for */
	uint16_t first_link_type;
	uint64_t packets;		/* numbered so far */
	size_t need;			/* bytes that the next record takes, as far as is known */
	const char *piece;		/* what that record is, for source_error() */
	struct bytes *secrets;
	size_t secrets_count, secrets_given, secrets_bytes;
	uint64_t secrets_skipped;
	struct pcap_state pcap;
	struct pcapng_state pcapng;
};

/* Takes the descriptor, of anything that can be read; `name` is what messages call it. */
bool file_open(int fd, const char *name, const struct source_options *options, struct source **out, struct error *error);
/* The record at input.left cannot be right; `format` says how, as the middle of `FILE: ... at byte N: ...`. */
void file_damage(struct file *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first packet of a link type is about to be given; false (and damage) where the filter does not fit. */
bool file_add_link_type(struct file *f, uint16_t link_type);
/* A link type was announced, though no packet came yet. */
void file_note_link_type(struct file *f, uint16_t link_type);
/* Keeps a copy for source_next_secrets(). */
void file_add_secrets(struct file *f, struct bytes text);

#endif
