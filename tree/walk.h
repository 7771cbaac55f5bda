/* The walk over two trees side by side: in `compare` the base and the other, in `copy` the source and what is made; in others over one. */
#ifndef WALK_H
#define WALK_H

#include "tree.h"

enum { CLOSED = -2 };

/* One directory of the walk: on both sides, or on one. */
struct level {
	int directories[2]; /* NONE: the side has none; CLOSED: it is reopened from below */
	dev_t device[2];
	ino_t inode[2];
	struct names names[2];
	size_t next[2];
	size_t path_length;
	bool layered; /* what the other side lacks is in the base */
	struct stat stat; /* in `copy`: of the source, for what is set when the copy is complete */
};

struct walk {
	const struct comparison *comparison; /* NULL in `copy` */
	dev_t devices[2]; /* of the roots */
	bool crosses;     /* what is mounted below belongs to the tree */
	struct level *levels;
	size_t depth, room;
	char *path;
	size_t path_room;
};

/* Sets the end of the walk's path, behind a directory's path of `length` bytes. */
void set_path(struct walk *walk, size_t length, const char *name);
/* NONE: it is not the directory that was seen, or what is mounted there belongs to no tree. */
int open_directory(struct walk *walk, int parent, const char *name, int side, const struct stat *seen);
/* Begins to walk the directory at the walk's path, with no names yet; `directories` are its own. The caller sets the rest. */
struct level *push(struct walk *walk, const int directories[2]);
struct level *top(struct walk *walk);
void pop(struct walk *walk);
/* The next name that one side has, or both; NULL: there is none. */
const char *next_name(struct level *level);
void end_walk(struct walk *walk);

#endif
