/* System calls that the filter refuses, with arguments on which the kernel itself would answer EBADF, EFAULT or EINVAL. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOWHERE 1UL /* an address that is never mapped */
#define NO_DESCRIPTOR (-1UL)
#define HIGH_BIT (1UL << 32)

static struct outcome refused(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	const unsigned long *a = attack->arguments;
	errno = 0;
	long answer = syscall(attack->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (answer != -1)
		return broken("%s succeeded", attack->id);
	int by_policy = errno == EPERM || errno == ENOSYS || errno == EAFNOSUPPORT;
	return by_policy ? held("%s", strerror(errno)) : broken("the kernel looked at it: %s", strerror(errno));
}

/* Hangs up the terminal of the caller, so the caller must have none. */
static struct outcome refused_without_terminal(const struct attack *attack, const struct bait *bait)
{
	if (setsid() < 0)
		return untried("setsid: %s", strerror(errno));
	return refused(attack, bait);
}

static struct outcome refused_clone(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	errno = 0;
	long child = syscall(__NR_clone, attack->arguments[0] | SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	return judge(child > 0, attack->id);
}

#ifdef __x86_64__
static struct outcome refused_i386(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	long answer;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(attack->number), "b"(attack->arguments[0]), "c"(attack->arguments[1]), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	int error = (int)-answer;
	int by_policy = error == EPERM || error == ENOSYS || error == EAFNOSUPPORT;
	return by_policy ? held("%s", strerror(error)) : broken("the kernel looked at it: int 0x80 answered %ld", answer);
}
#define X32 0x40000000L
#endif

#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif

#define CALL(name, call, ...) {.id = name, .run = refused, .number = __NR_##call, .arguments = {__VA_ARGS__}}
#define CLONE(name, flags) {.id = name, .run = refused_clone, .arguments = {flags}}

static const struct attack attacks[] = {
	CALL("ioctl-tiocsti", ioctl, NO_DESCRIPTOR, TIOCSTI),
	CALL("ioctl-tioclinux", ioctl, NO_DESCRIPTOR, TIOCLINUX),
	CALL("ioctl-tiocsetd", ioctl, NO_DESCRIPTOR, TIOCSETD),
	CALL("ioctl-tioccons", ioctl, NO_DESCRIPTOR, TIOCCONS),
	CALL("ioctl-tiocsti-high-bit", ioctl, NO_DESCRIPTOR, TIOCSTI | HIGH_BIT),
	CALL("ioctl-tioclinux-high-bit", ioctl, NO_DESCRIPTOR, TIOCLINUX | HIGH_BIT << 31),
	CALL("ioctl-tiocsetd-high-bit", ioctl, NO_DESCRIPTOR, TIOCSETD | HIGH_BIT << 15),
	CALL("ioctl-tioccons-high-bit", ioctl, NO_DESCRIPTOR, TIOCCONS | 0xffffffffUL << 32),
	CALL("add-key", add_key, NOWHERE, NOWHERE, 0, 0, 0),
	CALL("request-key", request_key, NOWHERE, NOWHERE, 0, 0),
	CALL("keyctl", keyctl, -1UL),
	CALL("unshare", unshare, 0),
	CALL("setns", setns, NO_DESCRIPTOR, 0),
	CLONE("clone-newuser", CLONE_NEWUSER),
	CLONE("clone-newuser-high-bit", CLONE_NEWUSER | HIGH_BIT),
	CLONE("clone-newns", CLONE_NEWNS),
	CLONE("clone-newpid", CLONE_NEWPID),
	CLONE("clone-newnet", CLONE_NEWNET),
	CLONE("clone-newipc", CLONE_NEWIPC),
	CLONE("clone-newuts", CLONE_NEWUTS),
	CLONE("clone-newcgroup", CLONE_NEWCGROUP),
	CALL("clone3", clone3, 0, 0),
	CALL("mount", mount, NOWHERE, NOWHERE, NOWHERE),
	CALL("umount2", umount2, NOWHERE),
	CALL("pivot-root", pivot_root, NOWHERE, NOWHERE),
	CALL("open-tree", open_tree, NO_DESCRIPTOR, NOWHERE),
	CALL("open-tree-attr", open_tree_attr, NO_DESCRIPTOR, NOWHERE),
	CALL("move-mount", move_mount, NO_DESCRIPTOR, NOWHERE, NO_DESCRIPTOR, NOWHERE),
	CALL("fsopen", fsopen, NOWHERE),
	CALL("fsconfig", fsconfig, NO_DESCRIPTOR),
	CALL("fsmount", fsmount, NO_DESCRIPTOR),
	CALL("fspick", fspick, NO_DESCRIPTOR, NOWHERE),
	CALL("mount-setattr", mount_setattr, NO_DESCRIPTOR, NOWHERE),
	CALL("init-module", init_module, NOWHERE, 0, NOWHERE),
	CALL("finit-module", finit_module, NO_DESCRIPTOR, NOWHERE),
	CALL("delete-module", delete_module, NOWHERE),
	CALL("kexec-load", kexec_load, 0, -1UL),
#ifdef __NR_kexec_file_load
	CALL("kexec-file-load", kexec_file_load, NO_DESCRIPTOR, NO_DESCRIPTOR, 0, 0, -1UL),
#endif
	CALL("reboot", reboot, 0, 0, 0, 0),
	CALL("swapon", swapon, NOWHERE),
	CALL("swapoff", swapoff, NOWHERE),
	CALL("syslog", syslog, -1UL),
	CALL("acct", acct, NOWHERE),
	CALL("quotactl", quotactl, -1UL, NOWHERE),
	CALL("quotactl-fd", quotactl_fd, NO_DESCRIPTOR),
	CALL("settimeofday", settimeofday, NOWHERE),
	CALL("clock-settime", clock_settime, 0, NOWHERE),
	{.id = "vhangup", .run = refused_without_terminal, .number = __NR_vhangup},
	CALL("bpf", bpf, -1UL),
	CALL("perf-event-open", perf_event_open, NOWHERE),
	CALL("userfaultfd", userfaultfd, -1UL),
	CALL("io-uring-setup", io_uring_setup, 0, NOWHERE),
	CALL("io-uring-enter", io_uring_enter, NO_DESCRIPTOR),
	CALL("io-uring-register", io_uring_register, NO_DESCRIPTOR),
	CALL("kcmp", kcmp, 0x7fffffff, 0x7fffffff),
	CALL("lookup-dcookie", lookup_dcookie, -1UL, NOWHERE),
	CALL("open-by-handle-at", open_by_handle_at, NO_DESCRIPTOR, NOWHERE),
	CALL("personality-read-implies-exec", personality, READ_IMPLIES_EXEC),
	CALL("personality-high-bit", personality, READ_IMPLIES_EXEC | HIGH_BIT),
	CALL("socket-packet", socket, AF_PACKET, SOCK_RAW, 0),
	CALL("socket-inet-packet", socket, AF_INET, SOCK_PACKET, 0),
	CALL("socket-alg", socket, AF_ALG, SOCK_SEQPACKET, 0),
	CALL("socket-vsock", socket, AF_VSOCK, SOCK_STREAM, 0),
	CALL("socket-vsock-high-bit", socket, AF_VSOCK | HIGH_BIT, SOCK_STREAM, 0),
	CALL("socket-bluetooth", socket, AF_BLUETOOTH, SOCK_RAW, 0),
	CALL("socket-key", socket, AF_KEY, SOCK_RAW, 2),
	CALL("socket-tipc", socket, AF_TIPC, SOCK_STREAM, 0),
#ifdef __x86_64__
	CALL("iopl", iopl, 99),
	CALL("ioperm", ioperm, -1UL, 1, 1),
	CALL("uselib", uselib, NOWHERE),
	{.id = "x32-ioctl", .run = refused, .number = X32 | 514, .arguments = {NO_DESCRIPTOR, TIOCSTI}},
	{.id = "x32-number-of-ioctl", .run = refused, .number = X32 | __NR_ioctl, .arguments = {NO_DESCRIPTOR, TIOCSTI}},
	{.id = "x32-unshare", .run = refused, .number = X32 | __NR_unshare},
	{.id = "i386-ioctl", .run = refused_i386, .number = 54, .arguments = {-1UL, TIOCSTI}, .lethal = 1},
	{.id = "i386-keyctl", .run = refused_i386, .number = 288, .arguments = {-1UL}, .lethal = 1},
	{.id = "i386-stime", .run = refused_i386, .number = 25, .arguments = {NOWHERE}, .lethal = 1},
	{.id = "i386-unshare", .run = refused_i386, .number = 310, .lethal = 1},
	{.id = "i386-socket-vsock", .run = refused_i386, .number = 359, .arguments = {AF_VSOCK, SOCK_STREAM}, .lethal = 1},
	{.id = "i386-socketcall", .run = refused_i386, .number = 102, .arguments = {1, NOWHERE}, .lethal = 1},
	{.id = "i386-mount", .run = refused_i386, .number = 21, .arguments = {NOWHERE, NOWHERE}, .lethal = 1},
#endif
	{.id = "negative-number", .run = refused, .number = -__NR_ioctl, .arguments = {NO_DESCRIPTOR, TIOCSTI}},
};
GROUP(calls, attacks);
