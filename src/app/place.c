#include "app/place.h"

#include "base/buffer.h"
#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *copy(const char *text, size_t len)
{
	char *to = xmalloc(len + 1);

	memcpy(to, text, len);
	to[len] = 0;
	return to;
}

static bool cannot(const char *path, const char *why, struct error *error)
{
	return error_set(error, EXIT_IO, "cannot open '%s': %s", path, why);
}

static bool is_open_to_all(const struct stat *folder)
{
	return folder->st_mode & S_IWOTH && !(folder->st_mode & S_ISVTX);
}

bool place_find(struct place *p, const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *folder = slash ? copy(path, slash == path ? 1 : (size_t)(slash - path)) : copy(".", 1);

	*p = (struct place){ .path = path, .folder = realpath(folder, NULL) };
	free(folder);
	if (!p->folder || stat(p->folder, &p->stat))
		(void)cannot(path, strerror(errno), error);
	else if (!*name)
		(void)cannot(path, "is a folder: name the file in it", error);
	else if (is_open_to_all(&p->stat))
		(void)error_set(error, EXIT_IO, "cannot open '%s': everybody can write to '%s', which has no sticky bit: name a file in "
			"a folder of your own, or 'chmod +t' that one", path, p->folder);
	else {
		p->name = copy(name, strlen(name));
		return true;
	}
	place_finish(p);
	return false;
}

void place_finish(struct place *p)
{
	if (!p)
		return;
	free(p->folder);
	free(p->name);
	*p = (struct place){ 0 };
}

/* In a folder that all may write to, a stranger may have put a database there for us to fill. */
static bool is_strangers(const struct place *p, const struct stat *file, uid_t owner)
{
	return p->stat.st_mode & S_IWOTH && file->st_uid && file->st_uid != owner && file->st_uid != geteuid();
}

static bool check_existing(const struct place *p, const struct stat *file, uid_t owner, struct error *error)
{
	if (S_ISLNK(file->st_mode))
		return cannot(p->path, "is a symbolic link: name the file that it leads to", error);
	if (S_ISDIR(file->st_mode))
		return cannot(p->path, "is a folder: name the file in it", error);
	if (!S_ISREG(file->st_mode))
		return cannot(p->path, "is not a file", error);
	if (is_strangers(p, file, owner))
		return cannot(p->path, "belongs to another user, and everybody can write to its folder: name another file", error);
	return true;
}

bool place_make(const struct place *p, uid_t owner, gid_t group, struct error *error)
{
	int folder = open(p->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat file;
	bool done = false;

	if (folder < 0)
		return cannot(p->path, strerror(errno), error);
	if (!fstatat(folder, p->name, &file, AT_SYMLINK_NOFOLLOW)) {
		done = check_existing(p, &file, owner, error);
	} else {
		int fd = openat(folder, p->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

		done = fd >= 0 && (geteuid() || !fchown(fd, owner, group));
		if (!done)
			(void)cannot(p->path, strerror(errno), error);
		if (fd >= 0)
			close(fd);
	}
	close(folder);
	return done;
}
