/* libFuzzer target: any bytes as an archive, read to its end or to the first fault; what is read stays within its bounds. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static jmp_buf refused;

void bad_archive(const char *path, const char *what)
{
	(void)path, (void)what;
	longjmp(refused, 1);
}

void bad_storage(const char *path, const char *what)
{
	bad_archive(path, what);
}

/* What a caller may rely on. */
static void check(const struct entry *entry)
{
	size_t length = strlen(entry->path);
	bool leads_out = strncmp(entry->path, "../", 3) == 0 || strstr(entry->path, "/../") != NULL || entry->path[0] == '/' ||
			 (length >= 3 && strcmp(entry->path + length - 3, "/..") == 0) || strcmp(entry->path, "..") == 0;
	if (length == 0 || length >= LONGEST_PATH || leads_out)
		abort();
	size_t seen = 0;
	for (size_t i = 0; i < entry->attribute_count; i++) {
		seen += strlen(entry->attributes[i].name);
		for (size_t j = 0; j < entry->attributes[i].size; j++)
			seen += ((const unsigned char *)entry->attributes[i].value)[j];
	}
	volatile size_t sink = seen;
	(void)sink;
	uint64_t end = 0;
	for (size_t i = 0; entry->sparse && i < entry->segment_count; i++) {
		if (entry->segments[i].offset < end || entry->segments[i].offset + entry->segments[i].length > entry->real_size)
			abort();
		end = entry->segments[i].offset + entry->segments[i].length;
	}
}

/* Otherwise most headers would end at their sums. */
static void put_sums(uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + BLOCK <= length; at += BLOCK) {
		unsigned int sum = 0;
		if (memcmp(bytes + at + 257, "ustar", 5) != 0)
			continue;
		memset(bytes + at + 148, ' ', 8);
		for (size_t i = 0; i < BLOCK; i++)
			sum += bytes[at + i];
		snprintf((char *)bytes + at + 148, 8, "%06o", sum);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *given, size_t length)
{
	static uint8_t bytes[1 << 20];
	static struct entry entry;
	static int input = -1;
	if (input < 0) {
		input = memfd_create("archive", 0);
		if (input < 0 || dup2(input, STDIN_FILENO) < 0)
			abort();
	}
	if (length > sizeof bytes)
		return 0;
	memcpy(bytes, given, length);
	put_sums(bytes, length);
	if (ftruncate(input, 0) < 0 || pwrite(input, bytes, length, 0) != (ssize_t)length || lseek(input, 0, SEEK_SET) < 0)
		abort();
	if (setjmp(refused) == 0) {
		while (next_entry(&entry)) {
			check(&entry);
			skip(entry.size);
			skip_padding(entry.size);
		}
	}
	drain();
	return 0;
}
