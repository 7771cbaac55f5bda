/* Mounts and namespaces, tried in earnest rather than with bad arguments. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where mounting works, it must do no harm: everything happens in a namespace that ends with this process. */
static struct outcome mount_it(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return untried("private mounts: %s", strerror(errno));
	int done = mount("none", "/tmp", attack->path, attack->arguments[0], NULL);
	return judge(done == 0, attack->id);
}

static struct outcome writable_again(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return untried("private mounts: %s", strerror(errno));
	if (attack->number == 0)
		return judge(mount(NULL, attack->path, NULL, MS_REMOUNT | MS_BIND, NULL) == 0, "remount");
	return judge(umount2(attack->path, MNT_DETACH) == 0, "umount");
}

static struct outcome new_namespace(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	return judge(unshare((int)attack->number) == 0, attack->id);
}

/* Joins the namespace of init, or asks the kernel for the one above ours. */
static struct outcome enter_other(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	int ours = open(attack->path, O_RDONLY | O_CLOEXEC);
	if (ours < 0)
		return held("%s: %s", attack->path, strerror(errno));
	if (attack->number != 0) {
		int above = ioctl(ours, (unsigned long)attack->number);
		return judge(above >= 0, attack->id);
	}
	return judge(setns(ours, 0) == 0, attack->id);
}

static struct outcome maps_kernel_root(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long inside, outside, count;
	if (map == NULL)
		return untried("uid_map: %s", strerror(errno));
	int lines = fscanf(map, "%lu %lu %lu", &inside, &outside, &count);
	fclose(map);
	if (lines != 3)
		return untried("uid_map is empty");
	/* Only the first user namespace of a system maps every id there is. */
	return count == 4294967295UL ? broken("in the host's user namespace") : held("%lu %lu %lu", inside, outside, count);
}

static const struct attack attacks[] = {
	{.id = "mount-tmpfs", .run = mount_it, .path = "tmpfs"},
	{.id = "mount-proc", .run = mount_it, .path = "proc"},
	{.id = "mount-sysfs", .run = mount_it, .path = "sysfs"},
	{.id = "mount-cgroup", .run = mount_it, .path = "cgroup"},
	{.id = "mount-cgroup2", .run = mount_it, .path = "cgroup2"},
	{.id = "mount-devpts", .run = mount_it, .path = "devpts"},
	{.id = "remount-root", .run = writable_again, .path = "/", .number = 0},
	{.id = "remount-proc", .run = writable_again, .path = "/proc", .number = 0},
	{.id = "uncover-proc-sys", .run = writable_again, .path = "/proc/sys", .number = 1},
	{.id = "uncover-dev", .run = writable_again, .path = "/dev", .number = 1},
	{.id = "unshare-user", .run = new_namespace, .number = CLONE_NEWUSER},
	{.id = "unshare-mount", .run = new_namespace, .number = CLONE_NEWNS},
	{.id = "unshare-net", .run = new_namespace, .number = CLONE_NEWNET},
	{.id = "unshare-user-and-mount", .run = new_namespace, .number = CLONE_NEWUSER | CLONE_NEWNS},
	{.id = "unshare-time", .run = new_namespace, .number = 0x80},
	{.id = "join-mount-of-init", .run = enter_other, .path = "/proc/1/ns/mnt"},
	{.id = "join-net-of-init", .run = enter_other, .path = "/proc/1/ns/net"},
	{.id = "parent-of-user", .run = enter_other, .path = "/proc/self/ns/user", .number = NS_GET_PARENT},
	{.id = "parent-of-pid", .run = enter_other, .path = "/proc/self/ns/pid", .number = NS_GET_PARENT},
	{.id = "own-user-namespace", .run = maps_kernel_root},
};
GROUP(namespaces, attacks);
