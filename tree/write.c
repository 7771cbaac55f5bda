#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "write.h"

/* What is being made under a name of its own; it goes if this process ends before it has its name. */
static struct {
	int parent;
	char name[40];
} unfinished = { NONE, "" };

static void remove_unfinished(void)
{
	if (unfinished.parent >= 0)
		unlinkat(unfinished.parent, unfinished.name, 0);
	unfinished.parent = NONE;
}

static void begin(int parent, const char *path)
{
	static bool registered;
	uint64_t number;
	if (!registered && atexit(remove_unfinished) != 0)
		fail(path, "there is no memory left");
	registered = true;
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		fail(path, "there are no random numbers");
	snprintf(unfinished.name, sizeof unfinished.name, ".isolate-cp-%016llx", (unsigned long long)number);
	unfinished.parent = parent;
}

static void finish(const struct place *place, const char *path)
{
	if (renameat(place->parent, unfinished.name, place->parent, place->name) < 0)
		fail(path, "it cannot be put in its place");
	/* Two names of one file are left as they are. */
	unlinkat(place->parent, unfinished.name, 0);
	unfinished.parent = NONE;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* What belongs to the host that made the archive is nobody's here. */
static bool is_taken(const struct dress *dress, const char *name)
{
	if (starts_with(name, "user."))
		return !starts_with(name, "user.overlay.");
	return dress->archive && (strcmp(name, "security.capability") == 0 || starts_with(name, "system.posix_acl_"));
}

static void set_attributes_of(struct dress *dress, const struct place *place, int file, const struct entry *entry)
{
	for (size_t i = 0; i < entry->attribute_count; i++) {
		const struct attribute *attribute = &entry->attributes[i];
		if (!is_taken(dress, attribute->name))
			continue;
		if (file < 0 && fchdir(place->parent) < 0)
			fail(entry->path, "its directory cannot be entered");
		int result = file >= 0 ? fsetxattr(file, attribute->name, attribute->value, attribute->size, 0) :
					 lsetxattr(place->name, attribute->name, attribute->value, attribute->size, 0);
		if (result == 0)
			continue;
		if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
			fail(entry->path, "an extended attribute cannot be written");
		dress->attributes++;
	}
}

static void set_owner(const struct place *place, int file, const struct entry *entry)
{
	int result = file >= 0 ? fchown(file, entry->uid, entry->gid) :
				 fchownat(place->parent, place->name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW);
	if (result == 0)
		return;
	if (errno == EINVAL)
		fail_with(BAD_TREE, entry->path, "its owner %u:%u is none of the ids there", entry->uid, entry->gid);
	fail(entry->path, "its owner cannot be set");
}

/* Owner first, because it takes away set-uid bits and capabilities; the times last, because everything sets them. */
void dress(struct dress *dress, const struct place *place, int file, const struct entry *entry)
{
	const struct timespec times[2] = { entry->mtime, entry->mtime };
	if (dress->archive)
		set_owner(place, file, entry);
	if (file >= 0 && fchmod(file, entry->mode & (dress->archive ? 07777 : 01777)) < 0)
		fail(entry->path, "its permissions cannot be set");
	set_attributes_of(dress, place, file, entry);
	if ((file >= 0 ? futimens(file, times) : utimensat(place->parent, place->name, times, AT_SYMLINK_NOFOLLOW)) < 0)
		fail(entry->path, "its times cannot be set");
}

static void write_data(const struct entry *entry, int file)
{
	if (!entry->sparse) {
		copy_to(file, 0, entry->size, entry->path);
	} else {
		for (size_t i = 0; i < entry->segment_count; i++)
			copy_to(file, entry->segments[i].offset, entry->segments[i].length, entry->path);
		if (ftruncate(file, (off_t)entry->real_size) < 0)
			fail(entry->path, "it cannot be written");
	}
	skip_padding(entry->size);
}

void write_member(struct dress *with, const struct place *place, const struct entry *entry)
{
	begin(place->parent, entry->path);
	const struct place temporary = { place->parent, unfinished.name };
	int file = NONE, made;
	if (entry->type == '0')
		made = file = openat(temporary.parent, temporary.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	else if (entry->type == '2')
		made = symlinkat(entry->target, temporary.parent, temporary.name);
	else if ((made = mkfifoat(temporary.parent, temporary.name, 0600)) == 0)
		made = file = openat(temporary.parent, temporary.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0)
		fail(entry->path, "it cannot be made");
	if (entry->type == '0')
		write_data(entry, file);
	dress(with, &temporary, file, entry);
	if (file >= 0 && close(file) < 0)
		fail(entry->path, "it cannot be written");
	finish(place, entry->path);
}

void write_link(const struct place *place, const struct place *file, const char *path)
{
	begin(place->parent, path);
	if (linkat(file->parent, file->name, place->parent, unfinished.name, 0) < 0) {
		unfinished.parent = NONE;
		fail(path, "the hard link cannot be made");
	}
	finish(place, path);
}
