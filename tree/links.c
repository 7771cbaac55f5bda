#include <stdlib.h>
#include <string.h>

#include "tree.h"

struct link {
	dev_t device;
	ino_t inode;
	char *path; /* NULL: the place is free */
};

/* A hash table with open addressing; the numbers of files are close to each other. */
static struct link *place_of(struct link *list, size_t room, dev_t device, ino_t inode)
{
	size_t at = (size_t)(inode * 0x9e3779b97f4a7c15u) & (room - 1);
	while (list[at].path != NULL && (list[at].inode != inode || list[at].device != device))
		at = (at + 1) & (room - 1);
	return &list[at];
}

const char *find_link(const struct links *links, const struct stat *stat)
{
	return links->count == 0 ? NULL : place_of(links->list, links->room, stat->st_dev, stat->st_ino)->path;
}

static void grow(struct links *links)
{
	size_t room = links->room == 0 ? 64 : links->room * 2;
	struct link *list = need(calloc(room, sizeof *list));
	for (size_t i = 0; i < links->room; i++)
		if (links->list[i].path != NULL)
			*place_of(list, room, links->list[i].device, links->list[i].inode) = links->list[i];
	free(links->list);
	links->list = list;
	links->room = room;
}

void remember_link(struct links *links, const struct stat *stat, const char *path)
{
	if (links->count * 2 >= links->room)
		grow(links);
	struct link *link = place_of(links->list, links->room, stat->st_dev, stat->st_ino);
	if (link->path != NULL)
		return;
	*link = (struct link){ stat->st_dev, stat->st_ino, need(strdup(path)) };
	links->count++;
}

void free_links(struct links *links)
{
	for (size_t i = 0; i < links->room; i++)
		free(links->list[i].path);
	free(links->list);
	*links = (struct links){ 0 };
}
