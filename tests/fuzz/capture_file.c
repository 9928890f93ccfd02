/* capture_file.c: bytes as a capture file: every packet is read and touched, with and without a filter. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { BATCH = 64, PACKETS_MAX = 1000000 };

static uint64_t sum_of(struct bytes b)
{
	struct reader r = reader_of(b);
	uint64_t sum = 0;

	while (rd_more(&r))
		sum += rd_u8(&r);
	return sum;
}

static uint64_t read_all(struct source *s)
{
	struct packet packets[BATCH];
	enum source_state state;
	uint64_t sum = 0;
	size_t total = 0;
	struct bytes secrets;

	do {
		size_t count = source_read(s, packets, BATCH, &state);

		for (size_t i = 0; i < count; i++)
			sum += sum_of(packets[i].data) + (uint64_t)packets[i].time_ns;
		total += count;
	} while (state == SOURCE_MORE && total < PACKETS_MAX);
	while (source_next_secrets(s, &secrets))
		sum += sum_of(secrets);
	if (state == SOURCE_CUT && !source_error(s))
		__builtin_trap();
	return sum + total;
}

static void read_with(const uint8_t *at, size_t len, const struct source_options *options)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct source *s;
	struct error error;
	volatile uint64_t sum;

	if (fd < 0)
		return;
	if (write(fd, at, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return;
	}
	if (!file_open(fd, "capture", options, &s, &error))
		return;
	sum = read_all(s);
	(void)sum;
	source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	read_with(at, len, &(struct source_options){ 0 });
	read_with(at, len, &(struct source_options){ .filter = "tcp", .snaplen = 64 });
	return 0;
}
