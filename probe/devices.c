/* Device nodes: those that are there, and making new ones. */
#define _GNU_SOURCE
#include "probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct outcome make_node(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	char path[160];
	snprintf(path, sizeof path, "%s/probe-node-%d", attack->path, getpid());
	if (mknod(path, (mode_t)attack->arguments[0] | 0600, makedev(attack->arguments[1], attack->arguments[2])) != 0)
		return judge(0, "mknod");
	int node = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error = errno;
	unlink(path);
	/* ENXIO: no such device on this machine, but the kernel was ready to open it. */
	if (node >= 0 || error == ENXIO)
		return broken("made a node and opened it");
	return held("made a node, open: %s", strerror(error));
}

static struct outcome no_device(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	glob_t found;
	if (glob(attack->path, GLOB_BRACE, NULL, &found) != 0)
		return held("none there");
	struct outcome outcome = held("none opened");
	for (size_t i = 0; i < found.gl_pathc && outcome.verdict == HELD; i++) {
		int node = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		outcome = judge(node >= 0, found.gl_pathv[i]);
	}
	globfree(&found);
	return outcome;
}

static struct outcome only_known(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	static const char known[] = " . .. null zero full random urandom tty ptmx pts shm fd stdin stdout stderr console core mqueue ";
	DIR *directory = opendir("/dev");
	if (directory == NULL)
		return held("/dev: %s", strerror(errno));
	struct outcome outcome = held("the usual ones");
	for (struct dirent *entry; outcome.verdict == HELD && (entry = readdir(directory)) != NULL;) {
		struct stat status;
		int is_file = fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode);
		char word[270];
		snprintf(word, sizeof word, " %s ", entry->d_name);
		if (!is_file && strstr(known, word) == NULL)
			outcome = broken("/dev/%.100s is there", entry->d_name);
	}
	closedir(directory);
	return outcome;
}

#define NODE(name, where, kind, major, minor) {.id = name, .run = make_node, .path = where, .arguments = {kind, major, minor}}

static const struct attack attacks[] = {
	NODE("make-memory-node", "", S_IFCHR, 1, 1),
	NODE("make-memory-node-in-tmp", "/tmp", S_IFCHR, 1, 1),
	NODE("make-memory-node-in-dev", "/dev", S_IFCHR, 1, 1),
	NODE("make-log-node", "/tmp", S_IFCHR, 1, 11),
	NODE("make-disk-node", "/tmp", S_IFBLK, 8, 0),
	NODE("make-loop-node", "/tmp", S_IFBLK, 7, 0),
	{.id = "memory", .run = no_device, .path = "/dev/{mem,kmem,port}"},
	{.id = "log", .run = no_device, .path = "/dev/kmsg"},
	{.id = "disks", .run = no_device, .path = "/dev/{sd*,vd*,nvme*,xvd*,loop[0-9]*,dm-*,mapper/*}"},
	{.id = "kvm", .run = no_device, .path = "/dev/{kvm,vhost*,vsock}"},
	{.id = "fuse", .run = no_device, .path = "/dev/{fuse,cuse,loop-control,net/tun}"},
	{.id = "input", .run = no_device, .path = "/dev/{input/*,uinput,hidraw*}"},
	{.id = "others", .run = only_known},
};
GROUP(devices, attacks);
