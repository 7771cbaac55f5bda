/* What is refused, with which error and why: the table that the filter and the profile are made from. */
#ifndef RULES_H
#define RULES_H

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* In the table of 32-bit programs a call has the first number on x86, the second on ARM. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#define COMPAT_ARCHITECTURE AUDIT_ARCH_I386
#define COMPAT(i386, arm) i386
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#define COMPAT_ARCHITECTURE AUDIT_ARCH_ARM
#define COMPAT(i386, arm) arm
#else
#error "the table has been checked for x86_64 and aarch64 only"
#endif

/* The newest call looked at: file_setattr of Linux 6.17. Calls from 424 on have one number everywhere. */
#define LAST_KNOWN_CALL 469
/* What ARM has beyond the table (asm/unistd.h): breakpoint, cacheflush, usr26, usr32, set_tls, get_tls. */
#define FIRST_ARM_CALL 0xf0001U
#define LAST_ARM_CALL 0xf0006U
/* No call's number: the table has no such call. */
#define NONE 0xffffffffU
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif

/* SOCK_TYPE_MASK of the kernel's <linux/net.h>; the flags above it are not part of the type. */
#define SOCKET_TYPE_MASK 0xf
/* SYS_SOCKET and SYS_SOCKETPAIR of <linux/net.h>: what socketcall(2) is to do. */
#define SOCKETCALL_SOCKET 1
#define SOCKETCALL_SOCKETPAIR 8
#define WHOLE 0xffffffffU

#define NEW_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

enum table { NATIVE, COMPAT_TABLE, TABLES };
enum match { ALWAYS, WHEN_ONE_OF, UNLESS_ONE_OF, WHEN_ANY_BIT };
enum policy { SANDBOX = 1, LXC = 2, BOTH = 3 };
enum { MAX_VALUES = 4, MAX_INSTRUCTIONS = 1024, MAX_RULE = MAX_VALUES + 5 };

struct rule {
	const char *name;
	uint32_t number[TABLES];
	int error;
	enum policy policy;
	enum match match;
	bool unless_socketcall; /* left out with --socketcall */
	unsigned int argument; /* counted from 0; its low 32 bits, masked, are compared with the values */
	uint32_t mask;
	uint32_t values[MAX_VALUES];
	unsigned int count;
};

#define CALL(call, compat) .name = #call, .number = {__NR_##call, compat}
#define REFUSE(call, compat, errno_, where) {CALL(call, compat), .error = errno_, .policy = where, .match = ALWAYS}
#define COMPARE(call, compat, errno_, where, how, index, bits, n, ...) \
	{CALL(call, compat), .error = errno_, .policy = where, .match = how, .argument = index, .mask = bits, .values = {__VA_ARGS__}, .count = n}
/* Of 32-bit programs alone. */
#define REFUSE_COMPAT(call, compat, errno_) {.name = #call, .number = {NONE, compat}, .error = errno_, .policy = BOTH, .match = ALWAYS}
/* Calls of Linux 5.1 and later have one number everywhere. */
#define REFUSE_NEW(call, errno_, where) REFUSE(call, __NR_##call, errno_, where)

