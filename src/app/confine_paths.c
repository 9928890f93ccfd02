#include "app/confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* https://docs.kernel.org/userspace-api/landlock.html. What the kernel knows is asked when we run, so what is younger
 * than this machine's headers has its number here. */
enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NETWORK = 4,
	ABI_DEVICES = 5,
	ABI_SCOPES = 6,
};

#define ACCESS_FIRST ((UINT64_C(1) << 13) - 1)	/* all of the first version */
#define ACCESS_REFER (UINT64_C(1) << 13)
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL_DEVICE (UINT64_C(1) << 15)
#define NETWORK_BIND_AND_CONNECT UINT64_C(3)
#define SCOPE_SOCKETS_AND_SIGNALS UINT64_C(3)

/* The kernel takes as much of it as it knows. */
struct ruleset {
	uint64_t files, networks, scopes;
};

static struct ruleset denied_by(long abi)
{
	return (struct ruleset){
		.files = ACCESS_FIRST | (abi >= ABI_REFER ? ACCESS_REFER : 0) | (abi >= ABI_TRUNCATE ? ACCESS_TRUNCATE : 0) |
			(abi >= ABI_DEVICES ? ACCESS_IOCTL_DEVICE : 0),
		.networks = abi >= ABI_NETWORK ? NETWORK_BIND_AND_CONNECT : 0,
		.scopes = abi >= ABI_SCOPES ? SCOPE_SOCKETS_AND_SIGNALS : 0,
	};
}

static size_t size_of_ruleset(long abi)
{
	return abi >= ABI_SCOPES ? sizeof(struct ruleset) : abi >= ABI_NETWORK ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

/* A path that is not there needs no rule, nor does a pipe that was handed down: it lies in no folder. */
static bool allow(int ruleset, const char *path, bool folder, uint64_t access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) || S_ISDIR(st.st_mode) != folder)
		return !close(fd);
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
	long status = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int why = errno;
	close(fd);
	errno = why;
	return !status || why == EBADFD;
}

static bool allow_all(int ruleset, const struct confine_paths *allowed, uint64_t denied)
{
	const uint64_t write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | ACCESS_TRUNCATE;
	bool done = true;

	for (size_t i = 0; done && i < allowed->readable_count; i++)
		done = allow(ruleset, allowed->readable[i], false, LANDLOCK_ACCESS_FS_READ_FILE);
	if (done && allowed->folder_read)
		done = allow(ruleset, allowed->folder_read, true, LANDLOCK_ACCESS_FS_READ_FILE);
	if (done && allowed->folder_written)
		done = allow(ruleset, allowed->folder_written, true, write & denied);
	return done;
}

static bool cannot(struct error *error)
{
	const char *why = errno == ENOSYS ? "this kernel has no Landlock (5.13 is the first that has it)"
		: errno == EOPNOTSUPP	  ? "Landlock is switched off in this kernel"
					  : strerror(errno);

	return error_set(error, EXIT_PERMISSION, "the sandbox cannot be put in place: %s: --insecure-no-sandbox goes without it", why);
}

bool confine_paths(const struct confine_paths *allowed, struct error *error)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return cannot(error);
	struct ruleset denied = denied_by(abi);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &denied, size_of_ruleset(abi), 0);
	if (ruleset < 0)
		return cannot(error);
	bool done = allow_all(ruleset, allowed, denied.files) && !syscall(SYS_landlock_restrict_self, ruleset, 0);
	int why = errno;
	close(ruleset);
	errno = why;
	return done || cannot(error);
}
