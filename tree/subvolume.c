/* Subvolumes of btrfs. What is changed or removed is known by its UUID, so that no path alone decides. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "walk.h"

enum { SUBVOLUME_INODE = 256, UUID_TEXT = 2 * BTRFS_UUID_SIZE + 1 };
enum { BTRFS_MAGIC = 0x9123683e };

static bool read_uuid(int directory, char text[UUID_TEXT])
{
	struct stat stat;
	struct statfs storage;
	struct btrfs_ioctl_get_subvol_info_args info;
	if (fstat(directory, &stat) < 0 || fstatfs(directory, &storage) < 0)
		return false;
	if ((unsigned long)storage.f_type != BTRFS_MAGIC || stat.st_ino != SUBVOLUME_INODE)
		return errno = ENOTTY, false;
	if (ioctl(directory, BTRFS_IOC_GET_SUBVOL_INFO, &info) < 0)
		return false;
	for (int i = 0; i < BTRFS_UUID_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", info.uuid[i]);
	return true;
}

static int open_place(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The subvolume at a path, if it is the expected one. */
static int open_known(const char *path, const char *uuid)
{
	char found[UUID_TEXT];
	int directory = open_place(path);
	if (directory < 0 || !read_uuid(directory, found))
		fail(path, "the subvolume cannot be opened");
	if (strcmp(found, uuid) != 0) {
		errno = ESTALE;
		fail(path, "another subvolume is there");
	}
	return directory;
}

/* Where the first subvolume below this one is, as far as its caller may know; NULL: there is none. */
static const char *find_nested(int directory, const char *path)
{
	static struct btrfs_ioctl_get_subvol_rootref_args below;
	static struct btrfs_ioctl_ino_lookup_user_args place;
	static char name[sizeof place.path + sizeof place.name + 1];
	memset(&below, 0, sizeof below);
	if (ioctl(directory, BTRFS_IOC_GET_SUBVOL_ROOTREF, &below) < 0 && errno != EOVERFLOW && errno != ENOENT)
		fail(path, "the subvolumes below it cannot be listed");
	if (below.num_items == 0)
		return NULL;
	place.treeid = below.rootref[0].treeid;
	place.dirid = below.rootref[0].dirid;
	if (ioctl(directory, BTRFS_IOC_INO_LOOKUP_USER, &place) < 0)
		return "?";
	snprintf(name, sizeof name, "%.*s%.*s", (int)sizeof place.path, place.path, (int)sizeof place.name, place.name);
	return name;
}

void print_subvolumes(char **paths)
{
	for (; *paths != NULL; paths++) {
		char uuid[UUID_TEXT];
		int directory = open_place(*paths);
		if (directory < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			fail(*paths, "the directory cannot be opened");
		if (directory < 0 || !read_uuid(directory, uuid)) {
			/* Another process may have removed it just now. */
			if (directory >= 0 && errno != ENOTTY && errno != ENOENT)
				fail(*paths, "the subvolume cannot be read");
			printf("-%c", '\0');
		} else {
			const char *nested = find_nested(directory, *paths);
			printf("%s%s%s%c", uuid, nested == NULL ? "" : " ", nested == NULL ? "" : nested, '\0');
		}
		if (directory >= 0)
			close(directory);
	}
}

static void snapshot(int from, const char *parent, const char *name, bool read_only)
{
	struct btrfs_ioctl_vol_args_v2 args = { .fd = from, .flags = read_only ? BTRFS_SUBVOL_RDONLY : 0 };
	int directory = open_place(parent);
	if (directory < 0)
		fail(parent, "the directory cannot be opened");
	if ((size_t)snprintf(args.name, sizeof args.name, "%s", name) >= sizeof args.name)
		errno = ENAMETOOLONG;
	else if (ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2, &args) == 0) {
		close(directory);
		return;
	}
	fail(parent, "the snapshot cannot be made");
}