static const struct rule rules[] = {
	/* Typing into, or redirecting, a terminal shared with the host. First, because ioctl is the hottest call here. */
	COMPARE(ioctl, 54, EPERM, BOTH, WHEN_ONE_OF, 1, WHOLE, 4, TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS),

	/* New namespaces give capabilities over kernel code that is otherwise out of reach. */
	COMPARE(clone, 120, EPERM, SANDBOX, WHEN_ANY_BIT, 0, WHOLE, 1, NEW_NAMESPACES),
	REFUSE_NEW(clone3, ENOSYS, SANDBOX), /* its flags lie in memory, unseen; on ENOSYS a libc uses clone */
	REFUSE(unshare, COMPAT(310, 337), EPERM, SANDBOX),
	REFUSE(setns, COMPAT(346, 375), EPERM, SANDBOX),

	/* Families beyond these four are rarely used, rarely audited kernel code (vsock reaches the hypervisor). */
	COMPARE(socket, COMPAT(359, 281), EAFNOSUPPORT, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 4, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
	COMPARE(socketpair, COMPAT(360, 288), EAFNOSUPPORT, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 4, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
	/* AF_INET with it becomes AF_PACKET. */
	COMPARE(socket, COMPAT(359, 281), EAFNOSUPPORT, SANDBOX, WHEN_ONE_OF, 1, SOCKET_TYPE_MASK, 1, SOCK_PACKET),
	/* Containers run DHCP clients: AF_PACKET stays. */
	COMPARE(socket, COMPAT(359, 281), EAFNOSUPPORT, LXC, WHEN_ONE_OF, 0, WHOLE, 2, AF_ALG, AF_VSOCK),
	{.name = "socketcall", .number = {NONE, COMPAT(102, NONE)}, .error = EAFNOSUPPORT, .policy = SANDBOX, .unless_socketcall = true,
	 .match = WHEN_ONE_OF, .argument = 0, .mask = WHOLE, .values = {SOCKETCALL_SOCKET, SOCKETCALL_SOCKETPAIR}, .count = 2},

	/* What is mounted was decided before the start. */
	REFUSE(mount, 21, EPERM, SANDBOX),
	REFUSE(umount2, 52, EPERM, SANDBOX),
	{.name = "umount", .number = {NONE, 22}, .error = EPERM, .policy = SANDBOX, .match = ALWAYS},
	REFUSE(pivot_root, COMPAT(217, 218), EPERM, SANDBOX),
	REFUSE_NEW(open_tree, ENOSYS, SANDBOX), /* the new calls: ENOSYS, so that mount(8) goes back to the old ones and reports their EPERM */
	REFUSE_NEW(open_tree_attr, ENOSYS, SANDBOX),
	REFUSE_NEW(move_mount, ENOSYS, SANDBOX),
	REFUSE_NEW(fsopen, ENOSYS, SANDBOX),
	REFUSE_NEW(fsconfig, ENOSYS, SANDBOX),
	REFUSE_NEW(fsmount, ENOSYS, SANDBOX),
	REFUSE_NEW(fspick, ENOSYS, SANDBOX),
	REFUSE_NEW(mount_setattr, ENOSYS, SANDBOX),

	/* Keyrings are not in any namespace. */
	REFUSE(add_key, COMPAT(286, 309), EPERM, BOTH),
	REFUSE(request_key, COMPAT(287, 310), EPERM, BOTH),
	REFUSE(keyctl, COMPAT(288, 311), EPERM, BOTH),

	/* The running kernel: its code, its end, its log, its books, the machine's clock and ports. */
	REFUSE(init_module, 128, EPERM, BOTH),
	REFUSE(finit_module, COMPAT(350, 379), EPERM, BOTH),
	REFUSE(delete_module, 129, EPERM, BOTH),
	REFUSE(kexec_load, COMPAT(283, 347), EPERM, BOTH),
#ifdef __NR_kexec_file_load
	REFUSE(kexec_file_load, COMPAT(NONE, 401), EPERM, BOTH),
#endif
	REFUSE(reboot, 88, EPERM, SANDBOX), /* a container's init ends its container with it */
	REFUSE(swapon, 87, EPERM, BOTH),
	REFUSE(swapoff, 115, EPERM, BOTH),
	REFUSE(syslog, 103, EPERM, BOTH),
	REFUSE(acct, 51, EPERM, BOTH),
	REFUSE(quotactl, 131, EPERM, BOTH),
	REFUSE_NEW(quotactl_fd, EPERM, BOTH),
	REFUSE(settimeofday, 79, EPERM, BOTH),
	REFUSE(clock_settime, COMPAT(264, 262), EPERM, BOTH),
	REFUSE_COMPAT(clock_settime64, 404, EPERM),
	REFUSE_COMPAT(stime, 25, EPERM),
	REFUSE(vhangup, 111, EPERM, BOTH),
#ifdef __x86_64__
	REFUSE(iopl, 110, EPERM, BOTH),
	REFUSE(ioperm, 101, EPERM, BOTH),
	REFUSE(uselib, 86, EPERM, BOTH),
	REFUSE_COMPAT(vm86old, 113, EPERM),
	REFUSE_COMPAT(vm86, 166, EPERM),
#else
	REFUSE_COMPAT(uselib, 86, EPERM),
#endif

	/* Large, young or much-exploited parts of the kernel that ordinary programs do without. */
	REFUSE(bpf, COMPAT(357, 386), EPERM, BOTH),
	REFUSE(perf_event_open, COMPAT(336, 364), EPERM, BOTH),
	REFUSE(userfaultfd, COMPAT(374, 388), EPERM, BOTH),
	REFUSE_NEW(io_uring_setup, EPERM, BOTH), /* it would also carry out calls that this filter never sees */
	REFUSE_NEW(io_uring_enter, EPERM, BOTH),
	REFUSE_NEW(io_uring_register, EPERM, BOTH),
	REFUSE(kcmp, COMPAT(349, 378), EPERM, BOTH), /* tells kernel addresses apart */
	REFUSE(lookup_dcookie, COMPAT(253, 249), EPERM, BOTH),
	REFUSE(nfsservctl, 169, ENOSYS, BOTH),

	/* Opens a file by number, past every directory above it: the way out of a bind mount. */
	REFUSE(open_by_handle_at, COMPAT(342, 371), EPERM, BOTH),

	/* Other personalities switch off protections or on old ABIs. Allowed: the default, asking (0xffffffff), the fixed layout
	 * that debuggers and sanitizers ask for, which weakens nobody but the caller, and the machine's 32-bit name for uname(2). */
	COMPARE(personality, 136, EPERM, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 4, PER_LINUX, WHOLE, ADDR_NO_RANDOMIZE, PER_LINUX32),
};

#endif
