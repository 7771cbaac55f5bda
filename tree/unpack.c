#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "receive.h"
#include "write.h"

/* What the attributes of directories may take until they are set. */
enum { MOST_BYTES = 1 << 26 };

/* A directory that gets its owner, mode and times when everything is in it. */
struct directory {
	struct directory *next; /* made before it */
	char *path;
	dev_t device;
	ino_t inode;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct attribute *attributes;
	size_t attribute_count;
};

static struct {
	const struct unpacking *how;
	int into;
	const char *top; /* replaces the first name of each path; NULL: paths are as they are */
	bool is_new;     /* `into` itself was made */
	struct dress dress;
	struct links made; /* files that may get other names */
	struct directory *directories;
	size_t bytes;
	unsigned long files;
	/* The directory of the last member, of which the next one's is often below. */
	int parent;
	char *parent_path;
} state;

static void print_counts(void)
{
	printf("%lu %lu\n", state.files, state.dress.attributes);
	fflush(stdout);
}

static struct place split(const char *path, char **parent)
{
	const char *slash = strrchr(path, '/');
	*parent = need(slash == NULL ? strdup("") : strndup(path, (size_t)(slash - path)));
	return (struct place){ NONE, slash == NULL ? path : slash + 1 };
}

/* Archives need not have the directories above what they have. */
static void make_parents(const char *parent)
{
	for (const char *end = parent; *end != '\0';) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		char *path = need(strndup(parent, (size_t)(end - parent)));
		struct place place;
		if (!find_place(state.into, path, ALL_MOUNTS, &place))
			fail_to_reach(state.into, path);
		if (mkdirat(place.parent, place.name, 0755) < 0 && errno != EEXIST)
			fail(path, "the directory cannot be made");
		close_place(&place);
		free(path);
	}
}

/* Where a member belongs. The descriptor stays this file's. */
static struct place place_of(const char *path)
{
	char *parent;
	struct place place = split(path, &parent);
	size_t length = state.parent_path == NULL ? 0 : strlen(state.parent_path);
	bool same = state.parent_path != NULL && strcmp(parent, state.parent_path) == 0;
	bool below = length > 0 && strncmp(parent, state.parent_path, length) == 0 && parent[length] == '/';
	if (!same) {
		const char *rest = below ? parent + length + 1 : *parent == '\0' ? "." : parent;
		int from = below ? state.parent : state.into;
		int opened = open_beneath(from, rest, O_PATH | O_DIRECTORY, ALL_MOUNTS);
		if (opened < 0 && errno == ENOENT) {
			make_parents(parent);
			opened = open_beneath(from, rest, O_PATH | O_DIRECTORY, ALL_MOUNTS);
		}
		if (opened < 0)
			fail_to_reach(state.into, parent);
		if (state.parent_path != NULL)
			close(state.parent);
		state.parent = opened;
		free(state.parent_path);
		state.parent_path = parent;
	} else {
		free(parent);
	}
	place.parent = state.parent;
	return place;
}

static void *copy_of(const void *bytes, size_t size)
{
	state.bytes += size;
	if (state.bytes > MOST_BYTES)
		fail_with(BAD_TREE, "the archive", "its directories have too many attributes");
	return memcpy(need(malloc(size + 1)), bytes, size);
}

static void remember_directory(const struct entry *entry, const char *path, const struct stat *stat)
{
	struct directory *directory = need(calloc(1, sizeof *directory));
	*directory = (struct directory){ .next = state.directories, .path = need(strdup(path)), .device = stat->st_dev, .inode = stat->st_ino, .mode = entry->mode, .uid = entry->uid, .gid = entry->gid, .mtime = entry->mtime };
	directory->attributes = need(calloc(entry->attribute_count + 1, sizeof *directory->attributes));
	for (; directory->attribute_count < entry->attribute_count; directory->attribute_count++) {
		const struct attribute *attribute = &entry->attributes[directory->attribute_count];
		directory->attributes[directory->attribute_count] = (struct attribute){
			copy_of(attribute->name, strlen(attribute->name) + 1), copy_of(attribute->value, attribute->size), attribute->size
		};
	}
	state.directories = directory;
}

