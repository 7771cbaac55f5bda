#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "walk.h"

static void remove_name(int parent, const char *name, int flags, const char *path)
{
	if (unlinkat(parent, name, flags) < 0 && errno != ENOENT)
		fail(path, "it cannot be removed");
}

/* Begins to walk a directory; false: there is none, so what is there has no names of its own. */
static bool begin(struct walk *walk, int parent, const char *name)
{
	struct stat stat;
	if (fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 || !S_ISDIR(stat.st_mode))
		return false;
	if (walk->depth == 0)
		walk->devices[0] = stat.st_dev;
	int directory = open_directory(walk, parent, name, 0, &stat);
	if (directory < 0) {
		errno = EBUSY;
		fail(walk->path, "it cannot be removed");
	}
	struct level *level = push(walk, (const int[2]){ directory, NONE });
	level->names[0] = read_names(directory, walk->path);
	return true;
}

/* Leaves the top level, and removes its directory from the one above. */
static void finish(struct walk *walk, int root_parent, const char *root_name)
{
	pop(walk);
	const char *slash = strrchr(walk->path, '/');
	if (walk->depth == 0)
		remove_name(root_parent, root_name, AT_REMOVEDIR, walk->path);
	else
		remove_name(top(walk)->directories[0], slash == NULL ? walk->path : slash + 1, AT_REMOVEDIR, walk->path);
}

void remove_tree(int root, const char *path)
{
	struct walk walk = { 0 };
	struct place place;
	if (!find_place(root, path, ONE_MOUNT, &place)) {
		if (errno == ENOENT)
			return;
		fail_to_reach(root, path);
	}
	set_path(&walk, 0, path);
	if (!begin(&walk, place.parent, place.name))
		remove_name(place.parent, place.name, 0, path);
	while (walk.depth > 0) {
		struct level *level = top(&walk);
		const char *name = next_name(level);
		if (name == NULL) {
			finish(&walk, place.parent, place.name);
			continue;
		}
		set_path(&walk, level->path_length, name);
		int parent = level->directories[0];
		if (!begin(&walk, parent, name))
			remove_name(parent, name, 0, walk.path);
	}
	close_place(&place);
	end_walk(&walk);
}

void exchange(const int roots[2], char *const paths[2])
{
	struct place places[2];
	for (int side = 0; side < 2; side++)
		if (!find_place(roots[side], paths[side], ONE_MOUNT, &places[side]))
			fail_to_reach(roots[side], paths[side]);
	if (renameat2(places[0].parent, places[0].name, places[1].parent, places[1].name, RENAME_EXCHANGE) < 0)
		fail(paths[0], "it cannot be exchanged");
	for (int side = 0; side < 2; side++)
		close_place(&places[side]);
}
