#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "walk.h"

/* What is at one name on each side. */
struct entry {
	struct stat stats[2];
	bool there[2];
};

static bool is_directory(const struct entry *entry, int side)
{
	return entry->there[side] && S_ISDIR(entry->stats[side].st_mode);
}

static bool is_whiteout(const struct walk *walk, int directory, const char *name, const struct stat *stat)
{
	enum overlay layer = walk->comparison->layer;
	if (layer == NO_OVERLAY)
		return false;
	if (S_ISCHR(stat->st_mode))
		return stat->st_rdev == makedev(0, 0);
	return S_ISREG(stat->st_mode) && stat->st_size == 0 && has_mark(directory, name, layer, "whiteout");
}

static void look(struct walk *walk, const int directories[2], const char *name, struct entry *entry)
{
	for (int side = BASE; side <= OTHER; side++) {
		entry->there[side] = directories[side] >= 0 &&
				     fstatat(directories[side], name, &entry->stats[side], AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
		if (directories[side] >= 0 && !entry->there[side] && !is_gone(errno))
			fail(walk->path, "it cannot be read");
	}
	if (entry->there[OTHER] && is_whiteout(walk, directories[OTHER], name, &entry->stats[OTHER]))
		entry->there[OTHER] = false;
}

static bool is_unchanged(const struct comparison *comparison, const struct entry *entry)
{
	const long long since = comparison->same_inodes_since;
	const struct stat *base = &entry->stats[BASE], *other = &entry->stats[OTHER];
	/* Some file systems have times in whole seconds, and the kernel may write down one that is some milliseconds old. */
	bool earlier = since > 0 && base->st_ctim.tv_sec < since - 1;
	return earlier && entry->there[BASE] && entry->there[OTHER] && base->st_ino == other->st_ino &&
	       base->st_ctim.tv_sec == other->st_ctim.tv_sec && base->st_ctim.tv_nsec == other->st_ctim.tv_nsec &&
	       base->st_mode == other->st_mode && base->st_size == other->st_size;
}

static bool differs(const struct attributes *base, const struct attributes *other, bool acl)
{
	size_t i = 0, j = 0;
	while (i < base->count || j < other->count) {
		int order = i == base->count ? 1 : j == other->count ? -1 : strcmp(base->list[i].name, other->list[j].name);
		bool same = order == 0 && is_same_attribute(&base->list[i], &other->list[j]);
		if (!same && is_acl(order <= 0 ? &base->list[i] : &other->list[j]) == acl)
			return true;
		i += order <= 0;
		j += order >= 0;
	}
	return false;
}

static bool has_other_content(const int directories[2], const char *name, const struct entry *entry, const struct side sides[2])
{
	const struct stat *base = &entry->stats[BASE], *other = &entry->stats[OTHER];
	switch (base->st_mode & S_IFMT) {
	case S_IFREG:
		return !is_same_content(directories, name, entry->stats);
	case S_IFLNK:
		return sides[BASE].target == NULL || sides[OTHER].target == NULL || strcmp(sides[BASE].target, sides[OTHER].target) != 0;
	case S_IFBLK:
	case S_IFCHR:
		return base->st_rdev != other->st_rdev;
	default:
		return false;
	}
}

/* The kinds of changes, in the order of snapper's columns. */
static void find_kinds(char kinds[10], const int directories[2], const char *name, const struct entry *entry, const struct side sides[2])
{
	const struct stat *base = &entry->stats[BASE], *other = &entry->stats[OTHER];
	char *end = kinds;
	if (!entry->there[BASE] || !entry->there[OTHER]) {
		strcpy(kinds, entry->there[BASE] ? "-" : "+");
		return;
	}
	bool same_type = (base->st_mode & S_IFMT) == (other->st_mode & S_IFMT);
	if (same_type && has_other_content(directories, name, entry, sides))
		*end++ = 'c';
	if (!same_type)
		*end++ = 't';
	/* Those of a symbolic link mean nothing. */
	if (!S_ISLNK(base->st_mode) && !S_ISLNK(other->st_mode) && (base->st_mode & 07777) != (other->st_mode & 07777))
		*end++ = 'p';
	if (base->st_uid != other->st_uid)
		*end++ = 'u';
	if (base->st_gid != other->st_gid)
		*end++ = 'g';
	if (differs(&sides[BASE].attributes, &sides[OTHER].attributes, false))
		*end++ = 'x';
	if (differs(&sides[BASE].attributes, &sides[OTHER].attributes, true))
		*end++ = 'a';
	*end = '\0';
}

static void report(struct walk *walk, const int directories[2], const char *name, const struct entry *entry)
{
	struct side sides[2] = { 0 };
	char kinds[10];
	if (is_unchanged(walk->comparison, entry))
		return;
	for (int side = BASE; side <= OTHER; side++) {
		if (!entry->there[side])
			continue;
		sides[side].stat = &entry->stats[side];
		if (S_ISLNK(entry->stats[side].st_mode))
			sides[side].target = read_target(directories[side], name, entry->stats[side].st_size);
		sides[side].attributes = read_attributes(directories[side], name, side == OTHER ? walk->comparison->layer : NO_OVERLAY);
	}
	find_kinds(kinds, directories, name, entry, sides);
	if (kinds[0] != '\0')
		print_change(kinds, walk->path, sides);
	for (int side = BASE; side <= OTHER; side++) {
		free((char *)sides[side].target);
		free_attributes(&sides[side].attributes);
	}
}

/* Whether there is a directory, of which the walk goes on. */
static bool enter(struct walk *walk, const int parents[2], const char *name, const struct entry *entry, bool layered)
{
	int directories[2] = { NONE, NONE };
	bool merged = is_directory(entry, BASE) && is_directory(entry, OTHER);
	for (int side = BASE; side <= OTHER; side++)
		if (is_directory(entry, side))
			directories[side] = open_directory(walk, parents[side], name, side, &entry->stats[side]);
	if (directories[BASE] < 0 && directories[OTHER] < 0)
		return false;
	layered = layered && merged && !has_mark(parents[OTHER], name, walk->comparison->layer, "opaque");
	struct level *level = push(walk, directories);
	level->layered = layered;
	for (int side = BASE; side <= OTHER; side++)
		if (directories[side] >= 0 && !(layered && side == BASE))
			level->names[side] = read_names(directories[side], walk->path);
	return true;
}

/* Everything below the top level, which ends it. */
static void finish(struct walk *walk)
{
	for (size_t begin = walk->depth - 1; walk->depth > begin;) {
		struct level *level = top(walk);
		struct entry entry;
		const char *name = next_name(level);
		if (name == NULL) {
			pop(walk);
			continue;
		}
		set_path(walk, level->path_length, name);
		look(walk, level->directories, name, &entry);
		report(walk, level->directories, name, &entry);
		enter(walk, level->directories, name, &entry, level->layered);
	}
}

static struct walk begin(const struct comparison *comparison, struct entry *roots)
{
	struct walk walk = { .comparison = comparison };
	set_path(&walk, 0, ".");
	look(&walk, comparison->roots, ".", roots);
	for (int side = BASE; side <= OTHER; side++)
		walk.devices[side] = roots->stats[side].st_dev;
	return walk;
}

void compare_trees(const struct comparison *comparison)
{
	struct entry roots;
	struct walk walk = begin(comparison, &roots);
	report(&walk, comparison->roots, ".", &roots);
	if (enter(&walk, comparison->roots, ".", &roots, comparison->layer != NO_OVERLAY))
		finish(&walk);
	end_walk(&walk);
}

void compare_paths(const struct comparison *comparison, char **paths, size_t count)
{
	struct entry entry;
	struct walk walk = begin(comparison, &entry);
	const char *walked = NULL;
	for (size_t i = 0; i < count; i++) {
		if ((walked != NULL && is_below(paths[i], walked)) || (i > 0 && strcmp(paths[i], paths[i - 1]) == 0))
			continue;
		struct place places[2];
		for (int side = BASE; side <= OTHER; side++)
			if (!find_place(comparison->roots[side], paths[i], ONE_MOUNT, &places[side]) && !is_gone(errno))
				fail(paths[i], "the directory that has it cannot be opened");
		const int parents[2] = { places[BASE].parent, places[OTHER].parent };
		const char *name = places[BASE].name;
		set_path(&walk, 0, paths[i]);
		look(&walk, parents, name, &entry);
		report(&walk, parents, name, &entry);
		if (is_directory(&entry, BASE) != is_directory(&entry, OTHER) && enter(&walk, parents, name, &entry, false)) {
			finish(&walk);
			walked = paths[i];
		}
		for (int side = BASE; side <= OTHER; side++)
			close_place(&places[side]);
	}
	end_walk(&walk);
}
