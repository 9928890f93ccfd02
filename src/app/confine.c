#include "app/confine.h"

#include "app/command.h"
#include "app/confine_parts.h"
#include "app/message.h"
#include "app/place.h"
#include "app/porter.h"
#include "base/buffer.h"
#include "base/xmalloc.h"
#include "sinks/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Sanitizers and the counting of lines look into their own process, start others and write files when a program ends:
 * no wall leaves them room. */
#ifdef OVERHEAR_INSTRUMENTED
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

enum { FILES_MAX = 256, FILES_BESIDE_SOCKETS = 64, FILES_EACH_SOCKET = 4 };
#define BIT(capability) (UINT64_C(1) << (capability))

static struct {
	bool off;
	struct confine_user user;
	struct place place;
	const char *path;		/* of the database, with its fields */
	const char **readable;
	size_t readable_count;
	struct buffer keylog_folder;
} plan;

/* ---- what is chosen ---- */

static bool is_rotated(const struct place *p)
{
	return strchr(p->name, '%') != NULL;
}

/* Each hour or day a file is made there, when root's power is long gone. */
static bool check_rotation(const struct rotation *database, struct error *error)
{
	const struct stat *folder = &plan.place.stat;
	bool own = folder->st_uid == plan.user.uid && folder->st_mode & S_IWUSR;
	bool group = folder->st_gid == plan.user.gid && folder->st_mode & S_IWGRP;

	if (!database->has_fields || !plan.user.change || own || group || folder->st_mode & S_IWOTH)
		return true;
	return error_set(error, EXIT_IO, "new files cannot be made in '%s' by '%s', who runs this after its start: choose a folder of that "
		"user's, or its owner with -Z", plan.place.folder, plan.user.name);
}

/* The operands of read, and the key log. */
static void list_readable(const struct options *o)
{
	bool files = o->command && o->command->bit == COMMAND_READ;

	plan.readable = xcalloc(o->operand_count + 1, sizeof *plan.readable);
	for (size_t i = 0; files && i < o->operand_count; i++)
		plan.readable[plan.readable_count++] = o->operands[i];
	if (!o->keylog)
		return;
	plan.readable[plan.readable_count++] = o->keylog;
	/* It may be replaced by another, or come later. */
	const char *slash = strrchr(o->keylog, '/');
	if (slash)
		buffer_add(&plan.keylog_folder, (const uint8_t *)o->keylog, (size_t)(slash - o->keylog) + 1);
	else
		buffer_add_text(&plan.keylog_folder, ".");
}

/* ---- the porter ---- */

/* Root's power over files alone, and only as far as the user's own does not reach. */
static uint64_t capabilities_of_porter(void)
{
	uint64_t kept = plan.readable_count ? BIT(CAP_DAC_READ_SEARCH) : 0;

	if (plan.place.stat.st_uid != plan.user.uid)
		kept |= BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER);
	return kept;
}

static bool confine_porter(void *context, int requests, struct error *error)
{
	struct confine_paths allowed = { .readable = plan.readable, .readable_count = plan.readable_count,
		.folder_read = plan.keylog_folder.len ? buffer_text(&plan.keylog_folder) : NULL, .folder_written = plan.place.folder };

	(void)context;
	if (INSTRUMENTED)
		return true;
	return confine_user_become(&plan.user, capabilities_of_porter(), error) && confine_paths(&allowed, error) &&
		confine_calls_of_porter(requests, error);
}

static bool start_porter(struct error *error)
{
	struct porter_duties duties = { .readable = plan.readable, .readable_count = plan.readable_count, .folder = plan.place.folder,
		.path = plan.path, .confine = confine_porter };

	return porter_start(&duties, error);
}

/* ---- the process ---- */

/* A descriptor that our caller closed would be that of the next file opened, and messages would go there. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void no_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static void say_what_is_off(void)
{
	message("--insecure-no-sandbox: packets are parsed with %s: a flaw in that code gives it away",
		geteuid() ? "all that this user may do" : "all of root's power");
}

static bool make_file(struct error *error)
{
	const struct confine_user *u = &plan.user;
	bool owns = u->change && !u->is_nobody;

	if (is_rotated(&plan.place))
		return true;
	return place_make(&plan.place, owns ? u->uid : geteuid(), owns ? u->gid : getegid(), error);
}

bool confine_begin(const struct options *o, const struct rotation *database, struct error *error)
{
	fill_standard_descriptors();
	umask(S_IRWXG | S_IRWXO);
	no_core();
	tzset();	/* reads a file, which later may not be opened */
	plan.off = o->insecure_no_sandbox;
	plan.path = database->pattern;
	if (!place_find(&plan.place, database->name, error))
		return false;
	if (!confine_user_choose(&plan.user, o->user, &plan.place.stat, error))
		return false;
	if (plan.off || INSTRUMENTED)
		plan.user.change = false;
	if (plan.off)
		say_what_is_off();
	if (!check_rotation(database, error) || !make_file(error))
		return false;
	list_readable(o);
	if (plan.user.change && !o->quiet)
		message("continues as user '%s': -Z names another", plan.user.name);
	return plan.off || start_porter(error);
}

static bool limit_files(size_t sockets, struct error *error)
{
	rlim_t most = FILES_BESIDE_SOCKETS + FILES_EACH_SOCKET * sockets;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set(error, EXIT_PERMISSION, "the limit of open files cannot be read: %s", strerror(errno));
	if (most < FILES_MAX)
		most = FILES_MAX;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	return !setrlimit(RLIMIT_NOFILE, &limit) ||
		error_set(error, EXIT_PERMISSION, "the number of open files cannot be limited: %s", strerror(errno));
}

bool confine_enter(const int *packet_sockets, size_t count, struct error *error)
{
	const struct confine_paths none = { 0 };

	if (plan.off)
		return true;
	sqlite_open_through(porter_open, porter_unlink);
	if (INSTRUMENTED)
		return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return limit_files(count, error) && confine_user_become(&plan.user, 0, error) && confine_paths(&none, error) &&
		confine_calls(packet_sockets, count, porter_fd(), error);
}

void confine_reader(void)
{
	no_core();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
