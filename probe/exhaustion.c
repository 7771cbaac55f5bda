/* Limits, tested by going a little past what was asked for and no further. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARGIN = 64, TMPFS = 0x01021994 };

static struct outcome too_many_processes(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->pids == 0)
		return untried("no limit was named");
	int made = 0, error = 0;
	int gate[2];
	if (pipe(gate) != 0)
		return untried("pipe: %s", strerror(errno));
	/* Children wait for the pipe's end, so that all live at once and all go with us. */
	while (made < bait->pids + MARGIN) {
		pid_t child = fork();
		if (child == 0) {
			char byte;
			close(gate[1]);
			_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
		}
		if (child < 0) {
			error = errno;
			break;
		}
		made++;
	}
	close(gate[1]);
	while (wait(NULL) > 0)
		continue;
	return error != 0 && made <= bait->pids ? held("%d, then %s", made, strerror(error)) : broken("%d processes", made);
}

static struct outcome too_much_memory(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->memory_mib == 0)
		return untried("no limit was named");
	size_t size = (size_t)(bait->memory_mib + MARGIN) << 20;
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return held("mmap: %s", strerror(errno));
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	return broken("%zu MiB were used", size >> 20);
}

/* A tmpfs without a size of its own takes half of the machine's memory. */
static struct outcome bounded_tmpfs(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	struct statfs status;
	struct stat root, here;
	if (statfs(attack->path, &status) != 0 || status.f_type != TMPFS)
		return untried("%s is not a tmpfs", attack->path);
	if (stat("/", &root) != 0 || stat(attack->path, &here) != 0 || root.st_dev == here.st_dev)
		return untried("%s is a part of the root", attack->path);
	if (status.f_flags & ST_RDONLY)
		return held("read only");
	unsigned long long total = (unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE);
	unsigned long long size = (unsigned long long)status.f_blocks * (unsigned long long)status.f_bsize;
	if (size == 0 || size >= total / 2 - (total / 50))
		return broken("%llu MiB of %llu", size >> 20, total >> 20);
	return held("%llu MiB of %llu", size >> 20, total >> 20);
}

static const struct attack attacks[] = {
	{.id = "processes", .run = too_many_processes},
	{.id = "memory", .run = too_much_memory, .lethal = 1},
	{.id = "tmpfs-tmp", .run = bounded_tmpfs, .path = "/tmp"},
	{.id = "tmpfs-dev", .run = bounded_tmpfs, .path = "/dev"},
	{.id = "tmpfs-dev-shm", .run = bounded_tmpfs, .path = "/dev/shm"},
	{.id = "tmpfs-home", .run = bounded_tmpfs, .path = "/home"},
	{.id = "tmpfs-run", .run = bounded_tmpfs, .path = "/run"},
};
GROUP(exhaustion, attacks);
