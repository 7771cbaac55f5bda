/*
 * isolate-seccomp: the system-call filter of isolate's sandboxes, as a program.
 *
 * Theory of operation. One table says what is refused, with which error and why. From it come
 *   - the filter itself, classic BPF that the kernel runs before every system call (seccomp(2)): installed in this
 *     process before it executes COMMAND, or written out raw (--print-filter) for bwrap's --seccomp;
 *   - a smaller policy in the language of LXC (--print-lxc-profile), for containers that start an init of their own.
 *
 * The filter asks in this order: is this the architecture we were built for (anything else is killed, since numbers
 * mean other calls there); is the number one that was known when the table was written (x32 and negative numbers are
 * not, nor are calls of later kernels: ENOSYS, on which a libc falls back to older calls); does a rule match. What no
 * rule names is allowed. Arguments that the kernel takes as 32-bit numbers are compared on their low 32 bits only:
 * comparing all 64 lets a caller set a high bit and pass (CVE-2019-10063).
 *
 * Allowed on purpose: ptrace, process_vm_readv and pidfd_getfd (they reach only what the process namespace shows, and
 * debuggers need them), name_to_handle_at (a handle is of no use without open_by_handle_at), chroot and mknod (package
 * managers; the user namespace and nodev bound them), seccomp and landlock (they only take away).
 *
 * A rule is straight-line code that no jump leaves except to the instruction behind it, so offsets stay tiny.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the table has been checked for x86_64 and aarch64 only"
#endif

#ifndef VERSION
#define VERSION "unknown"
#endif

/* The newest call looked at: file_setattr of Linux 6.17. Calls from 424 on have one number everywhere. */
#define LAST_KNOWN_CALL 469
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
#define WHOLE 0xffffffffU

#define NEW_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

enum match { ALWAYS, WHEN_ONE_OF, UNLESS_ONE_OF, WHEN_ANY_BIT };
enum policy { SANDBOX = 1, LXC = 2, BOTH = 3 };
enum { MAX_VALUES = 4, MAX_INSTRUCTIONS = 512, MAX_RULE = MAX_VALUES + 5 };

struct rule {
	const char *name;
	uint32_t number;
	int error;
	enum policy policy;
	enum match match;
	unsigned int argument; /* counted from 0; its low 32 bits, masked, are compared with the values */
	uint32_t mask;
	uint32_t values[MAX_VALUES];
	unsigned int count;
};

#define CALL(call) .name = #call, .number = __NR_##call
#define REFUSE(call, errno_, where) {CALL(call), .error = errno_, .policy = where, .match = ALWAYS}
#define COMPARE(call, errno_, where, how, index, bits, n, ...) \
	{CALL(call), .error = errno_, .policy = where, .match = how, .argument = index, .mask = bits, .values = {__VA_ARGS__}, .count = n}

