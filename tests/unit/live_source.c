#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "source/source.h"

/* Two ends of one wire, in a network of the test's own: what is sent into `sent` arrives at `heard`. */
enum { WAIT_MS = 10000, STEP_MS = 50, BATCH = 64 };

static const struct source_options small_ring = { .buffer_kib = 2048 };

static bool run(const char *command)
{
	return system(command) == 0;
}

static bool lay_wire(void)
{
	return run("ip link add heard type veth peer name sent && ip link set heard up && ip link set sent up");
}

/* IPv6 would send frames of its own. */
static bool set_up(void)
{
	return !geteuid() && !unshare(CLONE_NEWNET) && run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
		&& lay_wire();
}

/* Ethernet frames of a local experimental type (IEEE 802), each with its number in the payload. */
static void send_frames(uint16_t type, uint32_t count)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("sent"), .sll_halen = 6 };
	uint8_t frame[300] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (uint8_t)(type >> 8), (uint8_t)type };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(frame + 14, &i, sizeof i);
		assert_int_equal(sendto(fd, frame, 60 + i % 200, 0, (void *)&to, sizeof to), 60 + i % 200);
	}
	close(fd);
}

static struct source *listen_on(const char *name, const struct source_options *options)
{
	struct source *s = NULL;
	struct error error;

	if (!source_open_interface(name, options, &s, &error))
		fail_msg("%s", error.text);
	return s;
}

static void wait_readable(struct source *s)
{
	struct pollfd wait = { .fd = source_fd(s), .events = POLLIN };

	poll(&wait, 1, STEP_MS);
}

/* Reads until `count` frames of the type were seen in their order, or time is up; how many there were. */
static uint32_t hear(struct source *s, uint16_t type, uint32_t count)
{
	struct packet batch[BATCH];
	enum source_state state;
	uint32_t heard = 0;

	for (int waited = 0; heard < count && waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		for (size_t got; (got = source_read(s, batch, BATCH, &state));) {
			for (size_t i = 0; i < got; i++) {
				struct reader r = reader_of(batch[i].data);
				uint32_t number = heard;

				rd_skip(&r, 12);
				if (rd_u16(&r) != type)
					continue;
				assert_int_equal(rd_u32_le(&r), number);
				assert_int_equal(batch[i].data.len, 60 + number % 200);
				assert_int_equal(batch[i].wire_len, 60 + number % 200);
				heard++;
			}
		}
	}
	return heard;
}

/* Reads until the state comes; false where it does not. */
static bool wait_for(struct source *s, enum source_state wanted)
{
	struct packet batch[BATCH];
	enum source_state state;

	for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		(void)source_read(s, batch, BATCH, &state);
		if (state == wanted)
			return true;
	}
	return false;
}

static void every_frame_on_the_wire_is_heard_in_order(void **state)
{
	enum { FRAMES = 500, ROUNDS = 20 };
	struct source *s = listen_on("heard", &(struct source_options){ 0 });
	struct source_stats stats;

	(void)state;
	assert_true(source_fd(s) >= 0);
	for (int round = 0; round < ROUNDS; round++) {
		send_frames(0x88b5, FRAMES);
		assert_int_equal(hear(s, 0x88b5, FRAMES), FRAMES);
	}
	assert_string_equal(source_link_types(s), "EN10MB");
	source_stats(s, &stats);
	assert_true(stats.drops_known);
	assert_int_equal(stats.kernel_drops, 0);
	source_close(s);
}

static void a_frame_brings_its_time_and_number(void **state)
{
	struct source *s = listen_on("heard", &small_ring);
	struct packet batch[BATCH];
	enum source_state end;
	struct timespec before, after;
	size_t count = 0;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &before);
	send_frames(0x88b5, 2);
	for (int waited = 0; count < 2 && waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		count += source_read(s, batch, 1, &end);
		assert_true(batch[0].number == count || !count);
	}
	clock_gettime(CLOCK_REALTIME, &after);
	assert_int_equal(count, 2);
	assert_true(batch[0].time_ns / 1000000000 >= before.tv_sec);
	assert_true(batch[0].time_ns / 1000000000 <= after.tv_sec);
	assert_int_equal(batch[0].link_type, 1);
	source_close(s);
}

static void the_filter_and_the_snap_length_are_the_kernels(void **state)
{
	struct source_options options = { .filter = "ether proto 0x88b6", .snaplen = 40, .buffer_kib = 2048 };
	struct source *s = listen_on("heard", &options);
	struct packet batch[BATCH];
	enum source_state end;
	size_t count = 0;

	(void)state;
	send_frames(0x88b5, 1);
	send_frames(0x88b6, 1);
	for (int waited = 0; !count && waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		count = source_read(s, batch, BATCH, &end);
	}
	assert_int_equal(count, 1);
	assert_int_equal(batch[0].number, 1);
	assert_int_equal(batch[0].data.len, 40);
	assert_int_equal(batch[0].wire_len, 60);
	source_close(s);
}

static void any_hears_all_interfaces(void **state)
{
	struct source *s = listen_on("any", &small_ring);
	struct packet p;
	enum source_state end;
	uint32_t heard = 0;

	(void)state;
	assert_string_equal(source_link_types(s), "LINUX_SLL");
	send_frames(0x88b5, 1);
	for (int waited = 0; heard < 2 && waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		while (source_read(s, &p, 1, &end)) {
			struct reader r = reader_of(p.data);

			rd_skip(&r, 14);	/* to the protocol of a cooked header */
			heard += rd_u16(&r) == 0x88b5;
			assert_int_equal(p.link_type, 113);
		}
	}
	assert_int_equal(heard, 2);	/* once where it left, once where it arrived */
	source_close(s);
}

