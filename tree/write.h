/* unpack: one member of an archive, written beneath a directory. */
#ifndef WRITE_H
#define WRITE_H

#include "../unpack/unpack.h"
#include "beneath.h"

/* write.c: sets what the archive says about a member that is made; `file` is NONE for what has no descriptor. */
struct dress {
	bool archive; /* as in `struct unpacking` */
	unsigned long attributes; /* that the storage did not take */
};
void dress(struct dress *dress, const struct place *place, int file, const struct entry *entry);
/* Puts a member, which is no directory, in its place, where it replaces what is no directory either. Nothing is there half. */
void write_member(struct dress *dress, const struct place *place, const struct entry *entry);
/* The same for another name of `file`. */
void write_link(const struct place *place, const struct place *file, const char *path);

#endif
