#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "tree.h"

enum { LONGEST_VALUE = 4096 };

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return 'f';
	case S_IFDIR: return 'd';
	case S_IFLNK: return 'l';
	case S_IFBLK: return 'b';
	case S_IFCHR: return 'c';
	case S_IFIFO: return 'p';
	case S_IFSOCK: return 's';
	default: return '?';
	}
}

static void end_field(void)
{
	putchar('\0');
}

static void print_stat(const struct stat *stat)
{
	if (stat != NULL) {
		printf("%c %o %u %u %lld %lld.%09ld %u:%u %llu %lu", type_of(stat->st_mode), stat->st_mode & 07777, stat->st_uid,
		       stat->st_gid, (long long)stat->st_size, (long long)stat->st_mtim.tv_sec, stat->st_mtim.tv_nsec,
		       major(stat->st_rdev), minor(stat->st_rdev), (unsigned long long)stat->st_ino, (unsigned long)stat->st_nlink);
	}
	end_field();
}

static void print_hex(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

/* `+` before what the other side has, `-` before what the base has. Of a long value only its beginning and its size. */
static void print_attribute(char sign, const struct attribute *attribute)
{
	putchar(sign);
	print_hex(attribute->name, strlen(attribute->name));
	putchar('=');
	print_hex(attribute->value, attribute->size > LONGEST_VALUE ? LONGEST_VALUE : attribute->size);
	if (attribute->size > LONGEST_VALUE)
		printf("/%zu", attribute->size);
	end_field();
}

/* Those that differ. */
static void print_attributes(const struct attributes *base, const struct attributes *other)
{
	size_t i = 0, j = 0;
	while (i < base->count || j < other->count) {
		int order = i == base->count ? 1 : j == other->count ? -1 : strcmp(base->list[i].name, other->list[j].name);
		bool same = order == 0 && is_same_attribute(&base->list[i], &other->list[j]);
		if (order <= 0 && !same)
			print_attribute('-', &base->list[i]);
		if (order >= 0 && !same)
			print_attribute('+', &other->list[j]);
		i += order <= 0;
		j += order >= 0;
	}
	end_field();
}

static void print_text(const char *text)
{
	if (text != NULL)
		fputs(text, stdout);
	end_field();
}

void print_change(const char *kinds, const char *path, const struct side sides[2])
{
	print_text(kinds);
	print_text(path);
	print_stat(sides[BASE].stat);
	print_stat(sides[OTHER].stat);
	print_text(sides[BASE].target);
	print_text(sides[OTHER].target);
	print_attributes(&sides[BASE].attributes, &sides[OTHER].attributes);
	if (ferror(stdout))
		fail("standard output", "it cannot be written");
}
