#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* A directory is before what is in it, and that before everything behind the directory. */
static int as_walked(const void *one, const void *other)
{
	const unsigned char *a = *(unsigned char *const *)one, *b = *(unsigned char *const *)other;
	while (*a == *b && *a != '\0')
		a++, b++;
	int left = *a == '/' ? 1 : *a == '\0' ? 0 : *a + 1, right = *b == '/' ? 1 : *b == '\0' ? 0 : *b + 1;
	return left - right;
}

char **read_paths(size_t *count)
{
	char **paths = NULL;
	char *path = NULL;
	size_t size = 0, room = 0, found = 0;
	while (getdelim(&path, &size, '\0', stdin) >= 0) {
		if (found == room) {
			room = room == 0 ? 64 : room * 2;
			paths = need(reallocarray(paths, room, sizeof *paths));
		}
		paths[found++] = path;
		path = NULL;
		size = 0;
	}
	free(path);
	if (ferror(stdin))
		fail("standard input", "it cannot be read");
	if (found > 0)
		qsort(paths, found, sizeof *paths, as_walked);
	*count = found;
	return paths;
}

bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);
	return strncmp(path, directory, length) == 0 && path[length] == '/';
}
