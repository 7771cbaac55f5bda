/* Headers of tar in the pax format (POSIX.1-2017), with the records of GNU tar for sparse files and of star for attributes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "pack.h"

struct records {
	char *text;
	size_t size, room;
};

static unsigned long padding;

void put_bytes(const void *bytes, size_t size)
{
	if (size > 0 && fwrite(bytes, 1, size, stdout) != size)
		fail("standard output", "it cannot be written");
	padding = (padding + size) % TAR_BLOCK;
}

void put_padding(void)
{
	static const char zeros[TAR_BLOCK];
	put_bytes(zeros, (TAR_BLOCK - padding) % TAR_BLOCK);
}

/* `LENGTH KEY=VALUE\n`, where LENGTH counts all of it. */
static void add_record(struct records *records, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3, length = rest + 1;
	for (size_t digits = 1, most = 10; length >= most; digits++, most *= 10)
		length = rest + digits + 1;
	if (records->size + length + 1 > records->room) {
		records->room = (records->size + length + 1) * 2;
		records->text = need(realloc(records->text, records->room));
	}
	char *at = records->text + records->size;
	at += sprintf(at, "%zu %s=", length, key);
	memcpy(at, value, size);
	at[size] = '\n';
	records->size += length;
}

static void add_number(struct records *records, const char *key, unsigned long long value)
{
	char text[24];
	add_record(records, key, text, (size_t)snprintf(text, sizeof text, "%llu", value));
}

static void add_time(struct records *records, const struct timespec *time)
{
	char text[40];
	bool behind = time->tv_sec < 0 && time->tv_nsec > 0;
	long long seconds = behind ? -(time->tv_sec + 1) : time->tv_sec;
	long nanoseconds = behind ? 1000000000 - time->tv_nsec : time->tv_nsec;
	add_record(records, "mtime", text, (size_t)snprintf(text, sizeof text, "%s%lld.%09ld", behind ? "-" : "", seconds, nanoseconds));
}

/* False: the name cannot be written, because a `=` ends it. */
static bool add_attribute(struct records *records, const struct attribute *attribute)
{
	char key[300];
	if (strchr(attribute->name, '=') != NULL)
		return false;
	snprintf(key, sizeof key, "SCHILY.xattr.%s", attribute->name);
	add_record(records, key, attribute->value, attribute->size);
	return true;
}

static void put_number(char *field, size_t size, unsigned long long value)
{
	snprintf(field, size, "%0*llo", (int)size - 1, value);
}

static void put_block(const char *name, char type, const struct stat *stat, unsigned long long size, const char *target)
{
	char block[TAR_BLOCK] = { 0 };
	unsigned int sum = 0;
	size_t length = strlen(name), target_length = strlen(target);
	memcpy(block, name, length < 100 ? length : 100);
	put_number(block + 100, 8, stat->st_mode & 07777);
	put_number(block + 108, 8, stat->st_uid <= 07777777 ? stat->st_uid : 0);
	put_number(block + 116, 8, stat->st_gid <= 07777777 ? stat->st_gid : 0);
	put_number(block + 124, 12, size <= 077777777777 ? size : 0);
	put_number(block + 136, 12, stat->st_mtim.tv_sec >= 0 && stat->st_mtim.tv_sec <= 077777777777 ? (unsigned long long)stat->st_mtim.tv_sec : 0);
	memset(block + 148, ' ', 8);
	block[156] = type;
	memcpy(block + 157, target, target_length < 100 ? target_length : 100);
	memcpy(block + 257, "ustar\00000", 8);
	if (type == '3' || type == '4') {
		put_number(block + 329, 8, major(stat->st_rdev) & 07777777);
		put_number(block + 337, 8, minor(stat->st_rdev) & 07777777);
	}
	for (size_t i = 0; i < sizeof block; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	put_bytes(block, sizeof block);
}

unsigned long put_header(const struct member *member)
{
	const struct stat *stat = member->stat;
	struct records records = { 0 };
	unsigned long missing = 0;
	const char *name = member->real_size == NULL ? member->path : "GNUSparseFile.0/sparse";
	if (member->real_size != NULL) {
		add_record(&records, "GNU.sparse.major", "1", 1);
		add_record(&records, "GNU.sparse.minor", "0", 1);
		add_record(&records, "GNU.sparse.name", member->path, strlen(member->path));
		add_number(&records, "GNU.sparse.realsize", *member->real_size);
	} else if (strlen(name) > 100) {
		add_record(&records, "path", name, strlen(name));
	}
	if (strlen(member->target) > 100)
		add_record(&records, "linkpath", member->target, strlen(member->target));
	if (member->size > 077777777777)
		add_number(&records, "size", member->size);
	if (stat->st_uid > 07777777)
		add_number(&records, "uid", stat->st_uid);
	if (stat->st_gid > 07777777)
		add_number(&records, "gid", stat->st_gid);
	if (stat->st_mtim.tv_nsec != 0 || stat->st_mtim.tv_sec < 0 || stat->st_mtim.tv_sec > 077777777777)
		add_time(&records, &stat->st_mtim);
	for (size_t i = 0; member->attributes != NULL && i < member->attributes->count; i++)
		missing += !add_attribute(&records, &member->attributes->list[i]);
	if (records.size > 0) {
		const struct stat none = { .st_mode = 0644 };
		put_block("PaxHeaders/entry", 'x', &none, records.size, "");
		put_bytes(records.text, records.size);
		put_padding();
	}
	free(records.text);
	put_block(name, member->type, stat, member->size, member->target);
	return missing;
}
