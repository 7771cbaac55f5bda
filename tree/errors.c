#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* The reader of this line escapes it before it shows it; it only has to stay one line. */
void fail(const char *path, const char *what)
{
	int reason = errno;
	for (const char *c = path; *c != '\0'; c++)
		fputc(*c == '\n' ? ' ' : *c, stderr);
	fprintf(stderr, ": %s: %s\n", what, strerror(reason));
	exit(BAD_TREE);
}

void *need(void *memory)
{
	if (memory == NULL)
		fail("isolate-tree", "there is no memory left");
	return memory;
}
