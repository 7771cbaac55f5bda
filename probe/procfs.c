/* Ways to the host through /proc, /sys and links of the kernel's own making. Files are opened, never written. */
#define _GNU_SOURCE
#include "probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outcome not_opened(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	glob_t found;
	if (glob(attack->path, 0, NULL, &found) != 0)
		return held("no %s", attack->path);
	struct outcome outcome = held("nothing opened");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int file = open(found.gl_pathv[i], (int)attack->number | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		outcome = judge(file >= 0, found.gl_pathv[i]);
		if (file >= 0)
			break;
	}
	globfree(&found);
	return outcome;
}

/* A magic link of any process that leads to another root than ours. */
static struct outcome same_root(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	struct stat ours, theirs;
	glob_t found;
	if (stat("/", &ours) != 0 || glob(attack->path, 0, NULL, &found) != 0)
		return untried("/proc is not there");
	int others = 0;
	char which[64] = "";
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (stat(found.gl_pathv[i], &theirs) == 0 && (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)) {
			others++;
			snprintf(which, sizeof which, "%s", found.gl_pathv[i]);
		}
	globfree(&found);
	return others == 0 ? held("all lead to / or nowhere") : broken("%s leads elsewhere", which);
}

static int opens(const char *prefix, const char *path)
{
	char whole[4096];
	snprintf(whole, sizeof whole, "%s%s", prefix, path);
	int file = open(whole, O_RDONLY | O_CLOEXEC);
	if (file >= 0)
		close(file);
	return file >= 0;
}

static struct outcome host_file(const struct attack *attack, const struct bait *bait)
{
	if (bait->file == NULL)
		return untried("no host file was named");
	glob_t found;
	if (glob(attack->path, 0, NULL, &found) != 0)
		return held("no %s", attack->path);
	struct outcome outcome = held("not reached");
	for (size_t i = 0; i < found.gl_pathc && outcome.verdict == HELD; i++)
		if (opens(found.gl_pathv[i], bait->file))
			outcome = broken("%s%s opened", found.gl_pathv[i], bait->file);
	globfree(&found);
	return outcome;
}

/* The classic: a second chroot leaves the working directory outside, and .. leads up from there. */
static struct outcome chroot_and_climb(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->file == NULL)
		return untried("no host file was named");
	char directory[] = "/tmp/probe-XXXXXX";
	if (mkdtemp(directory) == NULL)
		return untried("mkdtemp: %s", strerror(errno));
	int changed = chroot(directory);
	int error = errno;
	for (int i = 0; i < 64; i++)
		if (chdir("..") != 0)
			break;
	int reached = opens(".", bait->file);
	if (changed == 0 && chroot(".") == 0)
		rmdir(directory);
	else if (changed != 0)
		rmdir(directory);
	if (reached)
		return broken("%s opened", bait->file);
	return changed == 0 ? held("climbed to a root without it") : held("chroot: %s", strerror(error));
}

#define OPEN(name, file, mode) {.id = name, .run = not_opened, .path = file, .number = mode}

static const struct attack attacks[] = {
	OPEN("core-pattern", "/proc/sys/kernel/core_pattern", O_WRONLY),
	OPEN("modprobe", "/proc/sys/kernel/modprobe", O_WRONLY),
	OPEN("hotplug", "/proc/sys/kernel/hotplug", O_WRONLY),
	OPEN("sysrq", "/proc/sys/kernel/sysrq", O_WRONLY),
	OPEN("panic-on-oom", "/proc/sys/vm/panic_on_oom", O_WRONLY),
	OPEN("overcommit", "/proc/sys/vm/overcommit_memory", O_WRONLY),
	OPEN("pid-max", "/proc/sys/kernel/pid_max", O_WRONLY),
	OPEN("file-max", "/proc/sys/fs/file-max", O_WRONLY),
	OPEN("suid-dumpable", "/proc/sys/fs/suid_dumpable", O_WRONLY),
	OPEN("randomize-va-space", "/proc/sys/kernel/randomize_va_space", O_WRONLY),
	OPEN("legacy-tiocsti", "/proc/sys/dev/tty/legacy_tiocsti", O_WRONLY),
	OPEN("binfmt-misc", "/proc/sys/fs/binfmt_misc/register", O_WRONLY),
	OPEN("sysrq-trigger", "/proc/sysrq-trigger", O_WRONLY),
	OPEN("kcore", "/proc/kcore", O_RDONLY),
	OPEN("kmsg", "/proc/kmsg", O_RDONLY),
	OPEN("slabinfo", "/proc/slabinfo", O_RDONLY),
	OPEN("timer-list", "/proc/timer_list", O_RDONLY),
	OPEN("irq-affinity", "/proc/irq/*/smp_affinity", O_WRONLY),
	OPEN("uevent-helper", "/sys/kernel/uevent_helper", O_WRONLY),
	OPEN("power-state", "/sys/power/state", O_WRONLY),
	OPEN("uevents", "/sys/class/mem/*/uevent", O_WRONLY),
	OPEN("debugfs", "/sys/kernel/debug/*", O_RDONLY),
	OPEN("tracefs", "/sys/kernel/tracing/trace", O_RDONLY),
	OPEN("security-fs", "/sys/kernel/security/*/*", O_WRONLY),
	OPEN("efi-variables", "/sys/firmware/efi/efivars/*", O_RDONLY),
	OPEN("release-agent", "/sys/fs/cgroup/*/release_agent", O_WRONLY),
	OPEN("cgroup-processes", "/sys/fs/cgroup/cgroup.procs", O_WRONLY),
	OPEN("cgroup-v1-processes", "/sys/fs/cgroup/*/cgroup.procs", O_WRONLY),
	OPEN("bus-pci", "/proc/bus/pci/*/*", O_WRONLY),
	{.id = "root-links", .run = same_root, .path = "/proc/[0-9]*/root"},
	{.id = "root-links-of-threads", .run = same_root, .path = "/proc/[0-9]*/task/[0-9]*/root"},
	{.id = "host-file", .run = host_file, .path = "/"},
	{.id = "host-file-by-root-links", .run = host_file, .path = "/proc/[0-9]*/root"},
	{.id = "host-file-by-cwd-links", .run = host_file, .path = "/proc/[0-9]*/cwd"},
	{.id = "host-file-by-climbing-from-cwd", .run = host_file, .path = "/proc/[0-9]*/cwd/../../../../../../../../.."},
	{.id = "host-file-by-chroot", .run = chroot_and_climb},
};
GROUP(procfs, attacks);
