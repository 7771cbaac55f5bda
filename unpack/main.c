/*
 * isolate-unpack DIRECTORY ENTRIES: unpacks standard input, the tar of one layer of an OCI or Docker image, over the
 * layers below it in DIRECTORY.
 *
 * Theory of operation. The archive is hostile, so this runs only in a sandbox whose ids, processor filter and mounts leave
 * it nothing but DIRECTORY. It makes DIRECTORY its root before it reads a byte: absolute links and names then mean what they
 * mean in the image, and nothing leads out. tar(1) cannot do this: it is not in the image. A layer differs from
 * an ordinary archive in three ways (image-spec, layer.md): entries replace whatever is there, a directory too; `.wh.NAME`
 * removes NAME of lower layers, and `.wh..wh..opq` all that they have in its directory; a hard link may lead to a lower layer.
 * So the layer is read once, without a list of what it has (seen.c keeps one), and its data is not copied before.
 *
 * Device nodes are left out: no sandbox may make them, and each run has a /dev of its own. At the end one line on standard
 * output says how many entries there were, how many devices were left out, and how many extended attributes the storage
 * did not take. The status is 0; 1 if the archive is at fault, 2 if the storage is, with one line on standard error; 125
 * if it could not begin. More than ENTRIES entries are refused.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack.h"

int main(int argc, char **argv)
{
	static struct entry entry;
	struct counts counts = { 0 };
	uint64_t most;
	if (argc != 3 || !parse_decimal(argv[2], &most)) {
		fputs("usage: isolate-unpack DIRECTORY ENTRIES\n", stderr);
		return BAD_USAGE;
	}
	if (chdir(argv[1]) < 0 || chroot(".") < 0 || chdir("/") < 0) {
		perror(argv[1]);
		return BAD_USAGE;
	}
	umask(0);
	while (next_entry(&entry)) {
		if (counts.entries == most)
			bad_archive(NULL, "the layer has too many entries");
		place(&entry, &counts);
	}
	drain();
	set_times();
	printf("%lu %lu %lu\n", counts.entries, counts.devices, counts.attributes);
	return fflush(stdout) == 0 ? 0 : BAD_STORAGE;
}
