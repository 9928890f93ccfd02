#include "app/confine_parts.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What both processes and every library under them may do, with any arguments: nothing here opens or
 * changes a file by its name, or reaches a process or an address. A call that a new piece of code needs is a word here; tests/safety shows what the list has to be
 * enough for. */
static const char *const harmless[] = {
	/* memory */ "brk", "munmap", "mremap", "madvise",
	/* descriptors that are open */ "read", "readv", "write", "writev", "pread64", "pwrite64", "lseek", "_llseek", "close", "fstat", "fstat64",
	"newfstatat", "fstatat64", "statx", "fcntl", "fcntl64", "fsync", "fdatasync", "ftruncate", "ftruncate64", "fallocate", "fadvise64",
	"fchmod", "fstatfs", "fstatfs64", "getdents64", "poll", "ppoll",
	/* threads */ "futex", "futex_time64", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "membarrier", "gettid", "exit",
	/* this process */ "getpid", "getuid", "geteuid", "getgid", "getegid", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn",
	"restart_syscall", "getrusage",
	/* time and chance */ "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "clock_nanosleep_time64", "nanosleep",
	"gettimeofday", "time", "getrandom",
	/* the machine */ "uname", "sysinfo",
	/* names, which SQLite makes absolute */ "getcwd", "readlink", "readlinkat",
};

/* What libraries try, and go on without. glibc's malloc opens a file of /proc when it gives memory back, libgcrypt asks
 * for the machine's mode, an unlink and an open by path are the porter's. clone3's arguments lie in memory, where no
 * filter can look; glibc then takes clone. */
static const struct refused {
	const char *name;
	int error;
} refused[] = {
	{ "open", EACCES }, { "openat", EACCES }, { "access", EACCES }, { "faccessat", EACCES }, { "faccessat2", EACCES },
	{ "unlink", EACCES }, { "unlinkat", EACCES },
	{ "socket", EACCES }, { "clone3", ENOSYS },
};

static struct scmp_arg_cmp equals(unsigned place, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = place, .op = SCMP_CMP_EQ, .datum_a = value };
}

static struct scmp_arg_cmp has_bits(unsigned place, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = place, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
}

/* A call that this machine does not have is none that anybody could make. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count, const struct scmp_arg_cmp *arguments)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call == __NR_SCMP_ERROR || call < 0)
		return 0;
	return seccomp_rule_add_array(filter, action, call, count, arguments);
}

static int allow(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp argument)
{
	return add(filter, SCMP_ACT_ALLOW, name, 1, &argument);
}

static int add_harmless(scmp_filter_ctx filter)
{
	int why = 0;

	for (size_t i = 0; !why && i < sizeof harmless / sizeof *harmless; i++)
		why = add(filter, SCMP_ACT_ALLOW, harmless[i], 0, NULL);
	return why;
}

/* Nothing that is executed comes from memory that was written. */
static int add_memory(scmp_filter_ctx filter)
{
	static const char *const calls[] = { "mmap", "mmap2", "mprotect" };
	int why = 0;

	for (size_t i = 0; !why && i < sizeof calls / sizeof *calls; i++)
		why = allow(filter, calls[i], has_bits(2, PROT_EXEC, 0));
	return why;
}

static int add_refused(scmp_filter_ctx filter)
{
	int why = 0;

	for (size_t i = 0; !why && i < sizeof refused / sizeof *refused; i++)
		why = add(filter, SCMP_ACT_ERRNO((uint16_t)refused[i].error), refused[i].name, 0, NULL);
	return why;
}

/* A thread shares everything with those that there are; a process would not, nor may it get namespaces of its own. */
static int add_threads(scmp_filter_ctx filter)
{
	const scmp_datum_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	const scmp_datum_t other = CLONE_VFORK | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
		CLONE_NEWNET;
	int why = allow(filter, "clone", has_bits(0, thread | other, thread));

	/* abort() */
	if (!why)
		why = allow(filter, "tgkill", equals(0, (scmp_datum_t)getpid()));
	/* A limit may be asked for, not set. */
	if (!why)
		why = allow(filter, "prlimit64", equals(2, 0));
	if (!why)
		why = allow(filter, "prctl", equals(0, PR_SET_NAME));
	return why;
}

/* A width of a terminal, the state and the number of an interface. */
static int add_ioctls(scmp_filter_ctx filter)
{
	static const scmp_datum_t requests[] = { TCGETS, TIOCGWINSZ, SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFHWADDR };
	int why = 0;

	for (size_t i = 0; !why && i < sizeof requests / sizeof *requests; i++)
		why = allow(filter, "ioctl", equals(1, requests[i]));
	return why;
}

/* An interface that comes back has another number: its socket is bound to that one. The socket can be nothing but a
 * packet socket, and without CAP_NET_RAW there will be no other. */
static int add_packet_sockets(scmp_filter_ctx filter, const int *sockets, size_t count)
{
	static const char *const calls[] = { "bind", "getsockname", "getsockopt", "recvfrom", "recvmsg" };
	int why = 0;

	for (size_t i = 0; !why && i < count; i++) {
		struct scmp_arg_cmp this = equals(0, (scmp_datum_t)sockets[i]);
		struct scmp_arg_cmp option[] = { this, equals(1, SOL_PACKET) };

		for (size_t k = 0; !why && k < sizeof calls / sizeof *calls; k++)
			why = allow(filter, calls[k], this);
		if (!why)
			why = add(filter, SCMP_ACT_ALLOW, "setsockopt", 2, option);
	}
	return why;
}

static int add_messages(scmp_filter_ctx filter, int socket)
{
	struct scmp_arg_cmp this = equals(0, (scmp_datum_t)socket);
	int why = allow(filter, "sendmsg", this);

	return why ? why : allow(filter, "recvmsg", this);
}

static bool cannot(int why, struct error *error)
{
	return error_set(error, EXIT_PERMISSION, "the sandbox cannot be put in place: this kernel does not filter system calls: %s: "
		"--insecure-no-sandbox goes without it", strerror(why < 0 ? -why : why));
}

/* Another machine's calls, of 32 bits, kill too: that is libseccomp's way where it is not told otherwise, but for the
 * word it uses. */
static scmp_filter_ctx begin(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (!filter)
		return NULL;
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return filter;
}

static bool load(scmp_filter_ctx filter, int why, struct error *error)
{
	if (!why)
		why = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!why)
		why = seccomp_load(filter);
	seccomp_release(filter);
	return !why || cannot(why, error);
}

/* What both processes need. */
static int add_common(scmp_filter_ctx filter)
{
	int why = filter ? add_harmless(filter) : ENOMEM;

	return why ? why : add_memory(filter);
}

bool confine_calls(const int *packet_sockets, size_t count, int porter, struct error *error)
{
	scmp_filter_ctx filter = begin();
	int why = add_common(filter);

	if (!why)
		why = add_refused(filter);
	if (!why)
		why = add_threads(filter);
	if (!why)
		why = add_ioctls(filter);
	if (!why)
		why = add_packet_sockets(filter, packet_sockets, count);
	if (!why)
		why = add_messages(filter, porter);
	return load(filter, why, error);
}

bool confine_calls_of_porter(int requests, struct error *error)
{
	static const char *const more[] = { "open", "openat", "unlinkat" };
	scmp_filter_ctx filter = begin();
	int why = add_common(filter);

	for (size_t i = 0; !why && i < sizeof more / sizeof *more; i++)
		why = add(filter, SCMP_ACT_ALLOW, more[i], 0, NULL);
	if (!why)
		why = add_messages(filter, requests);
	return load(filter, why, error);
}