void snapshot_twice(const char *from, const char *parent, const char *names[2])
{
	char uuid[UUID_TEXT];
	int source = open_place(from);
	if (source < 0 || !read_uuid(source, uuid))
		fail(from, "the subvolume cannot be opened");
	const char *nested = find_nested(source, from);
	if (nested != NULL) {
		errno = ENOTSUP;
		fail(from, "it has subvolumes below, which a snapshot lacks");
	}
	snapshot(source, parent, names[0], true);
	close(source);
	int directory = open_place(parent);
	int base = directory < 0 ? -1 : openat(directory, names[0], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0)
		fail(parent, "the snapshot cannot be opened");
	snapshot(base, parent, names[1], false);
	close(base);
	close(directory);
}

/* Makes a subvolume writable, so that its caller can remove what is in it. */
static void open_up(int subvolume, const char *path)
{
	__u64 flags;
	if (ioctl(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
		fail(path, "the subvolume cannot be read");
	if ((flags & BTRFS_SUBVOL_RDONLY) == 0)
		return;
	flags &= ~(__u64)BTRFS_SUBVOL_RDONLY;
	if (ioctl(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) < 0)
		fail(path, "the subvolume cannot be made writable");
}

static void drop_below(int directory, const char *name, int subvolume, const char *path);

/* Those below a directory, which a run may have made. One that is left is still listed, so the search goes on behind it. */
static void drop_nested(int above, const char *path, bool is_subvolume)
{
	struct btrfs_ioctl_get_subvol_rootref_args *below = need(calloc(1, sizeof *below));
	struct btrfs_ioctl_ino_lookup_user_args *place = need(calloc(1, sizeof *place));
	bool more = true;
	while (more) {
		more = ioctl(above, BTRFS_IOC_GET_SUBVOL_ROOTREF, below) < 0;
		if (more && errno != EOVERFLOW)
			fail(path, "the subvolumes below it cannot be listed");
		for (int i = 0; i < below->num_items; i++) {
			char *inside;
			place->treeid = below->rootref[i].treeid;
			place->dirid = below->rootref[i].dirid;
			bool found = ioctl(above, BTRFS_IOC_INO_LOOKUP_USER, place) == 0;
			/* Those of a directory's subvolume may be elsewhere in it. */
			if (!found && !is_subvolume && (errno == EACCES || errno == ENOENT))
				continue;
			if (!found)
				fail(path, "a subvolume below it cannot be found");
			if (asprintf(&inside, "%s/%s%s", path, place->path, place->name) < 0)
				fail(path, "there is no memory left");
			int directory = open_beneath(above, place->path[0] == '\0' ? "." : place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, ONE_MOUNT);
			int child = directory < 0 ? -1 : openat(directory, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (child < 0)
				fail(inside, "the subvolume cannot be opened");
			drop_below(directory, place->name, child, inside);
			close(child);
			close(directory);
			free(inside);
		}
	}
	free(below);
	free(place);
}

/* Prints the path of what is left, with a NUL. */
static void drop_below(int directory, const char *name, int subvolume, const char *path)
{
	static struct btrfs_ioctl_vol_args args;
	open_up(subvolume, path);
	drop_nested(subvolume, path, true);
	if ((size_t)snprintf(args.name, sizeof args.name, "%s", name) >= sizeof args.name) {
		errno = ENAMETOOLONG;
		fail(path, "the subvolume cannot be removed");
	}
	if (ioctl(directory, BTRFS_IOC_SNAP_DESTROY, &args) == 0)
		return;
	/* Of users that is asked for a mount option; what they may always do is to remove the files in it and the empty directory. */
	if (errno != EPERM && errno != EACCES && errno != ENOTEMPTY)
		fail(path, "the subvolume cannot be removed");
	printf("%s%c", path, '\0');
}

void drop_subvolume(const char *uuid, const char *parent, const char *name)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/%s", parent, name) >= sizeof path) {
		errno = ENAMETOOLONG;
		fail(parent, "the subvolume cannot be removed");
	}
	int subvolume = open_known(path, uuid), directory = open_place(parent);
	if (directory < 0)
		fail(parent, "the directory cannot be opened");
	drop_below(directory, name, subvolume, path);
	close(directory);
	close(subvolume);
}

void drop_subvolumes_below(const char *path)
{
	int directory = open_place(path);
	if (directory < 0)
		fail(path, "the directory cannot be opened");
	drop_nested(directory, path, false);
	close(directory);
}
