#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tree.h"

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* A file system may list an attribute and not have it, as when it was removed meanwhile. */
static bool is_missing(int error)
{
	return error == ENODATA || error == EOPNOTSUPP || error == ENOENT || error == ENOTDIR;
}

static const char *prefix_of(enum overlay overlay)
{
	return overlay == TRUSTED_OVERLAY ? "trusted.overlay." : overlay == USER_OVERLAY ? "user.overlay." : "\n";
}

/* There is no call of this kind that takes a descriptor of the directory and follows no link. */
static void enter(int directory, const char *name)
{
	if (fchdir(directory) < 0)
		fail(name, "its directory cannot be entered");
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct attribute *)one)->name, ((const struct attribute *)other)->name);
}

/* The caller frees it. */
static char *list_names(const char *name, size_t *size)
{
	for (size_t room = 1024;; room *= 2) {
		char *list = need(malloc(room));
		ssize_t length = llistxattr(name, list, room);
		if (length >= 0) {
			*size = (size_t)length;
			return list;
		}
		free(list);
		if (is_missing(errno)) {
			*size = 0;
			return need(malloc(1));
		}
		if (errno != ERANGE)
			fail(name, "its extended attributes cannot be listed");
	}
}

static bool read_value(const char *file, struct attribute *attribute)
{
	static unsigned char value[XATTR_SIZE_MAX];
	ssize_t size = lgetxattr(file, attribute->name, value, sizeof value);
	if (size < 0 && is_missing(errno))
		return false;
	if (size < 0)
		fail(file, "an extended attribute cannot be read");
	attribute->size = (size_t)size;
	attribute->value = need(malloc(attribute->size + 1));
	memcpy(attribute->value, value, attribute->size);
	return true;
}

struct attributes read_attributes(int directory, const char *name, enum overlay overlay)
{
	struct attributes found = { 0 };
	size_t size;
	enter(directory, name);
	char *list = list_names(name, &size);
	for (size_t at = 0, room = 0; at < size; at += strlen(list + at) + 1) {
		struct attribute attribute = { .name = list + at };
		if (starts_with(attribute.name, prefix_of(overlay)) || !read_value(name, &attribute))
			continue;
		if (found.count == room) {
			room = room == 0 ? 4 : room * 2;
			found.list = need(reallocarray(found.list, room, sizeof *found.list));
		}
		attribute.name = need(strdup(attribute.name));
		found.list[found.count++] = attribute;
	}
	free(list);
	if (found.count > 0)
		qsort(found.list, found.count, sizeof *found.list, by_name);
	return found;
}

bool write_attribute(int directory, const char *name, const struct attribute *attribute)
{
	enter(directory, name);
	return lsetxattr(name, attribute->name, attribute->value, attribute->size, 0) == 0;
}

void free_attributes(struct attributes *attributes)
{
	for (size_t i = 0; i < attributes->count; i++) {
		free(attributes->list[i].name);
		free(attributes->list[i].value);
	}
	free(attributes->list);
	*attributes = (struct attributes){ 0 };
}

bool is_acl(const struct attribute *attribute)
{
	return strcmp(attribute->name, XATTR_NAME_POSIX_ACL_ACCESS) == 0 || strcmp(attribute->name, XATTR_NAME_POSIX_ACL_DEFAULT) == 0;
}

bool is_same_attribute(const struct attribute *one, const struct attribute *other)
{
	return one->size == other->size && memcmp(one->value, other->value, one->size) == 0;
}

bool has_mark(int directory, const char *name, enum overlay overlay, const char *mark)
{
	char attribute[64], value[2];
	if (overlay == NO_OVERLAY)
		return false;
	snprintf(attribute, sizeof attribute, "%s%s", prefix_of(overlay), mark);
	enter(directory, name);
	ssize_t size = lgetxattr(name, attribute, value, sizeof value);
	if (size < 0 && !is_missing(errno) && errno != ERANGE)
		fail(name, "an extended attribute cannot be read");
	/* `opaque` may also be "x": the directory may have whiteouts that are attributes, and hides nothing. */
	return strcmp(mark, "whiteout") == 0 ? size >= 0 : size == 1 && value[0] == 'y';
}
