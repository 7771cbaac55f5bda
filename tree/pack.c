#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack.h"

/* What is read at once, and the parts of a sparse file that isolate-tree and others read again. */
enum { CHUNK = 1 << 20, MOST_PARTS = 60000 };

struct packing {
	struct walk walk;
	struct links links;
	unsigned long sockets, attributes; /* that were left out */
};

struct part {
	off_t offset, length;
};

static unsigned char chunk[CHUNK];

/* The parts that have data; one for all if there is no hole, or too many are. For the caller to free. */
static struct part *find_parts(int file, off_t size, size_t *count)
{
	struct part *parts = need(malloc(sizeof *parts));
	size_t found = 0, room = 1;
	for (off_t at = 0; at < size;) {
		off_t data = lseek(file, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? -1 : lseek(file, data, SEEK_HOLE);
		if (data < 0 || hole <= data || found == MOST_PARTS) {
			parts[0] = (struct part){ 0, size };
			*count = 1;
			return parts;
		}
		if (data >= size)
			break;
		if (found == room)
			parts = need(reallocarray(parts, room *= 2, sizeof *parts));
		at = hole > size ? size : hole;
		parts[found++] = (struct part){ data, at - data };
	}
	*count = found;
	return parts;
}

static void put_part(int file, const struct part *part, const char *path)
{
	for (off_t done = 0; done < part->length;) {
		off_t left = part->length - done;
		size_t most = left < CHUNK ? (size_t)left : CHUNK;
		if (read_bytes(file, chunk, part->offset + done, most, path) < most)
			fail_with(BAD_TREE, path, "it became shorter while it was read");
		put_bytes(chunk, most);
		done += (off_t)most;
	}
}

static void put_sparse(struct member *member, int file, const struct part *parts, size_t count, unsigned long long real_size)
{
	char *map;
	size_t map_size;
	FILE *lines = need(open_memstream(&map, &map_size));
	fprintf(lines, "%zu\n", count);
	for (size_t i = 0; i < count; i++)
		fprintf(lines, "%lld\n%lld\n", (long long)parts[i].offset, (long long)parts[i].length);
	if (fclose(lines) != 0)
		fail(member->path, "there is no memory left");
	member->size = (map_size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	for (size_t i = 0; i < count; i++)
		member->size += (unsigned long long)parts[i].length;
	member->real_size = &real_size;
	put_header(member);
	put_bytes(map, map_size);
	put_padding();
	for (size_t i = 0; i < count; i++)
		put_part(file, &parts[i], member->path);
	free(map);
}

/* A small file is read as a whole first, so that one that is being written has the size that was found. */
static void put_file(struct member *member, int file)
{
	struct stat now;
	size_t count;
	if (fstat(file, &now) < 0)
		fail(member->path, "the file cannot be read");
	struct part *parts = find_parts(file, now.st_size, &count);
	bool dense = count == 1 && parts[0].length == now.st_size;
	if (now.st_size == 0 || (dense && now.st_size <= CHUNK)) {
		member->size = read_bytes(file, chunk, 0, (size_t)now.st_size, member->path);
		put_header(member);
		put_bytes(chunk, (size_t)member->size);
	} else if (dense) {
		member->size = (unsigned long long)now.st_size;
		put_header(member);
		put_part(file, &parts[0], member->path);
	} else {
		put_sparse(member, file, parts, count, (unsigned long long)now.st_size);
	}
	put_padding();
	free(parts);
}

/* What has no data. */
static void put_other(const struct member *member)
{
	put_header(member);
}

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK: return '2';
	case S_IFCHR: return '3';
	case S_IFBLK: return '4';
	case S_IFIFO: return '6';
	default: return '0';
	}
}

static bool is_kept(const struct attribute *attribute)
{
	return strncmp(attribute->name, "trusted.", 8) != 0 && strncmp(attribute->name, "user.overlay.", 13) != 0 &&
	       strchr(attribute->name, '=') == NULL;
}

/* Those that an archive can have. */
static struct attributes attributes_for(struct packing *packing, int directory, const char *name)
{
	struct attributes all = read_attributes(directory, name, NO_OVERLAY);
	size_t kept = 0;
	for (size_t i = 0; i < all.count; i++) {
		if (is_kept(&all.list[i])) {
			all.list[kept++] = all.list[i];
			continue;
		}
		packing->attributes += strchr(all.list[i].name, '=') != NULL;
		free(all.list[i].name);
		free(all.list[i].value);
	}
	all.count = kept;
	return all;
}

