#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "unpack.h"

static unsigned char buffer[1 << 20];
static size_t start, end;

/* False at the end of the input. */
static bool fill(void)
{
	ssize_t count;
	do
		count = read(STDIN_FILENO, buffer, sizeof buffer);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		bad_storage(NULL, "the archive cannot be read");
	start = 0;
	end = (size_t)count;
	return count > 0;
}

/* What can be taken of `wanted` bytes without reading again: at least one. */
static size_t available(uint64_t wanted)
{
	if (start == end && !fill())
		bad_archive(NULL, "the archive ends in the middle of an entry");
	size_t count = end - start;
	return wanted < count ? (size_t)wanted : count;
}

void read_exactly(void *into, size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t count = available(size - done);
		memcpy((char *)into + done, buffer + start, count);
		start += count;
		done += count;
	}
}

bool read_block(unsigned char block[BLOCK])
{
	if (start == end && !fill())
		return false;
	read_exactly(block, BLOCK);
	return true;
}

void skip(uint64_t size)
{
	while (size > 0) {
		size_t count = available(size);
		start += count;
		size -= count;
	}
}

void skip_padding(uint64_t size)
{
	skip((BLOCK - size % BLOCK) % BLOCK);
}

void drain(void)
{
	while (fill())
		;
	start = end = 0;
}

void copy_to(int file, uint64_t offset, uint64_t size, const char *path)
{
	while (size > 0) {
		size_t most = available(size);
		ssize_t count = pwrite(file, buffer + start, most, (off_t)offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			bad_storage(path, "cannot be written");
		start += (size_t)count;
		offset += (uint64_t)count;
		size -= (uint64_t)count;
	}
}
