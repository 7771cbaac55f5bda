/* The formats of tar: v7, ustar, GNU and pax (tar(5), POSIX.1-2017 pax). */
#include <stdlib.h>
#include <string.h>

#include "unpack.h"

enum { NAME = 0, MODE = 100, UID = 108, GID = 116, SIZE = 124, MTIME = 136, CHECKSUM = 148, TYPE = 156, TARGET = 157, MAGIC = 257, PREFIX = 345 };

static bool is_zero(const unsigned char block[BLOCK])
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i] != 0)
			return false;
	return true;
}

/* Old programs summed signed characters. */
static void check_sum(const unsigned char block[BLOCK])
{
	int64_t sum = 0, signed_sum = 0;
	for (size_t i = 0; i < BLOCK; i++) {
		unsigned char byte = i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : block[i];
		sum += byte;
		signed_sum += (signed char)byte;
	}
	/* Whatever else is in the field, it is no number then, and the sum is another. */
	char *end;
	char field[9] = { 0 };
	memcpy(field, block + CHECKSUM, 8);
	long expected = strtol(field, &end, 8);
	if (end == field || (expected != sum && expected != signed_sum))
		bad_archive(NULL, "this is no tar archive, or it is damaged");
}

static uint64_t natural(const unsigned char *field, size_t size)
{
	int64_t value = parse_field(field, size);
	if (value < 0)
		bad_archive(NULL, "a header has a negative number");
	return (uint64_t)value;
}

/* The data of a header that describes the next entry, with a NUL behind it. */
static char *read_text(uint64_t size)
{
	if (size > LONGEST_HEADER)
		bad_archive(NULL, "a header is too long");
	char *text = malloc((size_t)size + 1);
	if (text == NULL)
		bad_storage(NULL, "no memory");
	read_exactly(text, (size_t)size);
	text[size] = '\0';
	skip_padding(size);
	return text;
}

/* What precedes an entry and describes it. Kept until the next entry is read. */
static struct pax pax;
static char *long_path, *long_target;

static void forget(void)
{
	free(pax.text);
	free(pax.segments);
	free(long_path);
	free(long_target);
	pax = (struct pax){ 0 };
	long_path = long_target = NULL;
}

/* True if the header described another entry. */
static bool take_description(const unsigned char header[BLOCK])
{
	uint64_t size = natural(header + SIZE, 12);
	char **place, *text;
	switch (header[TYPE]) {
	case 'x':
		if (pax.text != NULL)
			bad_archive(NULL, "an entry has two extended headers");
		pax.text = read_text(size);
		parse_pax(&pax, pax.text, (size_t)size);
		return true;
	case 'L':
	case 'K':
		text = read_text(size);
		place = header[TYPE] == 'L' ? &long_path : &long_target;
		free(*place);
		*place = text;
		return true;
	case 'g': /* Says the same of every entry, which is only of use for comments. */
	case 'V':
		skip(size);
		skip_padding(size);
		return true;
	default:
		return false;
	}
}

static void take_names(struct entry *entry, const unsigned char header[BLOCK])
{
	char name[BLOCK], target[101];
	const char *prefix = memcmp(header + MAGIC, "ustar", 6) == 0 ? (const char *)header + PREFIX : "";
	size_t prefix_length = strnlen(prefix, 155), name_length = strnlen((const char *)header, 100);
	memcpy(name, prefix, prefix_length);
	if (prefix_length > 0)
		name[prefix_length++] = '/';
	memcpy(name + prefix_length, header + NAME, name_length);
	name[prefix_length + name_length] = '\0';
	memcpy(target, header + TARGET, 100);
	target[100] = '\0';

	const char *path = pax.sparse_name != NULL ? pax.sparse_name : pax.path != NULL ? pax.path : long_path != NULL ? long_path : name;
	const char *to = pax.target != NULL ? pax.target : long_target != NULL ? long_target : target;
	size_t length = strlen(path);
	if (length == 0)
		bad_archive(NULL, "an entry has no name");
	if (!clean_path(path, entry->path))
		bad_archive(path, "the name leads out of the root with '..', or is too long");
	if (entry->type == '0' && path[length - 1] == '/')
		entry->type = '5';
	if (entry->type == '1' && !clean_path(to, entry->target))
		bad_archive(to, "the hard link leads out of the root with '..', or is too long");
	if (entry->type == '2') {
		if (strlen(to) >= sizeof entry->target || *to == '\0')
			bad_archive(entry->path, "the symbolic link has no target, or one that is too long");
		strcpy(entry->target, to);
	}
}

static uint32_t id(const char *path, uint64_t value)
{
	if (value >= UINT32_MAX)
		bad_archive(path, "the owner's id is too large");
	return (uint32_t)value;
}

static void take_numbers(struct entry *entry, const unsigned char header[BLOCK])
{
	entry->mode = (mode_t)natural(header + MODE, 8) & 07777;
	entry->uid = id(entry->path, pax.has_uid ? pax.uid : natural(header + UID, 8));
	entry->gid = id(entry->path, pax.has_gid ? pax.gid : natural(header + GID, 8));
	entry->mtime = pax.has_mtime ? pax.mtime : (struct timespec){ .tv_sec = parse_field(header + MTIME, 12) };
	/* Only files have data; some archives give a size for others. */
	entry->size = entry->type != '0' ? 0 : pax.has_size ? pax.size : natural(header + SIZE, 12);
	entry->real_size = entry->size;
	memcpy(entry->attributes, pax.attributes, pax.attribute_count * sizeof pax.attributes[0]);
	entry->attribute_count = pax.attribute_count;
}

static void take_map(struct entry *entry, const unsigned char header[BLOCK])
{
	entry->sparse = false;
	entry->segments = NULL;
	entry->segment_count = 0;
	if (header[TYPE] == 'S') {
		read_old_map(entry, header);
	} else if (pax.sparse && entry->type == '0') {
		entry->sparse = true;
		entry->real_size = pax.real_size;
		entry->segments = pax.segments;
		entry->segment_count = pax.segment_count;
		if (pax.map_in_data)
			read_map_in_data(entry);
	}
	/* Freed with the next entry. */
	pax.segments = entry->segments;
	if (entry->sparse)
		check_map(entry);
}

bool next_entry(struct entry *entry)
{
	unsigned char header[BLOCK];
	forget();
	for (;;) {
		if (!read_block(header) || is_zero(header)) {
			if (pax.text != NULL || long_path != NULL || long_target != NULL)
				bad_archive(NULL, "the archive ends in the middle of an entry");
			return false;
		}
		check_sum(header);
		if (!take_description(header))
			break;
	}
	char type = (char)header[TYPE];
	entry->type = type == '\0' || type == '7' || type == 'S' ? '0' : type;
	take_names(entry, header);
	if (entry->type < '0' || entry->type > '6')
		bad_archive(entry->path, "the entry is of a kind that no root has");
	take_numbers(entry, header);
	take_map(entry, header);
	return true;
}
