#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* The reader of this line escapes it before it shows it; it only has to stay one line. */
static void print_line(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		fputc(*c == '\n' ? ' ' : *c, stderr);
}

void fail(const char *path, const char *what)
{
	const char *reason = strerror(errno);
	print_line(path);
	fprintf(stderr, ": %s: %s\n", what, reason);
	exit(BAD_TREE);
}

void fail_with(int status, const char *path, const char *format, ...)
{
	va_list values;
	char *what;
	va_start(values, format);
	if (vasprintf(&what, format, values) < 0)
		what = NULL;
	va_end(values);
	print_line(path);
	fputs(": ", stderr);
	print_line(need(what));
	fputc('\n', stderr);
	free(what);
	exit(status);
}

void *need(void *memory)
{
	if (memory == NULL)
		fail("isolate-tree", "there is no memory left");
	return memory;
}
