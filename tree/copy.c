#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

enum { FROM = 0, TO = 1, BLOCK = 1 << 17 };

/* One thing to be copied. */
struct pair {
	int directories[2];
	const char *names[2];
};

struct copying {
	const struct copy *copy;
	struct walk walk;
	struct links links;
	struct copied copied;
};

static bool is_of_overlay(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

static bool is_taken(const struct copy *copy, const char *name)
{
	return copy->plain ? strncmp(name, "user.", 5) == 0 && !is_of_overlay(name) : !is_of_overlay(name);
}

static void copy_attributes(struct copying *copying, const struct pair *pair)
{
	struct attributes attributes = read_attributes(pair->directories[FROM], pair->names[FROM], NO_OVERLAY);
	for (size_t i = 0; i < attributes.count; i++) {
		const struct attribute *attribute = &attributes.list[i];
		if (!is_taken(copying->copy, attribute->name) || write_attribute(pair->directories[TO], pair->names[TO], attribute))
			continue;
		if (errno != EOPNOTSUPP && errno != EPERM && errno != EACCES)
			fail(copying->walk.path, "an extended attribute cannot be written");
		copying->copied.attributes++;
	}
	free_attributes(&attributes);
}

/* Owner first, because it takes away set-uid bits and capabilities; the times last, because everything sets them. */
static void copy_rest(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	const char *path = copying->walk.path, *name = pair->names[TO];
	int to = pair->directories[TO];
	const struct timespec times[2] = { stat->st_atim, stat->st_mtim };
	bool plain = copying->copy->plain;
	if (!plain && fchownat(to, name, stat->st_uid, stat->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		fail(path, "its owner cannot be set");
	if (!S_ISLNK(stat->st_mode) && change_mode(to, name, stat->st_mode & (plain ? 0777 : 07777)) < 0)
		fail(path, "its permissions cannot be set");
	copy_attributes(copying, pair);
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		fail(path, "its times cannot be set");
}

static void copy_range(int from, int to, off_t at, off_t end, const char *path)
{
	static unsigned char block[BLOCK];
	while (at < end) {
		size_t most = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
		ssize_t count = pread(from, block, most, at);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			fail(path, "the file cannot be read");
		if (count == 0)
			return;
		for (ssize_t done = 0; done < count;) {
			ssize_t written = pwrite(to, block + done, (size_t)(count - done), at + done);
			if (written < 0 && errno == EINTR)
				continue;
			if (written < 0)
				fail(path, "the copy cannot be written");
			done += written;
		}
		at += count;
	}
}

/* In blocks that both share where the file system can do that; otherwise holes stay holes. */
static void copy_content(int from, int to, off_t size, const char *path, bool reflink)
{
	if (share_content(from, to))
		return;
	if (reflink)
		fail(path, "no copy can share its blocks");
	if (ftruncate(to, size) < 0)
		fail(path, "the copy cannot be written");
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return;
		if (data < 0)
			data = at;
		off_t hole = lseek(from, data, SEEK_HOLE);
		off_t end = hole < 0 || hole > size ? size : hole;
		copy_range(from, to, data, end, path);
		at = end > at ? end : size;
	}
}

/* False: it is no file any more. */
static bool copy_file(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	const char *path = copying->walk.path;
	int from = open_file(pair->directories[FROM], pair->names[FROM], stat);
	if (from < 0)
		return false;
	int to = openat(pair->directories[TO], pair->names[TO], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		fail(path, "the copy cannot be made");
	copy_content(from, to, stat->st_size, path, copying->copy->reflink);
	close(from);
	if (close(to) < 0)
		fail(path, "the copy cannot be written");
	return true;
}

/* Whether a file of this number was copied before, and this is another name of it. */
static bool link_again(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	if (S_ISDIR(stat->st_mode) || stat->st_nlink < 2)
		return false;
	const char *first = find_link(&copying->links, stat);
	if (first == NULL)
		return false;
	struct place place;
	if (!find_place(copying->copy->root, first, ONE_MOUNT, &place) ||
	    linkat(place.parent, place.name, pair->directories[TO], pair->names[TO], 0) < 0)
		fail(copying->walk.path, "the hard link cannot be made");
	close_place(&place);
	return true;
}

static bool make_node(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	bool device = S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode);
	if (!(device && copying->copy->plain) && mknodat(pair->directories[TO], pair->names[TO], (stat->st_mode & S_IFMT) | 0600, stat->st_rdev) == 0)
		return true;
	if (!device || (!copying->copy->plain && errno != EPERM))
		fail(copying->walk.path, "the copy cannot be made");
	copying->copied.devices++;
	return false;
}

static bool copy_link(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	char *target = read_target(pair->directories[FROM], pair->names[FROM], stat->st_size);
	if (target != NULL && symlinkat(target, pair->directories[TO], pair->names[TO]) < 0)
		fail(copying->walk.path, "the copy cannot be made");
	free(target);
	return target != NULL;
}

/* Everything but a directory. */
static void copy_one(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	bool made;
	if (link_again(copying, pair, stat)) {
		copying->copied.files++;
		return;
	}
	if (S_ISREG(stat->st_mode))
		made = copy_file(copying, pair, stat);
	else if (S_ISLNK(stat->st_mode))
		made = copy_link(copying, pair, stat);
	else
		made = make_node(copying, pair, stat);
	if (!made)
		return;
	copy_rest(copying, pair, stat);
	if (stat->st_nlink > 1)
		remember_link(&copying->links, stat, copying->walk.path);
	copying->copied.files++;
}

/* Makes the directory, which may be there only as the root of the copy, and begins to walk it. */
static void begin_directory(struct copying *copying, const struct pair *pair, const struct stat *stat)
{
	struct walk *walk = &copying->walk;
	int own[2] = { open_directory(walk, pair->directories[FROM], pair->names[FROM], FROM, stat), NONE };
	if (own[FROM] < 0)
		return;
	if (strcmp(pair->names[TO], ".") != 0 && mkdirat(pair->directories[TO], pair->names[TO], 0700) < 0)
		fail(walk->path, "the copy cannot be made");
	own[TO] = open_beneath(pair->directories[TO], pair->names[TO], O_RDONLY | O_DIRECTORY, ONE_MOUNT);
	if (own[TO] < 0)
		fail(walk->path, "the copy cannot be opened");
	struct level *level = push(walk, own);
	level->stat = *stat;
	level->names[FROM] = read_names(own[FROM], walk->path);
	copying->copied.files++;
}

static void copy_entry(struct copying *copying, const struct pair *pair)
{
	struct stat stat;
	if (fstatat(pair->directories[FROM], pair->names[FROM], &stat, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		if (!is_gone(errno) || copying->walk.depth == 0)
			fail(copying->walk.path, "it cannot be read");
		return;
	}
	if (copying->walk.depth == 0)
		copying->walk.devices[FROM] = stat.st_dev;
	if (S_ISDIR(stat.st_mode))
		begin_directory(copying, pair, &stat);
	else
		copy_one(copying, pair, &stat);
}

struct copied copy_tree(const struct copy *copy)
{
	struct copying copying = { .copy = copy };
	struct walk *walk = &copying.walk;
	struct pair pair = { { copy->parents[FROM], copy->parents[TO] }, { copy->names[FROM], copy->names[TO] } };
	set_path(walk, 0, copy->path);
	copy_entry(&copying, &pair);
	while (walk->depth > 0) {
		struct level *level = top(walk);
		const char *name = next_name(level);
		/* At the end the directory itself: its own name may be out of reach by now. */
		pair.names[FROM] = pair.names[TO] = name == NULL ? "." : name;
		for (int side = FROM; side <= TO; side++)
			pair.directories[side] = level->directories[side];
		if (name == NULL) {
			copy_rest(&copying, &pair, &level->stat);
			pop(walk);
		} else {
			set_path(walk, level->path_length, name);
			copy_entry(&copying, &pair);
		}
	}
	end_walk(walk);
	free_links(&copying.links);
	return copying.copied;
}
