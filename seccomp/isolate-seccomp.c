/*
 * isolate-seccomp: the system-call filter of isolate's sandboxes, as a program.
 *
 * Theory of operation. One table (rules.h) says what is refused, with which error and why. From it come
 *   - the filter itself, classic BPF that the kernel runs before every system call (seccomp(2)): installed in this
 *     process before it executes COMMAND, or written out raw (--print-filter) for bwrap's --seccomp;
 *   - a smaller policy in the language of LXC (--print-lxc-profile), for containers that start an init of their own, and as
 *     a filter (--print-lxc-filter), for commands that join these.
 *
 * The filter asks in this order: which table does the call's number belong to, that of 64-bit programs or that of the
 * 32-bit programs that the same kernel runs (there is no third; any other architecture is killed); is the number one that
 * was known when the rules were written (x32 and negative numbers are not, nor are calls of later kernels: ENOSYS, on which
 * a libc falls back to older calls); does a rule match. What no rule names is allowed. Arguments that the kernel takes as
 * 32-bit numbers are compared on their low 32 bits only: comparing all 64 lets a caller set a high bit and pass
 * (CVE-2019-10063).
 *
 * Any 64-bit program can make the calls of 32-bit ones too (int 0x80), so both tables get every rule. One call defeats the
 * rules about sockets: i386's socketcall has the address family in memory, unseen. It makes no sockets, unless whoever
 * runs 32-bit programs asks for it (--socketcall): i386's glibc has no other way to make them.
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
#include <stdbool.h>
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

#include "rules.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

enum { RULES = sizeof rules / sizeof rules[0] };

/* Which rules it has. */
struct variant {
	enum policy policy;
	bool socketcall;
};

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
#define FAR_JUMP(distance) ((struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance))
#define RETURN(what) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))
#define RETURN_ERROR(number) RETURN(SECCOMP_RET_ERRNO | ((uint32_t)(number) & SECCOMP_RET_DATA))

static void emit(struct program *program, struct sock_filter instruction)
{
	if (program->length < MAX_INSTRUCTIONS)
		program->code[program->length] = instruction;
	program->length++;
}

/* The accumulator holds the call's number before and after. */
static void emit_rule(struct program *program, const struct rule *rule, enum table table)
{
	if (rule->match == ALWAYS) {
		emit(program, JUMP(BPF_JEQ, rule->number[table], 0, 1));
		emit(program, RETURN_ERROR(rule->error));
		return;
	}
	/* Behind this jump: load, mask, one test a value, return, load. */
	emit(program, JUMP(BPF_JEQ, rule->number[table], 0, (uint8_t)(rule->count + 4)));
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

static bool applies(const struct rule *rule, enum table table, struct variant variant)
{
	return rule->number[table] != NONE && (rule->policy & variant.policy) != 0 && !(rule->unless_socketcall && variant.socketcall);
}

static void emit_table(struct program *program, enum table table, struct variant variant)
{
	emit(program, LOAD_NUMBER);
#ifdef __aarch64__
	if (table == COMPAT_TABLE) {
		emit(program, JUMP(BPF_JGT, LAST_ARM_CALL, 2, 0));
		emit(program, JUMP(BPF_JGE, FIRST_ARM_CALL, 0, 1));
		emit(program, RETURN(SECCOMP_RET_ALLOW));
	}
#endif
	emit(program, JUMP(BPF_JGT, LAST_KNOWN_CALL, 0, 1));
	emit(program, RETURN_ERROR(ENOSYS));
	for (size_t i = 0; i < RULES; i++)
		if (applies(&rules[i], table, variant))
			emit_rule(program, &rules[i], table);
	emit(program, RETURN(SECCOMP_RET_ALLOW));
}

/* Returns 0, or -1 when the rules have outgrown MAX_INSTRUCTIONS. */
static int assemble(struct program *program, struct variant variant)
{
	program->length = 0;
	emit(program, LOAD(offsetof(struct seccomp_data, arch)));
	emit(program, JUMP(BPF_JEQ, NATIVE_ARCHITECTURE, 3, 0));
	emit(program, JUMP(BPF_JEQ, COMPAT_ARCHITECTURE, 1, 0));
	emit(program, RETURN(SECCOMP_RET_KILL_PROCESS));
	/* No conditional jump reaches so far. */
	unsigned short far = program->length;
	emit(program, FAR_JUMP(0));
	emit_table(program, NATIVE, variant);
	if (program->length < MAX_INSTRUCTIONS)
		program->code[far] = FAR_JUMP(program->length - far - 1U);
	emit_table(program, COMPAT_TABLE, variant);
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

/*
 * Format: lxc.container.conf(5), lxc.seccomp.profile. One line a value, since lines about one call are alternatives. LXC puts
 * what stands below [all] into the filters of 32-bit programs as well, by the call's name; below [x86] stands what the
 * native table lacks. It leaves out rules about i386's socket, which libseccomp takes for a part of socketcall.
 */
static void print_lxc_rules(enum table table)
{
	for (size_t i = 0; i < RULES; i++) {
		const struct rule *rule = &rules[i];
		if (!(rule->policy & LXC) || (rule->number[NATIVE] == NONE) != (table == COMPAT_TABLE) || rule->number[table] == NONE)
			continue;
		if (rule->match == ALWAYS)
			printf("%s errno %d\n", rule->name, rule->error);
		for (unsigned int n = 0; rule->match == WHEN_ONE_OF && n < rule->count; n++)
			printf("%s errno %d [%u,%#x,SCMP_CMP_MASKED_EQ,%#x]\n", rule->name, rule->error, rule->argument,
			       rule->values[n], rule->mask);
	}
}

static int print_lxc_profile(void)
{
	printf("2\ndenylist\n[all]\n");
	print_lxc_rules(NATIVE);
	printf("[%s]\n", COMPAT("x86", "arm"));
	print_lxc_rules(COMPAT_TABLE);
	return fflush(stdout) == 0 ? 0 : 125;
}

static const char help[] =
	"Usage: isolate-seccomp [--socketcall] COMMAND [ARG...]\n"
	"Run COMMAND under the system-call filter of isolate's sandboxes, with no_new_privs set.\n"
	"\n"
	"  --socketcall         let i386 programs make sockets by socketcall(2), of any address family\n"
	"  --print-filter       write the filter, an array of struct sock_filter, for bwrap --seccomp FD\n"
	"  --print-lxc-profile  write the smaller policy for lxc.seccomp.profile\n"
	"  --print-lxc-filter   write that policy as a filter, for what joins a container\n"
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
	bool socketcall = argc > 1 && strcmp(argv[1], "--socketcall") == 0;
	argc -= socketcall;
	argv += socketcall;
	const char *word = argc > 1 ? argv[1] : "";
	bool lxc = argc == 2 && strcmp(word, "--print-lxc-filter") == 0;
	if (assemble(&program, (struct variant){.policy = lxc ? LXC : SANDBOX, .socketcall = socketcall}) != 0) {
		fprintf(stderr, "isolate-seccomp: the filter is longer than %d instructions\n", MAX_INSTRUCTIONS);
		return 125;
	}
	if (argc > 2 && strcmp(word, "--") == 0)
		return run(&program, argv + 2);
	if (argc > 1 && word[0] != '-' && word[0] != '\0')
		return run(&program, argv + 1);
	if (argc == 2 && (lxc || strcmp(word, "--print-filter") == 0))
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
