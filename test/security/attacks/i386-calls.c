/*
 * What a 64-bit program gets that makes the calls of 32-bit ones (int 0x80): a line for each, its name and errno, 0 where
 * the kernel carried it out. No call does harm, whoever answers it. With a word "socketcall" a UNIX socket is made that way.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static int call(long number, long first, long second, long third)
{
	long answer;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
	return (int)answer < 0 && (int)answer > -4096 ? -(int)answer : 0;
}

static const struct {
	const char *name;
	long number, first, second, third;
} calls[] = {
	{"getpid", 20, 0, 0, 0},
	{"ioctl TIOCSTI", 54, -1, 0x5412, 0},
	{"ioctl TCGETS", 54, -1, 0x5401, 0},
	{"clone CLONE_NEWUSER", 120, 0x10000000, 0, 0},
	{"clone3", 435, 0, 0, 0},
	{"unshare", 310, 0, 0, 0},
	{"setns", 346, -1, 0, 0},
	{"socket AF_VSOCK", 359, 40, 1, 0},
	{"socket AF_UNIX", 359, 1, 1, 0},
	{"mount", 21, 0, 0, 0},
	{"umount", 22, 0, 0, 0},
	{"umount2", 52, 0, 0, 0},
	{"open_tree", 428, -1, 0, 0},
	{"keyctl", 288, -1, 0, 0},
	{"init_module", 128, 0, 0, 0},
	{"stime", 25, 0, 0, 0},
	{"clock_settime", 264, -1, 0, 0},
	{"clock_settime64", 404, -1, 0, 0},
	{"iopl", 110, 4, 0, 0},
	{"vm86old", 113, 0, 0, 0},
	{"bpf", 357, -1, 0, 0},
	{"perf_event_open", 336, 0, 0, 0},
	{"userfaultfd", 374, -1, 0, 0},
	{"io_uring_setup", 425, 0, 0, 0},
	{"open_by_handle_at", 342, -1, 0, 0},
	{"personality", 136, 0x0400000, 0, 0},
	{"a call of the future", 1000, 0, 0, 0},
};

int main(int argc, char **argv)
{
	/* socketcall's arguments are read from below 4 GiB. */
	int32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return 1;
	if (argc == 2 && strcmp(argv[1], "socketcall") == 0) {
		memcpy(low, (int32_t[]){1, 1, 0}, 12);
		printf("socketcall: %d\n", call(102, 1, (long)low, 0));
		return 0;
	}
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		printf("%s: %d\n", calls[i].name, call(calls[i].number, calls[i].first, calls[i].second, calls[i].third));
	}
	return 0;
}
