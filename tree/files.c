#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

/* A regular file beneath a root, without following a link; -1: there is none. */
static int open_regular(int root, const char *path, struct stat *stat)
{
	struct place place;
	if (!find_place(root, path, ONE_MOUNT, &place))
		return -1;
	int file = -1;
	if (fstatat(place.parent, place.name, stat, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 && S_ISREG(stat->st_mode))
		file = open_file(place.parent, place.name, stat);
	close_place(&place);
	return file;
}

static void print_content(int file, off_t size, const char *path)
{
	unsigned char *content = need(malloc((size_t)size + 1));
	size_t count = read_bytes(file, content, 0, (size_t)size, path);
	printf("%zu\n", count);
	fwrite(content, 1, count, stdout);
	free(content);
}

void print_files(int root, off_t most)
{
	char *path = NULL;
	size_t room = 0;
	while (getdelim(&path, &room, '\0', stdin) >= 0) {
		struct stat stat;
		int file = open_regular(root, path, &stat);
		if (file >= 0 && stat.st_size <= most)
			print_content(file, stat.st_size, path);
		else
			puts("-");
		if (file >= 0)
			close(file);
	}
	free(path);
}

void compare_files_at(const int roots[2])
{
	char *paths[2] = { NULL, NULL };
	size_t rooms[2] = { 0, 0 };
	while (getdelim(&paths[0], &rooms[0], '\0', stdin) >= 0 && getdelim(&paths[1], &rooms[1], '\0', stdin) >= 0) {
		struct stat stats[2];
		int files[2];
		for (int side = 0; side < 2; side++)
			files[side] = open_regular(roots[side], paths[side], &stats[side]);
		bool same = files[0] >= 0 && files[1] >= 0 && stats[0].st_size == stats[1].st_size &&
			    is_same_file(files, stats[0].st_size, paths[1]);
		putchar(same ? '=' : '!');
		for (int side = 0; side < 2; side++)
			if (files[side] >= 0)
				close(files[side]);
	}
	free(paths[0]);
	free(paths[1]);
}
