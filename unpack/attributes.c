#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "unpack.h"

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* What belongs to the host that made the image: its labels and signatures, and the marks of its overlays. */
static bool is_of_host(const char *name)
{
	return starts_with(name, "trusted.") || starts_with(name, "user.overlay.") || strcmp(name, "security.selinux") == 0 ||
	       strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

/* Capabilities with the id of a root: the kernel makes them for the root of this sandbox from those without. */
static size_t without_root(struct vfs_ns_cap_data *value, size_t size)
{
	if (size != sizeof *value || (le32toh(value->magic_etc) & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3)
		return size;
	value->magic_etc = htole32((le32toh(value->magic_etc) & VFS_CAP_FLAGS_MASK) | VFS_CAP_REVISION_2);
	return sizeof(struct vfs_cap_data);
}

static int set(const char *path, int file, const char *name, const void *value, size_t size)
{
	return file >= 0 ? fsetxattr(file, name, value, size, 0) : lsetxattr(path, name, value, size, 0);
}

unsigned int set_attributes(const struct entry *entry, int file)
{
	unsigned int left_out = 0;
	for (size_t i = 0; i < entry->attribute_count; i++) {
		const struct attribute *attribute = &entry->attributes[i];
		struct vfs_ns_cap_data capabilities;
		const void *value = attribute->value;
		size_t size = attribute->size;
		if (is_of_host(attribute->name))
			continue;
		if (strcmp(attribute->name, XATTR_NAME_CAPS) == 0 && size <= sizeof capabilities) {
			memcpy(&capabilities, value, size);
			size = without_root(&capabilities, size);
			value = &capabilities;
		}
		if (set(entry->path, file, attribute->name, value, size) == 0)
			continue;
		if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
			bad_storage(entry->path, "an extended attribute cannot be written");
		left_out++;
	}
	return left_out;
}
