#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xmalloc.h"

static struct file *file_of(struct source *s)
{
	return (struct file *)s;
}

static void start_trouble(struct file *f)
{
	buffer_clear(&f->base.trouble);
	buffer_add_text(&f->base.trouble, f->name);
	buffer_add_text(&f->base.trouble, ": ");
}

void file_damage(struct file *f, const char *format, ...)
{
	char what[512];
	va_list args;

	if (f->damaged)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	f->damaged = true;
	start_trouble(f);
	buffer_add_format(&f->base.trouble, "%s at byte %" PRIu64 "%s: what came before was read; get a fresh copy of the file",
		what, input_offset(&f->input), f->input.codec ? " of the unpacked data" : "");
	(void)buffer_text(&f->base.trouble);
}

/* The end comes inside a record. */
static void file_cut(struct file *f)
{
	uint64_t begin = f->pcapng.skip ? f->pcapng.skip_at : input_offset(&f->input);
	uint64_t have = f->input.given - begin;
	uint64_t whole = f->pcapng.skip ? have + f->pcapng.skip : f->need;

	f->damaged = true;
	start_trouble(f);
	buffer_add_format(&f->base.trouble, "ends inside the %s at byte %" PRIu64 "%s (%" PRIu64 " of %" PRIu64
		" bytes are there): what came before was read; get a whole copy of the file",
		f->piece, begin, f->input.codec ? " of the unpacked data" : "", have, whole);
	(void)buffer_text(&f->base.trouble);
}

static void file_failed(struct file *f)
{
	f->damaged = true;
	start_trouble(f);
	buffer_add_text(&f->base.trouble, f->input.problem);
	(void)buffer_text(&f->base.trouble);
}

void file_note_link_type(struct file *f, uint16_t link_type)
{
	if (!f->link_known)
		f->first_link_type = link_type;
	f->link_known = true;
}

bool file_add_link_type(struct file *f, uint16_t link_type)
{
	if (f->filter && !filter_add(f->filter, link_type)) {
		file_damage(f, "the filter does not fit the packets of link type %u (%s)", link_type,
			filter_reason(f->filter));
		return false;
	}
	link_names_add(&f->base.links, link_type);
	return true;
}

void file_add_secrets(struct file *f, struct bytes text)
{
	uint8_t *copy;

	if (text.len > SECRETS_BYTES_MAX - f->secrets_bytes) {
		f->secrets_skipped++;
		return;
	}
	if (!text.len)
		return;
	copy = memcpy(xmalloc(text.len), text.at, text.len);
	if (!(f->secrets_count & (f->secrets_count - 1)))
		f->secrets = xrealloc(f->secrets, (2 * f->secrets_count + 1) * sizeof *f->secrets);
	f->secrets[f->secrets_count++] = (struct bytes){ copy, text.len };
	f->secrets_bytes += text.len;
}

static bool next_secrets(struct source *s, struct bytes *out)
{
	struct file *f = file_of(s);

	if (f->secrets_given == f->secrets_count)
		return false;
	*out = f->secrets[f->secrets_given++];
	return true;
}

/* Which format it is, by the first four bytes. SOURCE_MORE: known; SOURCE_END: it is none. */
static enum source_state recognise(struct file *f, bool *interrupted)
{
	static const struct { uint32_t magic; const struct file_format *format; } formats[] = {
		{ 0x0a0d0d0a, &pcapng_format },
		{ 0x34cdb2a1, &pcap_format },
		{ 0x4d3cb2a1, &pcap_format },
		{ 0xa1b23c4d, &pcap_format },
		{ 0xa1b2c3d4, &pcap_format },
		{ 0xa1b2cd34, &pcap_format },
		{ 0xd4c3b2a1, &pcap_format },
	};
	enum input_state state = f->input.codec ? input_fill(&f->input, 4) : input_unpack(&f->input);
	struct reader r = f->input.left;
	uint32_t magic = rd_u32(&r);

	*interrupted = state == INPUT_INTERRUPTED;
	if (*interrupted)
		return SOURCE_MORE;
	if (state == INPUT_FAILED && r.bad) {
		file_failed(f);
		return SOURCE_CUT;
	}
	for (size_t i = 0; i < sizeof formats / sizeof formats[0] && !r.bad; i++)
		if (formats[i].magic == magic)
			f->format = formats[i].format;
	return f->format ? SOURCE_MORE : SOURCE_END;
}

/* Reads on; whether a format may find another record now. */
static bool fill(struct file *f)
{
	switch (input_fill(&f->input, f->need)) {
	case INPUT_READY:
		return true;
	case INPUT_INTERRUPTED:
		return false;
	case INPUT_FAILED:
		file_failed(f);
		f->state = SOURCE_CUT;
		return false;
	case INPUT_END:
		break;
	}
	f->state = SOURCE_END;
	if (rd_more(&f->input.left) || f->pcapng.skip) {
		file_cut(f);
		f->state = SOURCE_CUT;
	}
	return false;
}

