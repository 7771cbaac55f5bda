/* One entry of a layer, put where it belongs (OCI image-spec, layer.md). This process is in the root: no path leads out. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unpack.h"

static const char whiteout[] = ".wh.", opaque[] = ".wh..wh..opq";

/* Whether the directory that was prepared last gives what is made in it an access list. */
static bool inherits;
static char prepared[PATH_MAX];

static void split(const char *path, char parent[PATH_MAX], const char **name)
{
	const char *slash = strrchr(path, '/');
	*name = slash == NULL ? path : slash + 1;
	if (slash == NULL) {
		strcpy(parent, ".");
		return;
	}
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
}

static const char no_directory[] = "something is to be below it, and it is no directory";

/* What the names and links of the image itself can cause. */
static _Noreturn void fail(const char *path, const char *what)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		bad_archive(path, no_directory);
	bad_storage(path, what);
}

static void make_parents(const char *path)
{
	char part[PATH_MAX];
	for (const char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
		size_t length = slash == NULL ? strlen(path) : (size_t)(slash - path);
		memcpy(part, path, length);
		part[length] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			fail(part, "cannot be made");
		if (slash == NULL)
			return;
	}
}

/* Makes the directory `path` if there is none, and sees to it that it keeps its time. */
static void prepare(const char *path)
{
	struct stat found;
	if (strcmp(path, prepared) == 0)
		return;
	if (stat(path, &found) < 0) {
		if (errno != ENOENT)
			fail(path, "cannot be looked at");
		make_parents(path);
		if (stat(path, &found) < 0)
			fail(path, "cannot be looked at");
	}
	if (!S_ISDIR(found.st_mode))
		bad_archive(path, no_directory);
	time_at_end(path, &found.st_mtim, false);
	inherits = getxattr(path, "system.posix_acl_default", NULL, 0) > 0;
	strcpy(prepared, path);
}

/* A directory that is removed takes what was prepared with it. */
static void make_way(const char *path)
{
	struct stat found;
	forget_time(path);
	prepared[0] = '\0';
	if (lstat(path, &found) < 0) {
		if (errno != ENOENT)
			bad_storage(path, "cannot be looked at");
	} else if (S_ISDIR(found.st_mode)) {
		remove_all(path);
	} else if (unlink(path) < 0) {
		bad_storage(path, "cannot be removed");
	}
}