static void what_a_full_ring_loses_is_counted(void **state)
{
	enum { FRAMES = 60000 };
	struct source *s = listen_on("heard", &(struct source_options){ .buffer_kib = 512 });
	struct packet batch[BATCH];
	struct source_stats stats = { 0 };
	enum source_state end;
	uint64_t last = 0;

	(void)state;
	send_frames(0x88b5, FRAMES);
	for (int waited = 0; !stats.kernel_drops && waited < WAIT_MS; waited += STEP_MS) {
		wait_readable(s);
		for (size_t got; (got = source_read(s, batch, BATCH, &end));)
			last = batch[got - 1].number;
		source_stats(s, &stats);
	}
	assert_true(stats.kernel_drops > 0);
	assert_in_range(last + stats.kernel_drops, FRAMES / 2, FRAMES);
	source_close(s);
}

/* A link that was just set up carries nothing until the kernel has noticed: frames of a type of their own are sent until one is heard. */
static bool wire_carries(struct source *s)
{
	struct packet batch[BATCH];
	enum source_state state;

	for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
		send_frames(0x88b6, 1);
		wait_readable(s);
		for (size_t got; (got = source_read(s, batch, BATCH, &state));) {
			for (size_t i = 0; i < got; i++) {
				struct reader r = reader_of(batch[i].data);

				rd_skip(&r, 12);
				if (rd_u16(&r) == 0x88b6)
					return true;
			}
		}
	}
	return false;
}

static void an_interface_that_goes_down_is_waited_for(void **state)
{
	struct source *s = listen_on("heard", &small_ring);

	(void)state;
	assert_true(run("ip link set heard down"));
	assert_true(wait_for(s, SOURCE_DOWN));
	assert_string_equal(source_error(s), "heard: the interface is down: waiting for it to come back");
	assert_true(wait_for(s, SOURCE_MORE));
	assert_true(run("ip link set heard up"));
	assert_true(wire_carries(s));
	send_frames(0x88b5, 10);
	assert_int_equal(hear(s, 0x88b5, 10), 10);
	source_close(s);
}

static void an_interface_that_goes_away_is_waited_for(void **state)
{
	struct source *s = listen_on("heard", &small_ring);

	(void)state;
	send_frames(0x88b5, 5);
	assert_int_equal(hear(s, 0x88b5, 5), 5);
	assert_true(run("ip link del heard"));
	assert_true(wait_for(s, SOURCE_DOWN));
	assert_ptr_equal(strstr(source_error(s), "heard: the interface "), source_error(s));
	for (int i = 0; i < 20 && source_fd(s) >= 0; i++)
		assert_true(wait_for(s, SOURCE_MORE));
	assert_int_equal(source_fd(s), -1);
	assert_true(lay_wire());
	for (int waited = 0; source_fd(s) < 0 && waited < WAIT_MS; waited += STEP_MS)
		assert_true(wait_for(s, SOURCE_MORE));
	assert_true(wire_carries(s));
	send_frames(0x88b5, 10);
	assert_int_equal(hear(s, 0x88b5, 10), 10);
	source_close(s);
}

static void what_cannot_be_heard_says_why(void **state)
{
	struct source *s = NULL;
	struct error error;

	(void)state;
	assert_false(source_open_interface("nowhere0", &small_ring, &s, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_string_equal(error.text, "nowhere0: no such interface: '-D' lists those there are");
	assert_true(run("ip link set sent down"));
	assert_false(source_open_interface("sent", &small_ring, &s, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_string_equal(error.text, "sent: the interface is down: bring it up with 'ip link set sent up'");
	assert_true(run("ip link set sent up"));
	assert_false(source_open_interface("heard", &(struct source_options){ .filter = "tcp prot" }, &s, &error));
	assert_int_equal(error.status, EXIT_USAGE);
	assert_null(s);
}

static void note_heard(void *context, const char *name, const char *description)
{
	(void)description;
	if (!strcmp(name, "heard"))
		*(bool *)context = true;
}

static void interfaces_are_listed(void **state)
{
	bool found = false;
	struct error error;

	(void)state;
	assert_true(source_list_interfaces(note_heard, &found, &error));
	assert_true(found);
}

/* Last: there is no way back. */
static void without_permission_it_says_what_to_do(void **state)
{
	struct source *s = NULL;
	struct error error;

	(void)state;
	assert_int_equal(setuid(65534), 0);
	assert_false(source_open_interface("heard", &small_ring, &s, &error));
	assert_int_equal(error.status, EXIT_PERMISSION);
	assert_string_equal(error.text, "heard: no permission to capture: run as root or with the capability CAP_NET_RAW");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_on_the_wire_is_heard_in_order),
		cmocka_unit_test(a_frame_brings_its_time_and_number),
		cmocka_unit_test(the_filter_and_the_snap_length_are_the_kernels),
		cmocka_unit_test(any_hears_all_interfaces),
		cmocka_unit_test(what_a_full_ring_loses_is_counted),
		cmocka_unit_test(an_interface_that_goes_down_is_waited_for),
		cmocka_unit_test(an_interface_that_goes_away_is_waited_for),
		cmocka_unit_test(what_cannot_be_heard_says_why),
		cmocka_unit_test(interfaces_are_listed),
		cmocka_unit_test(without_permission_it_says_what_to_do),
	};

	if (!set_up()) {
		printf("1..0 # SKIP needs root, a network namespace and the program 'ip'\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
