#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { BLOCK = 1 << 17 };

int open_file(int directory, const char *name, const struct stat *seen)
{
	/* O_NONBLOCK: a pipe that has taken its place does not stop us. */
	int file = open_beneath(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, ALL_MOUNTS);
	struct stat stat;
	if (file < 0) {
		if (is_gone(errno) || errno == ENXIO)
			return -1;
		fail(name, "the file cannot be read");
	}
	if (fstat(file, &stat) < 0 || stat.st_ino != seen->st_ino || stat.st_dev != seen->st_dev) {
		close(file);
		return -1;
	}
	return file;
}

/* Where there is data next, at or behind `from`; `end`: nowhere. */
static off_t next_data(int file, off_t from, off_t end)
{
	off_t at = lseek(file, from, SEEK_DATA);
	if (at < 0)
		return errno == ENXIO ? end : from;
	return at > end ? end : at;
}

size_t read_bytes(int file, unsigned char *block, off_t at, size_t most, const char *name)
{
	size_t done = 0;
	while (done < most) {
		ssize_t count = pread(file, block + done, most - done, at + (off_t)done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			fail(name, "the file cannot be read");
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return done;
}

bool is_same_file(const int files[2], off_t size, const char *name)
{
	static unsigned char blocks[2][BLOCK];
	for (off_t at = 0; at < size;) {
		/* A hole in both needs no reading. */
		off_t data = next_data(files[BASE], at, size);
		if (data > at) {
			off_t others = next_data(files[OTHER], at, size);
			data = data < others ? data : others;
		}
		if (data > at) {
			at = data;
			continue;
		}
		size_t most = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
		size_t counts[2];
		for (int side = BASE; side <= OTHER; side++)
			counts[side] = read_bytes(files[side], blocks[side], at, most, name);
		if (counts[BASE] != counts[OTHER] || memcmp(blocks[BASE], blocks[OTHER], counts[BASE]) != 0)
			return false;
		if (counts[BASE] < most)
			return true;
		at += (off_t)most;
	}
	return true;
}

bool is_same_content(const int directories[2], const char *name, const struct stat stats[2])
{
	int files[2];
	if (stats[BASE].st_size != stats[OTHER].st_size)
		return false;
	if (stats[BASE].st_size == 0)
		return true;
	files[BASE] = open_file(directories[BASE], name, &stats[BASE]);
	files[OTHER] = files[BASE] < 0 ? -1 : open_file(directories[OTHER], name, &stats[OTHER]);
	bool same = files[OTHER] >= 0 && is_same_file(files, stats[BASE].st_size, name);
	for (int side = BASE; side <= OTHER; side++)
		if (files[side] >= 0)
			close(files[side]);
	return same;
}

char *read_target(int directory, const char *name, off_t size)
{
	/* Some file systems say 0. */
	size_t room = size > 0 ? (size_t)size + 1 : 4096;
	char *target = need(malloc(room));
	ssize_t length = readlinkat(directory, name, target, room - 1);
	if (length < 0) {
		free(target);
		if (errno == ENOENT || errno == EINVAL)
			return NULL;
		fail(name, "the symbolic link cannot be read");
	}
	target[length] = '\0';
	return target;
}

int change_mode(int directory, const char *name, mode_t mode)
{
	/* fchmodat2(2) is younger than the kernels that we support; the descriptor is of what is there, whatever it is. */
	char path[64];
	int file = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	int result = chmod(path, mode);
	close(file);
	return result;
}
