/* The three places in which GNU tar keeps the map of a sparse file, beside the records that pax.c reads. */
#include <string.h>

#include "unpack.h"

/* Four parts from `field` on in an old header, or 21 in a block behind it. */
static void take_old(struct entry *entry, const unsigned char *field, size_t count)
{
	for (size_t i = 0; i < count; i++, field += 24) {
		int64_t offset = parse_field(field, 12), length = parse_field(field + 12, 12);
		if (field[12] == '\0')
			return;
		if (offset < 0 || length < 0)
			bad_archive(entry->path, "the map of the sparse file is damaged");
		add_segment(&entry->segments, &entry->segment_count, (uint64_t)offset, (uint64_t)length);
	}
}

void read_old_map(struct entry *entry, const unsigned char header[BLOCK])
{
	unsigned char block[BLOCK];
	bool more = header[482] != 0;
	int64_t real_size = parse_field(header + 483, 12);
	if (real_size < 0)
		bad_archive(entry->path, "the map of the sparse file is damaged");
	entry->sparse = true;
	entry->real_size = (uint64_t)real_size;
	take_old(entry, header + 386, 4);
	while (more) {
		read_exactly(block, BLOCK);
		more = block[504] != 0;
		take_old(entry, block, 21);
	}
}

struct lines {
	unsigned char block[BLOCK];
	size_t at;
	uint64_t blocks;
};

static uint64_t next_number(struct entry *entry, struct lines *lines)
{
	char text[24];
	size_t length = 0;
	uint64_t value;
	for (;;) {
		if (lines->at == BLOCK) {
			if ((lines->blocks + 1) * BLOCK > entry->size)
				bad_archive(entry->path, "the map of the sparse file is damaged");
			read_exactly(lines->block, BLOCK);
			lines->blocks++;
			lines->at = 0;
		}
		char next = (char)lines->block[lines->at++];
		if (next == '\n')
			break;
		if (length == sizeof text - 1)
			bad_archive(entry->path, "the map of the sparse file is damaged");
		text[length++] = next;
	}
	text[length] = '\0';
	if (!parse_decimal(text, &value))
		bad_archive(entry->path, "the map of the sparse file is damaged");
	return value;
}

/* Version 1.0: the number of parts, then offset and length of each, a number a line, padded to a block. */
void read_map_in_data(struct entry *entry)
{
	struct lines lines = { .at = BLOCK };
	for (uint64_t left = next_number(entry, &lines); left > 0; left--) {
		uint64_t offset = next_number(entry, &lines);
		add_segment(&entry->segments, &entry->segment_count, offset, next_number(entry, &lines));
	}
	entry->size -= lines.blocks * BLOCK;
}

void check_map(const struct entry *entry)
{
	uint64_t end = 0, size = 0;
	for (size_t i = 0; i < entry->segment_count; i++) {
		struct segment part = entry->segments[i];
		if (part.offset < end || part.length > entry->size - size || part.offset > entry->real_size ||
		    part.length > entry->real_size - part.offset)
			bad_archive(entry->path, "the map of the sparse file is damaged");
		end = part.offset + part.length;
		size += part.length;
	}
	if (size != entry->size)
		bad_archive(entry->path, "the map of the sparse file is damaged");
}
