/* libFuzzer target: any bytes as the paths on standard input; they come in the order of a walk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* As compare.c leaves out what it has walked already: everything below a path comes right behind it. */
static void check_order(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool left = false;
		for (size_t j = i + 1; j < count; j++) {
			bool below = is_below(paths[j], paths[i]) || strcmp(paths[j], paths[i]) == 0;
			if (below && left)
				abort();
			left = left || !below;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	size_t count;
	if (length == 0)
		return 0;
	stdin = fmemopen((void *)bytes, length, "r");
	char **paths = read_paths(&count);
	check_order(paths, count);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
	fclose(stdin);
	return 0;
}
