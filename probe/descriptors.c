/* Descriptors and directories that were left open. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HIGHEST = 65536 };

static struct outcome none_inherited(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	for (int fd = 3; fd < HIGHEST; fd++) {
		if (fd == outcome_pipe || fcntl(fd, F_GETFD) < 0)
			continue;
		char link[64], target[128] = "?";
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(link, target, sizeof target - 1);
		target[length > 0 ? length : 1] = '\0';
		return broken("descriptor %d is %s", fd, target);
	}
	return held("none above 2");
}

/* Every descriptor, the standard streams too, as a place to start climbing from. */
static struct outcome none_leads_out(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->file == NULL)
		return untried("no host file was named");
	char path[4096];
	snprintf(path, sizeof path, "../../../../../../../../../../../..%s", bait->file);
	for (int fd = 0; fd < HIGHEST; fd++)
		if (openat(fd, path, O_RDONLY | O_CLOEXEC) >= 0)
			return broken("descriptor %d leads to %s", fd, bait->file);
	return held("none leads to a host file");
}

/* What a process beside us holds (the engine's own init most of all). */
static struct outcome others_hold_nothing(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	glob_t found;
	if (glob(attack->path, 0, NULL, &found) != 0)
		return held("no descriptor is visible");
	struct outcome outcome = held("no directory of another root");
	struct stat root, other;
	if (stat("/", &root) != 0)
		outcome = untried("/: %s", strerror(errno));
	for (size_t i = 0; i < found.gl_pathc && outcome.verdict == HELD; i++)
		if (stat(found.gl_pathv[i], &other) == 0 && S_ISDIR(other.st_mode) &&
		    (other.st_dev != root.st_dev || other.st_ino != root.st_ino))
			outcome = broken("%s is a directory", found.gl_pathv[i]);
	globfree(&found);
	return outcome;
}

static struct outcome works_in_root(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	char path[4096];
	if (getcwd(path, sizeof path) == NULL)
		return broken("getcwd: %s", strerror(errno));
	return strcmp(path, "/") == 0 ? held("/") : broken("%.200s", path);
}

static const struct attack attacks[] = {
	{.id = "inherited", .run = none_inherited},
	{.id = "leading-out", .run = none_leads_out},
	{.id = "directories-of-others", .run = others_hold_nothing, .path = "/proc/[0-9]*/fd/*"},
	{.id = "working-directory", .run = works_in_root},
};
GROUP(descriptors, attacks);