/* Everything but a directory. */
static void pack_one(struct packing *packing, int directory, const char *name, const struct stat *stat)
{
	struct member member = { .path = packing->walk.path, .type = type_of(stat->st_mode), .stat = stat, .target = "" };
	const char *first = stat->st_nlink > 1 ? find_link(&packing->links, stat) : NULL;
	if (S_ISSOCK(stat->st_mode)) {
		packing->sockets++;
		return;
	}
	if (first != NULL) {
		member.type = '1';
		member.target = first;
		put_other(&member);
		return;
	}
	int file = S_ISREG(stat->st_mode) ? open_file(directory, name, stat) : NONE;
	char *target = S_ISLNK(stat->st_mode) ? read_target(directory, name, stat->st_size) : NULL;
	if ((S_ISREG(stat->st_mode) && file < 0) || (S_ISLNK(stat->st_mode) && target == NULL))
		return;
	struct attributes attributes = attributes_for(packing, directory, name);
	member.attributes = &attributes;
	if (target != NULL)
		member.target = target;
	if (file >= 0) {
		put_file(&member, file);
		close(file);
	} else {
		put_other(&member);
	}
	if (stat->st_nlink > 1)
		remember_link(&packing->links, stat, packing->walk.path);
	free(target);
	free_attributes(&attributes);
}

static void begin_directory(struct packing *packing, int parent, const char *name, const struct stat *stat)
{
	struct walk *walk = &packing->walk;
	int directory = open_directory(walk, parent, name, 0, stat);
	if (directory < 0)
		return;
	struct level *level = push(walk, (const int[2]){ directory, NONE });
	level->names[0] = read_names(directory, walk->path);
	struct attributes attributes = attributes_for(packing, directory, ".");
	size_t length = strlen(walk->path);
	char *path = need(malloc(length + 2));
	memcpy(path, walk->path, length);
	strcpy(path + length, "/");
	put_other(&(struct member){ .path = path, .type = '5', .stat = stat, .target = "", .attributes = &attributes });
	free(path);
	free_attributes(&attributes);
}

/* False: there is nothing. */
static bool pack_entry(struct packing *packing, int directory, const char *name)
{
	struct stat stat;
	if (fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		if (!is_gone(errno))
			fail(packing->walk.path, "it cannot be read");
		return false;
	}
	if (packing->walk.depth == 0)
		packing->walk.devices[0] = stat.st_dev;
	if (S_ISDIR(stat.st_mode))
		begin_directory(packing, directory, name, &stat);
	else
		pack_one(packing, directory, name, &stat);
	return true;
}

void pack_tree(int root, const char *path, const char *name, bool crosses)
{
	static const char end[2 * TAR_BLOCK];
	struct packing packing = { .walk = { .crosses = true } }; /* it may itself be mounted */
	struct stat stat;
	struct walk *walk = &packing.walk;
	struct place place;
	if (!find_place(root, path, ALL_MOUNTS, &place) || fstatat(place.parent, place.name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		fail_to_reach(root, path);
	if (strcmp(name, ".") == 0 && !S_ISDIR(stat.st_mode))
		fail_with(BAD_TREE, path, "it is no directory");
	set_path(walk, 0, name);
	if (!pack_entry(&packing, place.parent, place.name) || (S_ISDIR(stat.st_mode) && walk->depth == 0))
		fail_with(MISSING, path, "it does not exist any more");
	walk->crosses = crosses;
	while (walk->depth > 0) {
		struct level *level = top(walk);
		const char *next = next_name(level);
		if (next == NULL) {
			pop(walk);
			continue;
		}
		set_path(walk, level->path_length, next);
		pack_entry(&packing, level->directories[0], next);
	}
	close_place(&place);
	put_bytes(end, sizeof end);
	end_walk(walk);
	free_links(&packing.links);
	if (packing.sockets > 0)
		fprintf(stderr, "sockets were left out: %lu\n", packing.sockets);
	if (packing.attributes > 0)
		fprintf(stderr, "extended attributes with a = in their names were left out: %lu\n", packing.attributes);
}
