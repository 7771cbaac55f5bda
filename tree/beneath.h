/* What every verb of isolate-tree uses. */
#ifndef BENEATH_H
#define BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* MISSING: there is nothing at the path that was given. */
enum { BAD_TREE = 2, MISSING = 3 };

/* errors.c: print one line and exit, with BAD_TREE and what errno says, or with `status`. */
_Noreturn void fail(const char *path, const char *what);
_Noreturn __attribute__((format(printf, 3, 4))) void fail_with(int status, const char *path, const char *format, ...);
void *need(void *memory);

/*
 * beneath.c: what is beneath a directory, by paths without `..`, of which no part may be a link, the last one neither. Paths may be
 * longer than the system's calls take.
 */
enum { NONE = -1 };
/* Whether a path may lead to what is mounted below its directory. */
enum mounts { ONE_MOUNT, ALL_MOUNTS };
/* A descriptor; NONE with errno. */
int open_beneath(int directory, const char *path, int flags, enum mounts mounts);
/* Whether there is nothing at a path, or nothing that may be reached: errno of a call that follows no link. */
bool is_gone(int error);
/* The directory that has something, and the name in it; "." for the root itself. */
struct place {
	int parent;
	const char *name;
};
/* False with errno: there is no such directory. */
bool find_place(int root, const char *path, enum mounts mounts, struct place *place);
void close_place(struct place *place);
/* Fails and says why a path leads nowhere: it is not there, or a part of it is a link. */
_Noreturn void fail_to_reach(int root, const char *path);

/* links.c: the first paths of files that have several names. */
struct links {
	struct link *list;
	size_t room, count;
};
const char *find_link(const struct links *links, const struct stat *stat);
void remember_link(struct links *links, const struct stat *stat, const char *path);
void free_links(struct links *links);

#endif
