#include "app/porter.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LEN_MAX = 255, START_MS_MAX = 30000 };

enum wish { WISH_READ, WISH_OPEN, WISH_UNLINK, WISH_FOLDER };

/* One datagram, the same program at both ends. */
struct request {
	uint32_t wish;
	uint32_t index;			/* of WISH_READ */
	int32_t flags;			/* of WISH_OPEN */
	char name[NAME_LEN_MAX + 1];	/* in the database's folder */
};

/* `error` is 0 or an errno; a descriptor comes along where one was asked for. */
struct reply {
	int32_t error;
};

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static struct {
	struct porter_duties duties;
	int requests;			/* -1: there is no porter */
	pid_t pid;
} porter = { .requests = -1 };
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- what it may ---- */

/* Each field of strftime(3) may stand for anything but a slash. */
static void add_pattern(struct buffer *out, const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '%' && at[1] == '%') {
			buffer_add_text(out, "%");
			at++;
		} else if (*at == '%') {
			at += strspn(at + 1, "_-0^#0123456789EO") + 1;
			buffer_add_text(out, "*");
			if (!*at)
				break;
		} else {
			buffer_add_format(out, "\\%c", *at);
		}
	}
}

bool porter_is_of_database(const char *pattern, const char *name)
{
	static const char *const companions[] = { "", "-wal", "-shm", "-journal" };
	bool is = false;

	for (size_t i = 0; !is && i < sizeof companions / sizeof *companions; i++) {
		struct buffer glob = { 0 };

		add_pattern(&glob, pattern);
		buffer_add_text(&glob, companions[i]);
		is = !fnmatch(buffer_text(&glob), name, FNM_PATHNAME | FNM_PERIOD);
		buffer_finish(&glob);
	}
	return is;
}

/* ---- the other process ---- */

static int grant_open(const struct porter_duties *d, int folder, const struct request *r, int *fd)
{
	int flags = r->flags & (O_ACCMODE | O_CREAT | O_EXCL);

	if (!porter_is_of_database(last_part(d->path), r->name))
		return EACCES;
	*fd = openat(folder, r->name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, S_IRUSR | S_IWUSR);
	return *fd < 0 ? errno : 0;
}

static int grant_read(const char *path, int flags, int *fd)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return EISDIR;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (flags & O_NONBLOCK));
	return *fd < 0 ? errno : 0;
}

static int grant(const struct porter_duties *d, int folder, const struct request *r, int *fd)
{
	switch ((enum wish)r->wish) {
	case WISH_READ:
		if (r->index >= d->readable_count)
			return EACCES;
		return grant_read(d->readable[r->index], r->flags, fd);
	case WISH_OPEN:
		return grant_open(d, folder, r, fd);
	case WISH_UNLINK:
		if (!porter_is_of_database(last_part(d->path), r->name))
			return EACCES;
		return unlinkat(folder, r->name, 0) ? errno : 0;
	case WISH_FOLDER:
		*fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return *fd < 0 ? errno : 0;
	}
	return EACCES;
}

static bool answer(int socket, struct reply reply, int fd)
{
	union control control;
	struct iovec iov = { &reply, sizeof reply };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memset(&control, 0, sizeof control);
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL) == (ssize_t)sizeof reply;
}

/* Ends with the first process, whose end of the socket closes. */
static void serve(const struct porter_duties *d, int folder, int socket)
{
	struct request r;
	bool goes_on = true;

	while (goes_on) {
		struct iovec iov = { &r, sizeof r };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t len = recvmsg(socket, &m, 0);
		int fd = -1;

		if (len < 0 && errno == EINTR)
			continue;
		if (len != (ssize_t)sizeof r)
			break;
		r.name[NAME_LEN_MAX] = 0;
		struct reply reply = { grant(d, folder, &r, &fd) };
		goes_on = answer(socket, reply, fd);
		if (fd >= 0)
			close(fd);
	}
}

/* Signals are for the first process; a terminal and a service manager send them to both. */
static void ignore_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGTSTP, SIGTTOU };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], SIG_IGN);
}

/* A pipe of our caller's ends when we do, not when the porter does. */
static void let_go_of_output(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0)
		return;
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
	close(nothing);
}