static void apply_whiteout(const char *parent, const char *name)
{
	char path[PATH_MAX];
	struct stat found;
	const char *hidden = name + sizeof whiteout - 1;
	size_t length = strlen(parent);
	bool is_root = strcmp(parent, ".") == 0;
	bool is_opaque = strcmp(name, opaque) == 0;
	/* What else aufs kept for itself. */
	if (!is_opaque && strncmp(hidden, whiteout, sizeof whiteout - 1) == 0)
		return;
	if (*hidden == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		bad_archive(parent, "a whiteout hides no name");
	if (stat(parent, &found) < 0 || !S_ISDIR(found.st_mode))
		return;
	prepare(parent);
	/* Once is enough: a layer of nothing but whiteouts would walk through the tree for each. */
	if (is_opaque) {
		if (note_cleared(parent))
			remove_lower(parent, false);
		return;
	}
	memcpy(path, parent, length);
	path[length] = '/';
	strcpy(path + (is_root ? 0 : length + 1), hidden);
	if (lstat(path, &found) < 0) {
		if (errno != ENOENT)
			bad_storage(path, "cannot be looked at");
		return;
	}
	if (is_seen(path) && !note_cleared(path))
		return;
	prepared[0] = '\0';
	remove_lower(path, true);
}

/* The one call that makes what the entry describes; -1 with EEXIST if something is there. For a file: its descriptor. */
static int make(const struct entry *entry)
{
	switch (entry->type) {
	case '0':
		return open(entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	case '1':
		return link(entry->target, entry->path);
	case '2':
		return symlink(entry->target, entry->path);
	case '5':
		return mkdir(entry->path, 0700);
	default:
		return mkfifo(entry->path, 0600);
	}
}

static void write_data(const struct entry *entry, int file)
{
	if (!entry->sparse) {
		copy_to(file, 0, entry->size, entry->path);
	} else {
		for (size_t i = 0; i < entry->segment_count; i++)
			copy_to(file, entry->segments[i].offset, entry->segments[i].length, entry->path);
		if (ftruncate(file, (off_t)entry->real_size) < 0)
			bad_storage(entry->path, "cannot be written");
	}
	skip_padding(entry->size);
}

/* The owner before the mode: a change of the owner takes set-uid bits and capabilities away. */
static void dress(const struct entry *entry, int file, struct counts *counts)
{
	const char *path = entry->path;
	struct timespec times[2] = { entry->mtime, entry->mtime };
	bool link = entry->type == '2';
	/* isolate takes the owner of a root's first directory for the owner of the whole. */
	bool root = strcmp(path, ".") == 0;
	uid_t uid = root ? 0 : entry->uid;
	gid_t gid = root ? 0 : entry->gid;
	if ((file >= 0 ? fchown(file, uid, gid) : lchown(path, uid, gid)) < 0) {
		if (errno == EINVAL)
			bad_archive(path, "its owner is none of the 65536 ids of a sandbox");
		bad_storage(path, "the owner cannot be set");
	}
	if (inherits && !link) {
		(void)lremovexattr(path, "system.posix_acl_access");
		if (entry->type == '5' && !root)
			(void)lremovexattr(path, "system.posix_acl_default");
	}
	if (!link && (file >= 0 ? fchmod(file, entry->mode) : chmod(path, entry->mode)) < 0)
		bad_storage(path, "the mode cannot be set");
	counts->attributes += set_attributes(entry, file);
	if (entry->type == '5')
		time_at_end(path, &entry->mtime, true);
	else if ((file >= 0 ? futimens(file, times) : utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)) < 0)
		bad_storage(path, "the time cannot be set");
}

static bool is_directory(const char *path)
{
	struct stat found;
	return lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static void make_and_dress(const struct entry *entry, struct counts *counts)
{
	int made = make(entry);
	if (made < 0 && errno == EEXIST && !(entry->type == '5' && is_directory(entry->path))) {
		if (entry->type == '1' && strcmp(entry->path, entry->target) == 0)
			bad_archive(entry->path, "a hard link leads to itself");
		make_way(entry->path);
		made = make(entry);
	}
	if (made < 0 && entry->type == '1' && (errno == ENOENT || errno == EPERM || errno == ENOTDIR))
		bad_archive(entry->path, "the hard link leads to no file");
	if (made < 0 && errno != EEXIST)
		bad_storage(entry->path, "cannot be made");
	if (entry->type == '0')
		write_data(entry, made);
	/* A hard link has the attributes of its file. */
	if (entry->type != '1')
		dress(entry, entry->type == '0' ? made : -1, counts);
	if (entry->type == '0' && close(made) < 0)
		bad_storage(entry->path, "cannot be written");
}

void place(const struct entry *entry, struct counts *counts)
{
	char parent[PATH_MAX];
	const char *name;
	split(entry->path, parent, &name);
	counts->entries++;
	if (strcmp(entry->path, ".") == 0) {
		if (entry->type != '5')
			bad_archive(NULL, "the root is to be something other than a directory");
		prepare(".");
		dress(entry, -1, counts);
		return;
	}
	if (strncmp(name, whiteout, sizeof whiteout - 1) == 0) {
		skip(entry->size);
		skip_padding(entry->size);
		apply_whiteout(parent, name);
		return;
	}
	prepare(parent);
	see(entry->path);
	if (entry->type == '3' || entry->type == '4') {
		counts->devices++;
		make_way(entry->path);
		return;
	}
	make_and_dress(entry, counts);
}
