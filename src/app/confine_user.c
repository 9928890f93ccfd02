#include "app/confine_parts.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534, CAPABILITIES_MAX = 64 };

/* A user whose group is root's gets the one of nobody. */
static void set_user(struct confine_user *u, const char *name, uid_t uid, gid_t gid)
{
	snprintf(u->name, sizeof u->name, "%s", name);
	u->uid = uid;
	u->gid = gid ? gid : NOBODY;
}

static void choose_nobody(struct confine_user *u)
{
	const struct passwd *p = getpwnam("nobody");

	u->is_nobody = true;
	if (p && p->pw_uid)
		set_user(u, p->pw_name, p->pw_uid, p->pw_gid);
	else
		set_user(u, "nobody", NOBODY, NOBODY);
}

static void choose_owner(struct confine_user *u, const struct stat *folder)
{
	const struct passwd *p = getpwuid(folder->st_uid);
	char number[32];

	snprintf(number, sizeof number, "%lu", (unsigned long)folder->st_uid);
	set_user(u, p ? p->pw_name : number, folder->st_uid, p ? p->pw_gid : folder->st_gid);
}

static bool choose_wanted(struct confine_user *u, const char *name, struct error *error)
{
	const struct passwd *p = getpwnam(name);

	if (!p)
		return error_set(error, EXIT_USAGE, "there is no user '%s': name one of this machine with -Z", name);
	if (!p->pw_uid)
		return error_set(error, EXIT_USAGE, "-Z is for a user without root's power: name another one than '%s'", name);
	set_user(u, p->pw_name, p->pw_uid, p->pw_gid);
	return true;
}

bool confine_user_choose(struct confine_user *u, const char *wanted, const struct stat *folder, struct error *error)
{
	*u = (struct confine_user){ .change = !geteuid() };
	if (!u->change && wanted)
		return error_set(error, EXIT_PERMISSION, "only root can become '%s': leave -Z out, or run as root", wanted);
	if (!u->change)
		return true;
	if (wanted)
		return choose_wanted(u, wanted, error);
	if (folder->st_uid)
		choose_owner(u, folder);
	else
		choose_nobody(u);
	return true;
}

static bool cannot(const char *what, struct error *error)
{
	return error_set(error, EXIT_PERMISSION, "the sandbox cannot be put in place: %s: %s: --insecure-no-sandbox goes without it", what,
		strerror(errno));
}

/* What a program that is started later could get; without CAP_SETPCAP it stays, and no_new_privs makes it useless. */
static void clear_bounds(uint64_t kept)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned i = 0; i < CAPABILITIES_MAX && prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(kept >> i & 1))
			prctl(PR_CAPBSET_DROP, i);
}

static int set_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)kept, .permitted = (uint32_t)kept },
		{ .effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

/* That it is so, not only that nobody objected. */
static bool has_changed(const struct confine_user *u)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return !getresuid(&r, &e, &s) && r == u->uid && e == u->uid && s == u->uid && !getresgid(&rg, &eg, &sg) && rg == u->gid &&
		eg == u->gid && sg == u->gid && !getgroups(0, NULL);
}

bool confine_user_become(const struct confine_user *u, uint64_t capabilities, struct error *error)
{
	clear_bounds(u->change ? capabilities : 0);
	if (u->change) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setresgid(u->gid, u->gid, u->gid) ||
			setresuid(u->uid, u->uid, u->uid))
			return cannot("the user cannot be changed", error);
		if (!has_changed(u))
			return cannot("the user did not change", error);
	}
	if (set_capabilities(u->change ? capabilities : 0))
		return cannot("capabilities cannot be given up", error);
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	if (u->change && !capabilities && !setresuid((uid_t)-1, 0, (uid_t)-1))
		return cannot("root's power came back", error);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return cannot("this kernel is too old", error);
	return true;
}