/* From one that was in it, which in a deep tree is much quicker, or by its path. */
static int open_again(const struct directory *directory, int below)
{
	struct stat stat;
	int opened = below < 0 ? NONE : openat(below, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (opened >= 0 && fstat(opened, &stat) == 0 && stat.st_dev == directory->device && stat.st_ino == directory->inode)
		return opened;
	if (opened >= 0)
		close(opened);
	opened = open_beneath(state.into, directory->path, O_RDONLY | O_DIRECTORY, ALL_MOUNTS);
	if (opened < 0)
		fail_to_reach(state.into, directory->path);
	return opened;
}

/* Returns its descriptor. */
static int dress_directory(const struct directory *directory, int below)
{
	static struct entry entry;
	int opened = open_again(directory, below);
	snprintf(entry.path, sizeof entry.path, "%s", directory->path);
	entry.type = '5';
	entry.mode = directory->mode;
	entry.uid = directory->uid;
	entry.gid = directory->gid;
	entry.mtime = directory->mtime;
	entry.attribute_count = directory->attribute_count;
	memcpy(entry.attributes, directory->attributes, directory->attribute_count * sizeof *directory->attributes);
	dress(&state.dress, &(struct place){ NONE, "." }, opened, &entry);
	return opened;
}

/* What is in a directory is complete before the directory is. */
static void finish_directories(void)
{
	int opened = NONE;
	while (state.directories != NULL) {
		struct directory *directory = state.directories;
		int above = dress_directory(directory, opened);
		if (opened >= 0)
			close(opened);
		opened = above;
		state.directories = directory->next;
		for (size_t i = 0; i < directory->attribute_count; i++) {
			free((void *)directory->attributes[i].name);
			free((void *)directory->attributes[i].value);
		}
		free(directory->attributes);
		free(directory->path);
		free(directory);
	}
	if (opened >= 0)
		close(opened);
}

/* One that is there already keeps what it has, unless the copy is to have everything. */
static void unpack_directory(const struct entry *entry, const char *path)
{
	bool is_root = strcmp(path, ".") == 0, is_new = state.is_new;
	struct place place = is_root ? (struct place){ state.into, "." } : place_of(path);
	struct stat stat;
	if (!is_root) {
		is_new = mkdirat(place.parent, place.name, 0700) == 0;
		if (!is_new && errno != EEXIST)
			fail(path, "the directory cannot be made");
	}
	if (fstatat(place.parent, place.name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(stat.st_mode))
		fail_with(BAD_TREE, path, "there is something else, which no directory replaces");
	if (is_new || state.how->archive)
		remember_directory(entry, path, &stat);
}

/* Only to a file of the same archive, so that nothing else gets another name. */
static void unpack_link(const char *target, const char *path)
{
	struct place file, place = place_of(path);
	struct stat stat;
	if (!find_place(state.into, target, ALL_MOUNTS, &file))
		fail_to_reach(state.into, target);
	if (fstatat(file.parent, file.name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || find_link(&state.made, &stat) == NULL)
		fail_with(BAD_TREE, path, "it is a hard link to no file of the archive");
	write_link(&place, &file, path);
	close_place(&file);
}

static void unpack_file(struct entry *entry, const char *path)
{
	struct place place = place_of(path);
	struct stat stat;
	if (fstatat(place.parent, place.name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode))
		fail_with(BAD_TREE, path, "there is a directory, which nothing but a directory replaces");
	snprintf(entry->path, sizeof entry->path, "%s", path); /* for messages */
	write_member(&state.dress, &place, entry);
	if (fstatat(place.parent, place.name, &stat, AT_SYMLINK_NOFOLLOW) == 0)
		remember_link(&state.made, &stat, path);
}

/* The path beneath `into`. For the caller to free. */
static char *place_in(const char *path)
{
	if (state.top == NULL)
		return need(strdup(path));
	const char *rest = path + strcspn(path, "/");
	if (strcmp(path, ".") == 0)
		fail_with(BAD_TREE, "the archive", "it has more than what was to be copied");
	char *result = need(malloc(strlen(state.top) + strlen(rest) + 1));
	strcpy(result, state.top);
	return strcat(result, rest);
}

static void unpack_one(struct entry *entry)
{
	char *path = place_in(entry->path);
	if (entry->type == '3' || entry->type == '4')
		fail_with(BAD_TREE, path, "it is a device, and devices are not copied");
	if (entry->type == '5') {
		unpack_directory(entry, path);
	} else if (strcmp(path, ".") == 0) {
		fail_with(BAD_TREE, "the archive", "its root is no directory");
	} else if (entry->type == '1') {
		char *target = place_in(entry->target);
		unpack_link(target, path);
		free(target);
	} else {
		unpack_file(entry, path);
	}
	free(path);
	state.files++;
}

/* Decides where the first member, and so all of them, belong. */
static void settle(const struct entry *first)
{
	const struct unpacking *how = state.how;
	struct place place;
	struct stat stat;
	if (!find_place(how->root, how->path, ALL_MOUNTS, &place))
		fail_to_reach(how->root, how->path);
	bool there = fstatat(place.parent, place.name, &stat, AT_SYMLINK_NOFOLLOW) == 0;
	if (!there && (errno != ENOENT || how->what == MEMBERS))
		fail_to_reach(how->root, how->path);
	if (there && S_ISLNK(stat.st_mode)) {
		errno = ELOOP;
		fail_to_reach(how->root, how->path);
	}
	if (there && !S_ISDIR(stat.st_mode) && (how->what != ONE || first->type == '5'))
		fail_with(BAD_TREE, how->path, "it is no directory");
	state.is_new = !there;
	if (!there && how->what == CONTENTS && mkdirat(place.parent, place.name, 0700) < 0)
		fail(how->path, "the directory cannot be made");
	bool into = (there && S_ISDIR(stat.st_mode)) || how->what != ONE;
	if (how->what == ONE)
		state.top = into ? how->name : place.name;
	state.into = into ? open_beneath(place.parent, place.name, O_PATH | O_DIRECTORY, ALL_MOUNTS) : place.parent;
	if (state.into < 0)
		fail_to_reach(how->root, how->path);
}

void unpack_tree(const struct unpacking *how)
{
	static struct entry entry;
	state.how = how;
	state.dress.archive = how->archive;
	if (atexit(print_counts) != 0)
		fail("isolate-tree", "there is no memory left");
	for (bool first = true; next_entry(&entry); first = false) {
		if (first)
			settle(&entry);
		unpack_one(&entry);
	}
	drain();
	finish_directories();
	free_links(&state.made);
}
