#include <stdlib.h>
#include <string.h>

#include "unpack.h"

static const char damaged[] = "an extended header is damaged";

void add_segment(struct segment **segments, size_t *count, uint64_t offset, uint64_t length)
{
	if (*count == MOST_SEGMENTS)
		bad_archive(NULL, "a sparse file has too many parts");
	if (*segments == NULL && (*segments = malloc(MOST_SEGMENTS * sizeof **segments)) == NULL)
		bad_storage(NULL, "no memory");
	(*segments)[(*count)++] = (struct segment){ offset, length };
}

static uint64_t decimal(const char *text)
{
	uint64_t value;
	if (!parse_decimal(text, &value))
		bad_archive(NULL, damaged);
	return value;
}

/* OFFSET,LENGTH,OFFSET,LENGTH... */
static void parse_map(struct pax *pax, char *text)
{
	char *rest = text;
	for (char *offset; (offset = strsep(&rest, ",")) != NULL;) {
		char *length = strsep(&rest, ",");
		if (length == NULL && *offset == '\0')
			return;
		if (length == NULL)
			bad_archive(NULL, damaged);
		add_segment(&pax->segments, &pax->segment_count, decimal(offset), decimal(length));
	}
}

static void take_sparse(struct pax *pax, const char *key, char *value)
{
	pax->sparse = true;
	if (strcmp(key, "major") == 0)
		pax->map_in_data = strcmp(value, "1") == 0;
	else if (strcmp(key, "name") == 0)
		pax->sparse_name = value;
	else if (strcmp(key, "realsize") == 0 || strcmp(key, "size") == 0)
		pax->real_size = decimal(value);
	else if (strcmp(key, "map") == 0)
		parse_map(pax, value);
	else if (strcmp(key, "offset") == 0)
		add_segment(&pax->segments, &pax->segment_count, decimal(value), 0);
	else if (strcmp(key, "numbytes") == 0 && pax->segment_count > 0)
		pax->segments[pax->segment_count - 1].length = decimal(value);
}

static void take_attribute(struct pax *pax, const char *name, const char *value, size_t size)
{
	if (pax->attribute_count == MOST_ATTRIBUTES)
		bad_archive(NULL, "an entry has too many extended attributes");
	pax->attributes[pax->attribute_count++] = (struct attribute){ name, value, size };
}

/* Keys that say nothing about what is unpacked are ignored: other times, names of owners, comments. */
static void take(struct pax *pax, const char *key, char *value, size_t size)
{
	static const char attribute[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
	if (strncmp(key, attribute, sizeof attribute - 1) == 0) {
		take_attribute(pax, key + sizeof attribute - 1, value, size);
		return;
	}
	if (strlen(value) != size)
		bad_archive(NULL, damaged);
	if (strcmp(key, "path") == 0)
		pax->path = value;
	else if (strcmp(key, "linkpath") == 0)
		pax->target = value;
	else if (strcmp(key, "size") == 0)
		pax->size = decimal(value), pax->has_size = true;
	else if (strcmp(key, "uid") == 0)
		pax->uid = decimal(value), pax->has_uid = true;
	else if (strcmp(key, "gid") == 0)
		pax->gid = decimal(value), pax->has_gid = true;
	else if (strcmp(key, "mtime") == 0) {
		if (!parse_time(value, &pax->mtime))
			bad_archive(NULL, damaged);
		pax->has_mtime = true;
	} else if (strncmp(key, sparse, sizeof sparse - 1) == 0)
		take_sparse(pax, key + sizeof sparse - 1, value);
}

/* `LENGTH KEY=VALUE\n`, where LENGTH counts all of it. `text` is changed, and kept by `pax`. */
void parse_pax(struct pax *pax, char *text, size_t size)
{
	char *record = text;
	while (record < text + size) {
		char *space = memchr(record, ' ', (size_t)(text + size - record));
		if (space == NULL)
			bad_archive(NULL, damaged);
		*space = '\0';
		uint64_t length = decimal(record);
		if (length > (uint64_t)(text + size - record) || length < (uint64_t)(space - record) + 3 || record[length - 1] != '\n')
			bad_archive(NULL, damaged);
		char *next = record + length;
		char *equals = memchr(space + 1, '=', (size_t)(next - space - 1));
		if (equals == NULL)
			bad_archive(NULL, damaged);
		*equals = '\0';
		next[-1] = '\0';
		take(pax, space + 1, equals + 1, (size_t)(next - equals - 2));
		record = next;
	}
}
