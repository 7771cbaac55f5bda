#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

/* Deeper directories are reopened from below, so that the depth of a tree costs no descriptors. */
enum { KEPT_OPEN = 200 };

void set_path(struct walk *walk, size_t length, const char *name)
{
	size_t size = strlen(name);
	if (length + size + 2 > walk->path_room) {
		walk->path_room = (length + size + 2) * 2;
		walk->path = need(realloc(walk->path, walk->path_room));
	}
	if (length > 0)
		walk->path[length++] = '/';
	memcpy(walk->path + length, name, size + 1);
}

int open_directory(struct walk *walk, int parent, const char *name, int side, const struct stat *seen)
{
	struct stat stat;
	int directory = open_beneath(parent, name, O_RDONLY | O_DIRECTORY, walk->crosses ? ALL_MOUNTS : ONE_MOUNT);
	if (directory < 0) {
		if (is_gone(errno))
			return NONE;
		fail(walk->path, "the directory cannot be opened");
	}
	bool same = fstat(directory, &stat) == 0 && stat.st_ino == seen->st_ino && stat.st_dev == seen->st_dev;
	if (!same || (!walk->crosses && stat.st_dev != walk->devices[side])) {
		close(directory);
		return NONE;
	}
	return directory;
}

struct level *top(struct walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

static void close_directory(struct level *level, int side)
{
	if (level->directories[side] >= 0) {
		close(level->directories[side]);
		level->directories[side] = CLOSED;
	}
}

struct level *push(struct walk *walk, const int directories[2])
{
	if (walk->depth == walk->room) {
		walk->room = walk->room == 0 ? 32 : walk->room * 2;
		walk->levels = need(reallocarray(walk->levels, walk->room, sizeof *walk->levels));
	}
	/* Only what the new one can be left for again. */
	for (int side = 0; side < 2 && walk->depth >= KEPT_OPEN; side++)
		if (directories[side] >= 0)
			close_directory(top(walk), side);
	struct level *level = &walk->levels[walk->depth++];
	*level = (struct level){ .path_length = strcmp(walk->path, ".") == 0 ? 0 : strlen(walk->path) };
	for (int side = 0; side < 2; side++) {
		struct stat stat;
		level->directories[side] = directories[side];
		if (directories[side] < 0)
			continue;
		if (fstat(directories[side], &stat) < 0)
			fail(walk->path, "the directory cannot be read");
		level->device[side] = stat.st_dev;
		level->inode[side] = stat.st_ino;
	}
	return level;
}

/* A directory that was moved meanwhile leads elsewhere. */
static int reopen(struct walk *walk, int below, int side, const struct level *level)
{
	struct stat stat;
	int directory = below < 0 ? -1 : openat(below, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0 || fstat(directory, &stat) < 0)
		fail(walk->path, "the directory above it cannot be opened");
	if (stat.st_dev != level->device[side] || stat.st_ino != level->inode[side]) {
		errno = EBUSY;
		fail(walk->path, "it was moved while it was read");
	}
	return directory;
}

void pop(struct walk *walk)
{
	struct level *level = top(walk);
	walk->path[level->path_length] = '\0';
	if (walk->depth > 1) {
		struct level *above = level - 1;
		for (int side = 0; side < 2; side++)
			if (above->directories[side] == CLOSED)
				above->directories[side] = reopen(walk, level->directories[side], side, above);
	}
	for (int side = 0; side < 2; side++) {
		close_directory(level, side);
		free_names(&level->names[side]);
	}
	walk->depth--;
}

const char *next_name(struct level *level)
{
	const char *found[2] = { NULL, NULL };
	for (int side = 0; side < 2; side++)
		if (level->next[side] < level->names[side].count)
			found[side] = level->names[side].list[level->next[side]];
	int order = found[0] == NULL ? 1 : found[1] == NULL ? -1 : strcmp(found[0], found[1]);
	if (found[0] == NULL && found[1] == NULL)
		return NULL;
	level->next[0] += order <= 0;
	level->next[1] += order >= 0;
	return order <= 0 ? found[0] : found[1];
}

void end_walk(struct walk *walk)
{
	free(walk->levels);
	free(walk->path);
}