static size_t pass(struct file *f, struct packet *packets, size_t count)
{
	if (f->filter)
		count = filter_keep(f->filter, packets, count);
	for (size_t i = 0; f->snaplen && i < count; i++)
		if (packets[i].data.len > f->snaplen)
			packets[i].data.len = f->snaplen;
	return count;
}

static void recognise_late(struct file *f)
{
	bool interrupted;
	enum source_state state = recognise(f, &interrupted);

	if (state == SOURCE_END)
		file_damage(f, "not a capture file");
	f->state = state == SOURCE_END ? SOURCE_CUT : state;
}

static size_t read_batch(struct file *f, struct packet *out, size_t max)
{
	while (!f->damaged) {
		size_t count = f->format->read(f, out, max);

		if (count)
			return pass(f, out, count);
		if (!f->damaged && !fill(f))
			return 0;
	}
	f->state = SOURCE_CUT;
	return 0;
}

static size_t file_read(struct source *s, struct packet *out, size_t max, enum source_state *state)
{
	struct file *f = file_of(s);
	size_t count = 0;

	if (!f->format && f->state == SOURCE_MORE)
		recognise_late(f);
	if (f->format && f->state == SOURCE_MORE && max)
		count = read_batch(f, out, max);
	*state = f->state;
	return count;
}

static void file_close(struct source *s)
{
	struct file *f = file_of(s);

	if (f->format)
		f->format->finish(f);
	for (size_t i = 0; i < f->secrets_count; i++)
		free((void *)f->secrets[i].at);
	free(f->secrets);
	if (!f->borrows_filter)
		filter_destroy(f->filter);
	input_finish(&f->input);
	free(f->name);
	source_finish(s);
	free(f);
}

static void file_progress(const struct source *s, uint64_t *read, uint64_t *size)
{
	const struct file *f = (const struct file *)s;

	*read = f->input.taken;
	*size = f->input.size;
}

static void file_stats(struct source *s, struct source_stats *out)
{
	out->secrets_skipped = file_of(s)->secrets_skipped;
}

static const struct source_ops file_ops = {
	.read = file_read,
	.close = file_close,
	.progress = file_progress,
	.stats = file_stats,
	.next_secrets = next_secrets,
};

/* Up to the first packet, or to the link type that the filter must be compiled for. */
static void read_beginning(struct file *f)
{
	do
		(void)f->format->read(f, NULL, 0);
	while (!f->link_known && !f->damaged && f->need > rd_left(&f->input.left) && fill(f));
}

static bool check_filter(struct file *f, struct error *error)
{
	if (!f->filter || filter_add(f->filter, f->link_known ? f->first_link_type : LINK_TYPE_ETHERNET))
		return true;
	return error_set(error, EXIT_USAGE, "%s: the filter cannot be used: %s", f->name, filter_reason(f->filter));
}

static bool begin(struct file *f, struct error *error)
{
	bool interrupted;
	enum source_state state = recognise(f, &interrupted);

	if (state == SOURCE_END)
		return error_set(error, EXIT_IO,
			"%s: not a capture file: give a pcap or pcapng file, plain or packed with gzip, zstd or lz4", f->name);
	if (state == SOURCE_CUT && !f->input.codec)
		return error_set(error, EXIT_IO, "%s", source_error(&f->base));
	f->state = state;
	if (f->format)
		read_beginning(f);
	return check_filter(f, error);
}

bool file_open(int fd, const char *name, const struct source_options *options, struct source **out, struct error *error)
{
	struct file *f = xcalloc(1, sizeof *f);

	f->base.ops = &file_ops;
	f->name = source_copy_text(name);
	f->piece = "beginning";
	f->snaplen = options ? options->snaplen : 0;
	f->borrows_filter = options && options->prepared;
	if (f->borrows_filter)
		f->filter = options->prepared;
	else if (options && options->filter)
		f->filter = filter_create(options->filter);
	input_init(&f->input, fd);
	if (!begin(f, error)) {
		file_close(&f->base);
		return false;
	}
	*out = &f->base;
	return true;
}

bool source_open_file(const char *path, const struct source_options *options, struct source **out, struct error *error)
{
	bool standard_input = !strcmp(path, "-");
	int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(error, EXIT_IO, "%s: cannot be opened: %s", path, source_reason(errno));
	return source_open_descriptor(fd, path, options, out, error);
}

bool source_open_descriptor(int fd, const char *name, const struct source_options *options, struct source **out, struct error *error)
{
	struct stat st;

	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		close(fd);
		return error_set(error, EXIT_IO, "%s: cannot be opened: %s", name, source_reason(EISDIR));
	}
	return file_open(fd, name, options, out, error);
}
