/* isolate-tree: what a run has changed in its tree. main.c says how. */
#ifndef TREE_H
#define TREE_H

#include "beneath.h"

/* names.c: the names in a directory, sorted by their bytes, without "." and "..". */
struct names {
	char **list;
	size_t count;
};
struct names read_names(int directory, const char *path);
void free_names(struct names *names);

/* attributes.c: extended attributes, sorted by name. */
struct attribute {
	char *name;
	unsigned char *value;
	size_t size;
};
struct attributes {
	struct attribute *list;
	size_t count;
};
/* Which attributes belong to the overlay that a layer is of, and are nothing that a run has changed. */
enum overlay { NO_OVERLAY, TRUSTED_OVERLAY, USER_OVERLAY };
struct attributes read_attributes(int directory, const char *name, enum overlay overlay);
void free_attributes(struct attributes *attributes);
/* False with errno: the storage does not take it. */
bool write_attribute(int directory, const char *name, const struct attribute *attribute);
bool is_acl(const struct attribute *attribute);
bool is_same_attribute(const struct attribute *one, const struct attribute *other);
/* The mark of an overlay on what is in a layer: `whiteout` or `opaque`. */
bool has_mark(int directory, const char *name, enum overlay overlay, const char *mark);

/* content.c. A file is opened only if it is the one that was seen; -1: it is not there any more. */
int open_file(int directory, const char *name, const struct stat *seen);
size_t read_bytes(int file, unsigned char *block, off_t at, size_t most, const char *name);
bool is_same_file(const int files[2], off_t size, const char *name);
/* Without following a link. */
int change_mode(int directory, const char *name, mode_t mode);
/* Whether two files have the same bytes. */
bool is_same_content(const int directories[2], const char *name, const struct stat stats[2]);
/* The target of a symbolic link, for the caller to free; NULL: it is none any more. */
char *read_target(int directory, const char *name, off_t size);

/* print.c: one record for what differs. */
struct side {
	const struct stat *stat; /* NULL: there is nothing */
	const char *target;      /* of a symbolic link; otherwise NULL */
	struct attributes attributes;
};
void print_change(const char *kinds, const char *path, const struct side sides[2]);

/* compare.c: prints what differs between two trees, as main.c says. */
enum side_name { BASE, OTHER };
struct comparison {
	int roots[2];
	/*
	 * The other tree began as a snapshot of the base: a file is the same that has the same number and time of change in both, which is
	 * before this time of the system's clock in seconds. 0: none is.
	 */
	long long same_inodes_since;
	/* The other tree is the upper layer of an overlay over the base. */
	enum overlay layer;
};
void compare_trees(const struct comparison *comparison);
/* Only what is at these paths, and all below a directory that only one side has. They are in the order of the output. */
void compare_paths(const struct comparison *comparison, char **paths, size_t count);

/* files.c: for each path on standard input its size, a newline and its content; `-` for what is no file or is larger. */
void print_files(int root, off_t most);
/* For each pair of paths `=` if they are files with the same bytes, otherwise `!`. */
void compare_files_at(const int roots[2]);

/* copy.c */
struct copy {
	int root;           /* of the copy: `path` is where the copy will be in it */
	const char *path;   /* "." or without `.`, `..` and slashes at its ends */
	int parents[2];     /* of the source and of the copy */
	const char *names[2]; /* in them; "." for a root */
	/* Only what any user may have: no owners, set-uid bits, capabilities, ACLs and devices. */
	bool plain;
	/* Every file shares its blocks with the source, or nothing is copied. */
	bool reflink;
};
struct copied {
	unsigned long files, devices, attributes; /* of the latter two how many are missing */
};
struct copied copy_tree(const struct copy *copy);

/* remove.c: removes what is at a path, if there is anything; nothing that is mounted below. */
void remove_tree(int root, const char *path);
/* Both are there at any time. */
void exchange(const int roots[2], char *const paths[2]);

/*
 * pack.c: prints what is at a path as a tar archive in which it is called `name`, "." for the root of the archive. `crosses`: with what
 * is mounted below.
 */
void pack_tree(int root, const char *path, const char *name, bool crosses);
/* reflink.c: gives an empty file the blocks of another. False with errno: the storage cannot. */
bool share_content(int from, int to);
/* Fails if files in a directory cannot do that, or if its caller can make none. Leaves nothing there. */
void try_sharing(const char *path);

/* subvolume.c: for each path the UUID of the btrfs subvolume there, or `-`, a space and a subvolume below it if there is one, and a NUL. */
void print_subvolumes(char **paths);
/* Makes a read-only snapshot in a directory, and a snapshot of that which can be written. */
void snapshot_twice(const char *from, const char *parent, const char *names[2]);
/* Removes one and those below it; or where its caller may not, prints their paths, each with a NUL, in the order to remove them in. */
void drop_subvolume(const char *uuid, const char *parent, const char *name);
/* The same for all below a directory of btrfs, which is no subvolume itself. */
void drop_subvolumes_below(const char *path);

/* paths.c: the paths on standard input, each ended by a NUL, in the order of a walk. */
char **read_paths(size_t *count);
bool is_below(const char *path, const char *directory);

#endif
