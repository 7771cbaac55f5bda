/* A 32-bit program without a C library: says "32-bit code runs" and exits with 0, or, filtered, dies of its first call. */
static long call(long number, long first, long second, long third)
{
	long answer;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
	return answer;
}

void _start(void);
void _start(void)
{
	static const char text[] = "32-bit code runs\n";
	call(4, 1, (long)text, sizeof text - 1);
	call(1, 0, 0, 0);
	__builtin_unreachable();
}
