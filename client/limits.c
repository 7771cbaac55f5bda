/*
 * Limits of the caller (getrlimit(2)) that leave too little for Node. Node itself would crash at its start, or wait for ever for a thread
 * that could not be made.
 */
#include "client.h"

#include <sys/resource.h>

/* The least that a run needs, found by trying, with some room; processes include threads. */
enum { LEAST_FILES = 256, LEAST_PROCESSES = 24 };
static const struct {
  int resource;
  const char *what, *option;
  rlim_t least, unit;
} limits[] = {
    {RLIMIT_NOFILE, "open files", "-n", LEAST_FILES, 1},
    {RLIMIT_AS, "memory of a process (KiB)", "-v", 1536UL << 20, 1024},
    {RLIMIT_DATA, "data of a process (KiB)", "-d", 1024UL << 20, 1024},
    {RLIMIT_STACK, "stack (KiB)", "-s", 512UL << 10, 1024},
    {RLIMIT_FSIZE, "file sizes (KiB)", "-f", 64UL << 10, 1024},
};

/* The hint: a command of the shell, or where to raise the limit. */
static void advise(bool raisable, const char *option, unsigned long long least) {
  if (raisable) dprintf(STDERR_FILENO, "hint: ulimit %s %llu\n", option, least);
  else dprintf(STDERR_FILENO, "hint: raise the hard limit where it was set: by a service, a container or limits.conf(5)\n");
}

/* Whether this many processes can be made right now; each of them only waits to be killed. */
static bool can_fork(int count) {
  pid_t made[LEAST_PROCESSES];
  int number = 0;
  while (number < count) {
    pid_t child = fork();
    if (child == 0)
      for (;;) pause();
    if (child < 0) break;
    made[number++] = child;
  }
  for (int i = 0; i < number; i++) kill(made[i], SIGKILL);
  for (int i = 0; i < number; i++)
    while (waitpid(made[i], NULL, 0) < 0 && errno == EINTR) continue;
  return number == count;
}

/* How many threads the host has: no user has more, and to try costs more than to read this (proc_loadavg(5)). */
static unsigned long count_threads(void) {
  char text[128];
  read_text("/proc/loadavg", text, sizeof text);
  const char *slash = strchr(text, '/');
  return slash == NULL ? ~0UL : strtoul(slash + 1, NULL, 10);
}

bool limits_suffice(void) {
  struct rlimit limit;
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0) continue;
    /* Node raises its limit of open files to the hard limit. */
    rlim_t is = limits[i].resource == RLIMIT_NOFILE ? limit.rlim_max : limit.rlim_cur;
    if (is == RLIM_INFINITY || is >= limits[i].least) continue;
    unsigned long long least = limits[i].least / limits[i].unit;
    dprintf(STDERR_FILENO, "isolate: The limit of %s is %llu, and isolate needs at least %llu.\n", limits[i].what,
            (unsigned long long)is / limits[i].unit, least);
    return advise(limit.rlim_max >= limits[i].least, limits[i].option, least), false;
  }
  bool limited = getuid() != 0 && getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  if (!limited || count_threads() + LEAST_PROCESSES < limit.rlim_cur || can_fork(LEAST_PROCESSES)) return true;
  dprintf(STDERR_FILENO, "isolate: The limit of processes is %llu, and fewer than the %d that isolate needs are left.\n",
          (unsigned long long)limit.rlim_cur, LEAST_PROCESSES);
  advise(limit.rlim_max >= limit.rlim_cur + LEAST_PROCESSES, "-u", (unsigned long long)limit.rlim_cur + LEAST_PROCESSES);
  return false;
}
