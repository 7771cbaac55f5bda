#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unpack.h"

/* The reader of this line escapes it before it shows it; it only has to stay one line. */
static void print(const char *path, const char *what, const char *reason)
{
	char line[PATH_MAX + 256];
	int length = snprintf(line, sizeof line, "%s%s%s%s%s", path == NULL ? "" : path, path == NULL ? "" : ": ", what,
			      reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
	for (int i = 0; i < length && (size_t)i < sizeof line - 1; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	fprintf(stderr, "%s\n", line);
}

void bad_archive(const char *path, const char *what)
{
	print(path, what, NULL);
	exit(BAD_ARCHIVE);
}

void bad_storage(const char *path, const char *what)
{
	print(path, what, strerror(errno));
	exit(BAD_STORAGE);
}
