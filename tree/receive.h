/* unpack: an archive, put beneath a directory. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdbool.h>

/* unpack.c: puts the tar archive on standard input into a root. */
struct unpacking {
	int root;
	const char *path; /* in it */
	/* What the archive is of: members without a common name, into the directory that is at the path; ONE: what its members have as
	 * their first name, which gets the path's name, or in a directory that is at the path `name`; CONTENTS: a directory, which is merged
	 * with the one that is at the path, or made. */
	enum what { MEMBERS, ONE, CONTENTS } what;
	const char *name;
	/* Also owners, set-uid bits, and the attributes that not any user may have. */
	bool archive;
};
void unpack_tree(const struct unpacking *unpacking);

#endif
