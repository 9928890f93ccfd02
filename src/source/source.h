/* source.h: where packets come from: capture files and interfaces. The only room that knows pcap.h.
 *
 * A source is one capture of its own (a row of `captures`). Packets are borrowed until the next source_read().
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/error.h"
#include "overhear/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;
struct filter;

struct source_options {
	const char *filter;		/* -f: BPF expression on the outer frame; NULL */
	struct filter *prepared;	/* files: the same from source_prepare_filter(), borrowed; NULL: made when it is needed */
	uint32_t snaplen;		/* -s; 0: the default (262144) */
	uint32_t buffer_kib;		/* -B: the ring of a live capture; 0: 65536 */
	bool no_promiscuous;		/* -p */
};

struct source_stats {
	uint64_t kernel_drops, interface_drops;
	bool drops_known;
	uint64_t secrets_skipped;	/* files: blocks of secrets beyond what is kept of one file */
};

enum source_state {
	SOURCE_MORE,		/* there may be more packets: read again (a live source: after poll) */
	SOURCE_END,		/* read to its end */
	SOURCE_CUT,		/* ended early: the file is cut or damaged; source_error() says where and why */
	SOURCE_DOWN,		/* live: the interface went down or away: told once; read again later, as after SOURCE_MORE */
};

/* Compiles an expression for the link types that most files have. Where it names hosts, ports or protocols they are
 * looked up now, not when a file with such packets comes. NULL where it fits none of them. */
struct filter *source_prepare_filter(const char *expression, struct error *error);
void source_drop_filter(struct filter *f);

/* A capture file: pcap or pcapng, plain, gzip, zstd or lz4; "-" is standard input. */
bool source_open_file(const char *path, const struct source_options *options, struct source **out, struct error *error);
/* The same of what is open already, which it takes; `name` is what messages call it. */
bool source_open_descriptor(int fd, const char *name, const struct source_options *options, struct source **out, struct error *error);
bool source_open_interface(const char *name, const struct source_options *options, struct source **out, struct error *error);
void source_close(struct source *s);

/* Fills up to `max` packets and returns how many; 0 with a state other than SOURCE_MORE when there is nothing (more).
 * 0 with SOURCE_MORE: the filter dropped them all, or a signal came while a pipe was waited for. */
size_t source_read(struct source *s, struct packet *out, size_t max, enum source_state *state);
/* The reason of SOURCE_CUT or SOURCE_DOWN, `FILE: what happened: what to do`; lives as long as the source. */
const char *source_error(const struct source *s);
/* Files: how far we are, for the progress bar: bytes of the file read and its size (0: not known). */
void source_progress(const struct source *s, uint64_t *read, uint64_t *size);
/* Live: the descriptor to poll for reading; ask before each poll, since an interface that came back has another one, and one
 * that is gone has -1 (which poll(2) passes over): poll with a time-out, then read. -1 for files. */
int source_fd(const struct source *s);
void source_stats(struct source *s, struct source_stats *out);
/* "EN10MB", several joined by ',' in the order of their first packets; NULL before any is known. */
const char *source_link_types(const struct source *s);
/* Secrets that the file itself holds (pcapng Decryption Secrets Block, type TLSK), in the order they stand: each call gives the next one seen so far
 * (SSLKEYLOGFILE text, borrowed until source_close()), or false. */
bool source_next_secrets(struct source *s, struct bytes *out);

/* For `captures` and "already read": size and a hash over blocks spread over the file, hex; false for pipes. */
bool source_fingerprint(const char *path, char out[65]);
/* The same of what is open already; it reads on from where it was. */
bool source_fingerprint_descriptor(int fd, char out[65]);

/* Why a capture file could not be opened, from errno: lower case, with what to do where that is known. */
const char *source_reason(int error_number);

/* -D: calls print for each interface with its name and a description (may be NULL). */
bool source_list_interfaces(void (*print)(void *context, const char *name, const char *description), void *context, struct error *error);

#endif
