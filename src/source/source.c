#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "base/xmalloc.h"
#include "source/ops.h"

void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

void source_finish(struct source *s)
{
	link_names_finish(&s->links);
	buffer_finish(&s->trouble);
}

size_t source_read(struct source *s, struct packet *out, size_t max, enum source_state *state)
{
	return s->ops->read(s, out, max, state);
}

const char *source_error(const struct source *s)
{
	return s->trouble.len ? (const char *)s->trouble.at : NULL;
}

void source_progress(const struct source *s, uint64_t *read, uint64_t *size)
{
	*read = *size = 0;
	if (s->ops->progress)
		s->ops->progress(s, read, size);
}

int source_fd(const struct source *s)
{
	return s->ops->fd ? s->ops->fd(s) : -1;
}

void source_stats(struct source *s, struct source_stats *out)
{
	*out = (struct source_stats){ 0 };
	if (s->ops->stats)
		s->ops->stats(s, out);
}

const char *source_link_types(const struct source *s)
{
	return link_names_text(&s->links);
}

bool source_next_secrets(struct source *s, struct bytes *out)
{
	return s->ops->next_secrets && s->ops->next_secrets(s, out);
}

char *source_copy_text(const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(xmalloc(len), text, len);
}

const char *source_reason(int error_number)
{
	static const struct { int number; const char *text; } reasons[] = {
		{ ENOENT, "no such file" },
		{ EIO, "the disk cannot read it: look at the kernel's log" },
		{ ENXIO, "no such device" },
		{ EACCES, "no permission to read it: run as its owner or as root" },
		{ ENOTDIR, "a part of its path is not a folder" },
		{ EISDIR, "a folder: name the capture files in it" },
		{ EMFILE, "too many open files: raise the limit with 'ulimit -n'" },
		{ ENAMETOOLONG, "the name is too long" },
		{ ELOOP, "too many symbolic links" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].number == error_number)
			return reasons[i].text;
	const char *text = strerrordesc_np(error_number);
	return text ? text : "an unknown error";
}
