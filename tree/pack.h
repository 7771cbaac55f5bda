/* pack: what is at a path, as a tar archive. */
#ifndef PACK_H
#define PACK_H

#include "walk.h"

enum { TAR_BLOCK = 512 };

/* One member of the archive. */
struct member {
	const char *path; /* in the archive */
	char type;        /* as in tar's type flag */
	const struct stat *stat;
	const char *target;           /* of a link; otherwise "" */
	unsigned long long size;      /* of its data in the archive */
	const unsigned long long *real_size; /* of a sparse file, whose data begins with its map; NULL: it is none */
	const struct attributes *attributes; /* NULL: none */
};

/* header.c: returns how many attributes cannot be written. */
unsigned long put_header(const struct member *member);
void put_bytes(const void *bytes, size_t size);
/* Fills the last block. */
void put_padding(void);

#endif