static const struct rule rules[] = {
	/* Typing into, or redirecting, a terminal shared with the host. First, because ioctl is the hottest call here. */
	COMPARE(ioctl, EPERM, BOTH, WHEN_ONE_OF, 1, WHOLE, 4, TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS),

	/* New namespaces give capabilities over kernel code that is otherwise out of reach. */
	COMPARE(clone, EPERM, SANDBOX, WHEN_ANY_BIT, 0, WHOLE, 1, NEW_NAMESPACES),
	REFUSE(clone3, ENOSYS, SANDBOX), /* its flags lie in memory, unseen; on ENOSYS a libc uses clone */
	REFUSE(unshare, EPERM, SANDBOX),
	REFUSE(setns, EPERM, SANDBOX),

	/* Families beyond these four are rarely used, rarely audited kernel code (vsock reaches the hypervisor). */
	COMPARE(socket, EAFNOSUPPORT, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 4, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
	COMPARE(socketpair, EAFNOSUPPORT, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 4, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
	COMPARE(socket, EAFNOSUPPORT, SANDBOX, WHEN_ONE_OF, 1, SOCKET_TYPE_MASK, 1, SOCK_PACKET), /* AF_INET with it becomes AF_PACKET */
	COMPARE(socket, EAFNOSUPPORT, LXC, WHEN_ONE_OF, 0, WHOLE, 2, AF_ALG, AF_VSOCK), /* containers run DHCP clients: AF_PACKET stays */

	/* What is mounted was decided before the start. */
	REFUSE(mount, EPERM, SANDBOX),
	REFUSE(umount2, EPERM, SANDBOX),
	REFUSE(pivot_root, EPERM, SANDBOX),
	REFUSE(open_tree, ENOSYS, SANDBOX), /* the new calls: ENOSYS, so that mount(8) goes back to the old ones and reports their EPERM */
	REFUSE(open_tree_attr, ENOSYS, SANDBOX),
	REFUSE(move_mount, ENOSYS, SANDBOX),
	REFUSE(fsopen, ENOSYS, SANDBOX),
	REFUSE(fsconfig, ENOSYS, SANDBOX),
	REFUSE(fsmount, ENOSYS, SANDBOX),
	REFUSE(fspick, ENOSYS, SANDBOX),
	REFUSE(mount_setattr, ENOSYS, SANDBOX),

	/* Keyrings are not in any namespace. */
	REFUSE(add_key, EPERM, BOTH),
	REFUSE(request_key, EPERM, BOTH),
	REFUSE(keyctl, EPERM, BOTH),

	/* The running kernel: its code, its end, its log, its books, the machine's ports. */
	REFUSE(init_module, EPERM, BOTH),
	REFUSE(finit_module, EPERM, BOTH),
	REFUSE(delete_module, EPERM, BOTH),
	REFUSE(kexec_load, EPERM, BOTH),
#ifdef __NR_kexec_file_load
	REFUSE(kexec_file_load, EPERM, BOTH),
#endif
	REFUSE(reboot, EPERM, SANDBOX), /* a container's init ends its container with it */
	REFUSE(swapon, EPERM, BOTH),
	REFUSE(swapoff, EPERM, BOTH),
	REFUSE(syslog, EPERM, BOTH),
	REFUSE(acct, EPERM, BOTH),
	REFUSE(quotactl, EPERM, BOTH),
	REFUSE(quotactl_fd, EPERM, BOTH),
	REFUSE(settimeofday, EPERM, BOTH),
	REFUSE(clock_settime, EPERM, BOTH),
	REFUSE(vhangup, EPERM, BOTH),
#ifdef __x86_64__
	REFUSE(iopl, EPERM, BOTH),
	REFUSE(ioperm, EPERM, BOTH),
	REFUSE(uselib, EPERM, BOTH),
#endif

	/* Large, young or much-exploited parts of the kernel that ordinary programs do without. */
	REFUSE(bpf, EPERM, BOTH),
	REFUSE(perf_event_open, EPERM, BOTH),
	REFUSE(userfaultfd, EPERM, BOTH),
	REFUSE(io_uring_setup, EPERM, BOTH), /* it would also carry out calls that this filter never sees */
	REFUSE(io_uring_enter, EPERM, BOTH),
	REFUSE(io_uring_register, EPERM, BOTH),
	REFUSE(kcmp, EPERM, BOTH), /* tells kernel addresses apart */
	REFUSE(lookup_dcookie, EPERM, BOTH),
	REFUSE(nfsservctl, ENOSYS, BOTH),

	/* Opens a file by number, past every directory above it: the way out of a bind mount. */
	REFUSE(open_by_handle_at, EPERM, BOTH),

	/* Other personalities switch off protections or on old ABIs. Allowed: the default, asking (0xffffffff), and the
	 * fixed layout debuggers and sanitizers ask for, which weakens nobody but the caller. */
	COMPARE(personality, EPERM, SANDBOX, UNLESS_ONE_OF, 0, WHOLE, 3, PER_LINUX, WHOLE, ADDR_NO_RANDOMIZE),
};
enum { RULES = sizeof rules / sizeof rules[0] };

struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short length;
};

#define LOAD(offset) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset))
#define LOAD_NUMBER LOAD(offsetof(struct seccomp_data, nr))
/* Both architectures are little-endian: the low word comes first. */
#define LOAD_ARGUMENT(index) LOAD(offsetof(struct seccomp_data, args) + 8 * (index))
#define AND(mask) ((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask))
#define JUMP(test, value, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no))
#define RETURN(what) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))
#define RETURN_ERROR(number) RETURN(SECCOMP_RET_ERRNO | ((uint32_t)(number) & SECCOMP_RET_DATA))

static void emit(struct program *program, struct sock_filter instruction)
{
	if (program->length < MAX_INSTRUCTIONS)
		program->code[program->length] = instruction;
	program->length++;
}

/* The accumulator holds the call's number before and after. */
static void emit_rule(struct program *program, const struct rule *rule)
{
	if (rule->match == ALWAYS) {
		emit(program, JUMP(BPF_JEQ, rule->number, 0, 1));
		emit(program, RETURN_ERROR(rule->error));
		return;
	}
	/* Behind this jump: load, mask, one test a value, return, load. */
	emit(program, JUMP(BPF_JEQ, rule->number, 0, (uint8_t)(rule->count + 4)));
	emit(program, LOAD_ARGUMENT(rule->argument));
	emit(program, AND(rule->mask));
	for (unsigned int i = 0; i < rule->count; i++) {
		uint8_t to_return = (uint8_t)(rule->count - 1 - i);
		uint8_t past_return = (uint8_t)(to_return + 1);
		uint8_t unmatched = i + 1 == rule->count && rule->match != UNLESS_ONE_OF ? 1 : 0;
		emit(program, JUMP(rule->match == WHEN_ANY_BIT ? BPF_JSET : BPF_JEQ, rule->values[i],
				   rule->match == UNLESS_ONE_OF ? past_return : to_return, unmatched));
	}
	emit(program, RETURN_ERROR(rule->error));
	emit(program, LOAD_NUMBER);
}

/* Returns 0, or -1 when the table has outgrown MAX_INSTRUCTIONS. */
static int assemble(struct program *program)
{
	program->length = 0;
	emit(program, LOAD(offsetof(struct seccomp_data, arch)));
	emit(program, JUMP(BPF_JEQ, NATIVE_ARCHITECTURE, 1, 0));
	emit(program, RETURN(SECCOMP_RET_KILL_PROCESS));
	emit(program, LOAD_NUMBER);
	emit(program, JUMP(BPF_JGT, LAST_KNOWN_CALL, 0, 1));
	emit(program, RETURN_ERROR(ENOSYS));
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].policy & SANDBOX)
			emit_rule(program, &rules[i]);
	emit(program, RETURN(SECCOMP_RET_ALLOW));
	return program->length <= MAX_INSTRUCTIONS ? 0 : -1;
}

