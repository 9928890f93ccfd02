#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xmalloc.h"
#include "source/ops.h"

/* Beside a block there is room for the beginning of the packet that the block before ended in. */
enum { ROOM_FIRST = INPUT_BLOCK_LEN + 64 * 1024, MAGIC_LEN = 4 };

void input_init(struct input *in, int fd)
{
	struct stat st;

	*in = (struct input){ .fd = fd, .room = ROOM_FIRST, .at = xmalloc(ROOM_FIRST), .between = CODEC_BETWEEN };
	in->left = reader_of((struct bytes){ in->at, 0 });
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		in->size = (uint64_t)st.st_size;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void input_finish(struct input *in)
{
	if (in->codec_state)
		in->codec->destroy(in->codec_state);
	free(in->packed_at);
	free(in->at);
	if (in->at)
		close(in->fd);
	*in = (struct input){ 0 };
}

/* read(2) with its answers told apart; *len is the room, then what came. */
static enum input_state read_some(struct input *in, uint8_t *at, size_t *len)
{
	ssize_t got = read(in->fd, at, *len);

	while (got < 0 && errno == EAGAIN) {
		struct pollfd wait = { .fd = in->fd, .events = POLLIN };

		if (poll(&wait, 1, -1) < 0)
			break;
		got = read(in->fd, at, *len);
	}
	*len = got > 0 ? (size_t)got : 0;
	in->taken += *len;
	if (got > 0)
		return INPUT_READY;
	if (got < 0 && errno == EINTR)
		return INPUT_INTERRUPTED;
	in->ended = true;
	if (!got)
		return INPUT_END;
	snprintf(in->problem, sizeof in->problem, "cannot be read at byte %" PRIu64 ": %s", in->taken,
		source_reason(errno));
	return INPUT_FAILED;
}

static enum input_state packed_failed(struct input *in, const char *what)
{
	in->ended = true;
	in->more_inside = false;
	snprintf(in->problem, sizeof in->problem, "the %s data %s at byte %" PRIu64
		": what came before was read; get a fresh copy of the file", in->codec->name, what,
		in->taken - rd_left(&in->packed));
	return INPUT_FAILED;
}

static enum input_state refill_packed(struct input *in)
{
	size_t len = INPUT_BLOCK_LEN;
	enum input_state state = in->ended ? INPUT_END : read_some(in, in->packed_at, &len);

	if (state == INPUT_END && in->between != CODEC_BETWEEN)
		return packed_failed(in, "ends early");
	if (state == INPUT_READY)
		in->packed = reader_of((struct bytes){ in->packed_at, len });
	return state;
}

static enum input_state unpack_some(struct input *in, uint8_t *at, size_t *len)
{
	size_t room = *len;

	if (in->problem[0])
		return INPUT_FAILED;
	for (*len = 0; !*len;) {
		if (!in->more_inside && !rd_more(&in->packed)) {
			enum input_state state = refill_packed(in);
			if (state != INPUT_READY)
				return state;
		}
		*len = room;
		in->between = in->codec->step(in->codec_state, &in->packed, at, len);
		in->more_inside = in->between == CODEC_INSIDE && *len == room;
		if (in->between == CODEC_BAD) {
			(void)packed_failed(in, "is damaged");
			return *len ? INPUT_READY : INPUT_FAILED;
		}
	}
	return INPUT_READY;
}

/* What is unread goes to the front of the buffer, which grows where `need` asks for it. */
static void make_room(struct input *in, size_t need)
{
	struct bytes unread = rd_peek(&in->left);

	if (unread.len)
		memmove(in->at, unread.at, unread.len);
	if (in->room < need + INPUT_BLOCK_LEN) {
		in->room = need + INPUT_BLOCK_LEN;
		in->at = xrealloc(in->at, in->room);
	}
	in->left = reader_of((struct bytes){ in->at, unread.len });
}

enum input_state input_fill(struct input *in, size_t need)
{
	if (rd_left(&in->left) >= need)
		return INPUT_READY;
	make_room(in, need);
	for (size_t have = rd_left(&in->left); have < need;) {
		size_t len = in->room - have < INPUT_BLOCK_LEN ? in->room - have : INPUT_BLOCK_LEN;
		enum input_state state = in->codec ? unpack_some(in, in->at + have, &len)
			: in->ended ? (in->problem[0] ? INPUT_FAILED : INPUT_END) : read_some(in, in->at + have, &len);

		if (state != INPUT_READY)
			return state;
		have += len;
		in->given += len;
		in->left = reader_of((struct bytes){ in->at, have });
	}
	return INPUT_READY;
}

enum input_state input_unpack(struct input *in)
{
	enum input_state state = input_fill(in, MAGIC_LEN);

	if (state == INPUT_INTERRUPTED || state == INPUT_FAILED)
		return state;
	in->codec = codec_of(rd_peek(&in->left));
	if (!in->codec)
		return state;
	in->codec_state = in->codec->create();
	in->packed_at = in->at;
	in->packed = in->left;
	in->at = xmalloc(in->room);
	in->left = reader_of((struct bytes){ in->at, 0 });
	in->given = 0;
	if (!in->codec_state)
		return packed_failed(in, "cannot be unpacked");
	return input_fill(in, MAGIC_LEN);
}