static void live(const struct porter_duties *d, int socket)
{
	struct error error = { 0 };
	int folder = open(d->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ignore_signals();
	let_go_of_output();
	prctl(PR_SET_NAME, "overhear-porter");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (folder < 0)
		(void)error_set(&error, EXIT_IO, "cannot open '%s': %s", d->folder, strerror(errno));
	else if (d->confine(d->context, socket, &error)) {
		/* The first answer says that all is well. */
		if (answer(socket, (struct reply){ 0 }, -1))
			serve(d, folder, socket);
		_exit(0);
	}
	ssize_t sent = send(socket, &error, sizeof error, MSG_NOSIGNAL);
	_exit(sent == (ssize_t)sizeof error ? 0 : 1);
}

/* ---- this process ---- */

/* The first message is a reply, or the error that kept the porter from its work. */
static bool await_porter(struct error *error)
{
	struct pollfd first = { .fd = porter.requests, .events = POLLIN };
	struct error why = { 0 };
	ssize_t len;
	int ready;

	do
		ready = poll(&first, 1, START_MS_MAX);
	while (ready < 0 && errno == EINTR);
	if (!ready) {
		/* libseccomp has been seen to go round for ever where memory ends. */
		kill(porter.pid, SIGKILL);
		return error_set(error, EXIT_PERMISSION, "the process that opens files does not get ready: try again with more memory");
	}
	do
		len = recv(porter.requests, &why, sizeof why, 0);
	while (len < 0 && errno == EINTR);
	if (len == (ssize_t)sizeof(struct reply))
		return true;
	if (len == (ssize_t)sizeof why)
		return error_set(error, why.status, "%.*s", (int)sizeof why.text - 1, why.text);
	return error_set(error, EXIT_PERMISSION, "the process that opens files ended at once: see the kernel's log, or go without with "
		"--insecure-no-sandbox");
}

bool porter_start(const struct porter_duties *duties, struct error *error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return error_set(error, EXIT_PERMISSION, "cannot make a socket: %s", strerror(errno));
	porter.duties = *duties;
	porter.pid = fork();
	if (!porter.pid) {
		close(ends[0]);
		live(duties, ends[1]);
	}
	close(ends[1]);
	porter.requests = ends[0];
	if (porter.pid < 0) {
		porter_stop();
		return error_set(error, EXIT_PERMISSION, "cannot start the process that opens files: %s", strerror(errno));
	}
	if (await_porter(error))
		return true;
	porter_stop();
	return false;
}

int porter_fd(void)
{
	return porter.requests;
}

void porter_stop(void)
{
	if (porter.requests >= 0)
		close(porter.requests);
	porter.requests = -1;
}

static int take_descriptor(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

static int exchange(const struct request *r, int *fd)
{
	struct reply reply = { 0 };
	union control control;
	struct iovec out = { (void *)(uintptr_t)r, sizeof *r }, in = { &reply, sizeof reply };
	struct msghdr asked = { .msg_iov = &out, .msg_iovlen = 1 };
	struct msghdr got = { .msg_iov = &in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t len;

	do
		len = sendmsg(porter.requests, &asked, MSG_NOSIGNAL);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof *r)
		return EIO;
	do
		len = recvmsg(porter.requests, &got, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof reply)
		return EIO;
	*fd = take_descriptor(&got);
	return reply.error;
}

/* 0, or -1 with errno set. */
static int ask(const struct request *r, int *fd)
{
	pthread_mutex_lock(&one_at_a_time);
	int why = exchange(r, fd);
	pthread_mutex_unlock(&one_at_a_time);
	if (!why && r->wish != WISH_UNLINK && *fd < 0)
		why = EIO;
	if (why)
		errno = why;
	return why ? -1 : 0;
}

/* The path begins with the folder, as it is or as the user wrote it. */
static bool is_in_folder(const char *path, const char *name)
{
	const struct porter_duties *d = &porter.duties;
	size_t len = (size_t)(name - path), given = (size_t)(last_part(d->path) - d->path), folder = strlen(d->folder);

	if (len == given && !strncmp(path, d->path, len))
		return true;
	folder -= folder == 1;
	return len == folder + 1 && !strncmp(path, d->folder, folder);
}

/* What of the path lies in the database's folder, "" for the folder itself; NULL where it lies elsewhere. */
static const char *name_in_folder(const char *path)
{
	const char *name = strcmp(path, porter.duties.folder) ? last_part(path) : "";

	return (*name && !is_in_folder(path, name)) || strlen(name) > NAME_LEN_MAX ? NULL : name;
}

int porter_open(const char *path, int flags, int mode)
{
	struct request r = { .wish = WISH_READ, .flags = flags };
	int fd = -1;

	if (porter.requests < 0)
		return open(path, flags | O_CLOEXEC, mode);
	for (; r.index < porter.duties.readable_count; r.index++)
		if (!strcmp(porter.duties.readable[r.index], path))
			return ask(&r, &fd) ? -1 : fd;
	const char *name = name_in_folder(path);
	if (!name) {
		errno = EACCES;
		return -1;
	}
	r.wish = *name ? WISH_OPEN : WISH_FOLDER;
	strcpy(r.name, name);
	return ask(&r, &fd) ? -1 : fd;
}

int porter_unlink(const char *path)
{
	struct request r = { .wish = WISH_UNLINK };
	int fd = -1;

	if (porter.requests < 0)
		return unlink(path);
	const char *name = name_in_folder(path);
	if (!name || !*name) {
		errno = EACCES;
		return -1;
	}
	strcpy(r.name, name);
	return ask(&r, &fd);
}