static int install(struct program *program)
{
	struct sock_fprog filter = {.len = program->length, .filter = program->code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

/* Calls that do no harm whoever answers, and that the kernel alone would answer otherwise. */
static const struct {
	const char *what;
	long number;
	unsigned long first, second;
	int expected;
} self_tests[] = {
	{"ioctl TIOCSTI", __NR_ioctl, -1UL, TIOCSTI, EPERM},
	{"ioctl TIOCSTI with a high bit", __NR_ioctl, -1UL, TIOCSTI | 1UL << 32, EPERM},
	{"ioctl TCGETS", __NR_ioctl, -1UL, TCGETS, EBADF},
	{"unshare", __NR_unshare, 0, 0, EPERM},
	{"setns", __NR_setns, -1UL, 0, EPERM},
	{"clone3", __NR_clone3, 0, 0, ENOSYS},
	{"keyctl", __NR_keyctl, -1UL, 0, EPERM},
	{"getppid", __NR_getppid, 0, 0, 0},
};

/* Returns NULL when the filter answers as it should, else the name of the first test that failed. */
static const char *self_test(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return "no_new_privs";
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
		return "seccomp mode";
	for (size_t i = 0; i < sizeof self_tests / sizeof self_tests[0]; i++) {
		errno = 0;
		long answer = syscall(self_tests[i].number, self_tests[i].first, self_tests[i].second, 0, 0, 0, 0);
		if ((answer == -1) != (self_tests[i].expected != 0) || errno != self_tests[i].expected)
			return self_tests[i].what;
	}
	return NULL;
}

static int print_filter(const struct program *program)
{
	size_t length = program->length;
	return fwrite(program->code, sizeof program->code[0], length, stdout) == length && fflush(stdout) == 0 ? 0 : 125;
}

/* Format: lxc.container.conf(5), lxc.seccomp.profile. One line a value, since lines about one call are alternatives. */
static int print_lxc_profile(void)
{
	printf("2\ndenylist\n[all]\n");
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *rule = &rules[i];
		if (!(rule->policy & LXC))
			continue;
		if (rule->match == ALWAYS)
			printf("%s errno %d\n", rule->name, rule->error);
		for (unsigned int n = 0; rule->match == WHEN_ONE_OF && n < rule->count; n++)
			printf("%s errno %d [%u,%#x,SCMP_CMP_MASKED_EQ,%#x]\n", rule->name, rule->error, rule->argument,
			       rule->values[n], rule->mask);
	}
	return fflush(stdout) == 0 ? 0 : 125;
}

static const char help[] =
	"Usage: isolate-seccomp COMMAND [ARG...]\n"
	"Run COMMAND under the system-call filter of isolate's sandboxes, with no_new_privs set.\n"
	"\n"
	"  --print-filter       write the filter, an array of struct sock_filter, for bwrap --seccomp FD\n"
	"  --print-lxc-profile  write the smaller policy for lxc.seccomp.profile\n"
	"  --help, --version\n"
	"\n"
	"Exit status: COMMAND's own; 125 the filter could not be installed, 126 COMMAND could not be\n"
	"executed, 127 COMMAND was not found.\n";

static int run(struct program *program, char **command)
{
	if (install(program) != 0) {
		fprintf(stderr, "isolate-seccomp: the filter could not be installed: %s\n", strerror(errno));
		return 125;
	}
	const char *failed = self_test();
	if (failed != NULL) {
		fprintf(stderr, "isolate-seccomp: the filter does not work: the test of %s failed\n", failed);
		return 125;
	}
	execvp(command[0], command);
	int error = errno;
	fprintf(stderr, "isolate-seccomp: %s: %s\n", command[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? 127 : 126;
}

int main(int argc, char **argv)
{
	static struct program program;
	if (assemble(&program) != 0) {
		fprintf(stderr, "isolate-seccomp: the filter is longer than %d instructions\n", MAX_INSTRUCTIONS);
		return 125;
	}
	const char *word = argc > 1 ? argv[1] : "";
	if (argc > 2 && strcmp(word, "--") == 0)
		return run(&program, argv + 2);
	if (argc > 1 && word[0] != '-' && word[0] != '\0')
		return run(&program, argv + 1);
	if (argc == 2 && strcmp(word, "--print-filter") == 0)
		return print_filter(&program);
	if (argc == 2 && strcmp(word, "--print-lxc-profile") == 0)
		return print_lxc_profile();
	if (argc == 2 && strcmp(word, "--help") == 0)
		return fputs(help, stdout) >= 0 && fflush(stdout) == 0 ? 0 : 125;
	if (argc == 2 && strcmp(word, "--version") == 0)
		return printf("isolate-seccomp %s\n", VERSION) > 0 && fflush(stdout) == 0 ? 0 : 125;
	fprintf(stderr, "isolate-seccomp: no command, or an unknown option\n%s", help);
	return 125;
}
