#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static int by_bytes(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

struct names read_names(int directory, const char *path)
{
	struct names names = { 0 };
	size_t room = 0;
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	if (stream == NULL)
		fail(path, "the directory cannot be read");
	errno = 0;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL; errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names.count == room) {
			room = room == 0 ? 16 : room * 2;
			names.list = need(reallocarray(names.list, room, sizeof *names.list));
		}
		names.list[names.count++] = need(strdup(entry->d_name));
	}
	if (errno != 0)
		fail(path, "the directory cannot be read");
	closedir(stream);
	if (names.count > 0)
		qsort(names.list, names.count, sizeof *names.list, by_bytes);
	return names;
}

void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct names){ 0 };
}
