#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

/* The kernel asks to try again only while somebody moves directories. */
enum { MOST_TRIES = 1000 };

bool is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV;
}

static int open_part(int directory, const char *path, size_t length, int flags, enum mounts mounts)
{
	char part[PATH_MAX];
	struct open_how how = {
		.flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (mounts == ONE_MOUNT ? RESOLVE_NO_XDEV : 0u),
	};
	memcpy(part, path, length);
	part[length] = '\0';
	long opened = -1;
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		opened = syscall(SYS_openat2, directory, part, &how, sizeof how);
		if (opened >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)opened;
}

/* As many whole parts of a path as one call takes; the whole of a single one that is too long. */
static size_t first_parts(const char *path, size_t length)
{
	if (length < PATH_MAX)
		return length;
	size_t most = PATH_MAX - 1;
	while (most > 0 && path[most] != '/')
		most--;
	return most == 0 ? PATH_MAX : most;
}

static int open_length(int directory, const char *path, size_t length, int flags, enum mounts mounts)
{
	int from = directory;
	for (;;) {
		size_t part = first_parts(path, length);
		bool last = part == length;
		int opened = NONE;
		if (part < PATH_MAX)
			opened = open_part(from, path, part, last ? flags : O_PATH | O_DIRECTORY, mounts);
		else
			errno = ENAMETOOLONG;
		int reason = errno;
		if (from != directory)
			close(from);
		errno = reason;
		if (opened < 0 || last)
			return opened;
		from = opened;
		path += part + 1;
		length -= part + 1;
	}
}

int open_beneath(int directory, const char *path, int flags, enum mounts mounts)
{
	return open_length(directory, path, strlen(path), flags, mounts);
}

bool find_place(int root, const char *path, enum mounts mounts, struct place *place)
{
	const char *slash = strrchr(path, '/');
	place->name = slash == NULL ? path : slash + 1;
	place->parent = open_length(root, slash == NULL ? "." : path, slash == NULL ? 1 : (size_t)(slash - path), O_PATH | O_DIRECTORY, mounts);
	return place->parent >= 0;
}

void close_place(struct place *place)
{
	if (place->parent >= 0)
		close(place->parent);
	place->parent = NONE;
}

void fail_to_reach(int root, const char *path)
{
	int reason = errno;
	for (const char *end = path; *end != '\0';) {
		char target[PATH_MAX];
		end += strspn(end, "/");
		end += strcspn(end, "/");
		char *start = need(strndup(path, (size_t)(end - path)));
		struct place place;
		if (!find_place(root, start, ALL_MOUNTS, &place))
			break;
		ssize_t length = readlinkat(place.parent, place.name, target, sizeof target - 1);
		if (length >= 0) {
			target[length] = '\0';
			fail_with(BAD_TREE, start, "it is a symbolic link to %s, and no link is followed", target);
		}
		if (errno == ENOENT)
			fail_with(MISSING, start, "it does not exist");
		close_place(&place);
		free(start);
	}
	errno = reason;
	fail(path, "it cannot be reached");
}
