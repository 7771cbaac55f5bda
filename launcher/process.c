/* What the kernel says about processes. */
#include "launcher.h"

/* pidfd_info of linux/pidfd.h (6.13, the exit code since 6.15), which Debian 12's headers lack. */
struct pidfd_info {
  uint64_t mask, cgroup;
  uint32_t ids[11];
  int32_t exit_code;
};
enum { PIDFD_WITH_EXIT = 1 << 3 };
#define PIDFD_INFO_REQUEST _IOWR(0xFF, 11, struct pidfd_info)

/* The fields of proc_pid_stat(5) from the state on, of a dead process without a parent where there is none. */
static const char *read_stat(pid_t pid, char text[1024]) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  read_text(path, text, 1024);
  const char *name_end = strrchr(text, ')');
  return name_end == NULL ? "X 0" : name_end + 2;
}

char process_state(pid_t pid) {
  char text[1024];
  return *read_stat(pid, text);
}

unsigned long long process_start(pid_t pid) {
  char text[1024];
  const char *at = read_stat(pid, text);
  if (*at == 'X' || *at == 'Z') return 0;
  for (int field = 3; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at, NULL, 10);
}

pid_t process_parent(pid_t pid) {
  char text[1024];
  return (pid_t)strtol(read_stat(pid, text) + 2, NULL, 10);
}

/* Set before the process closes its files (PF_EXITING of linux/sched.h). */
enum { FLAG_ENDING = 4 };

bool process_is_ending(pid_t pid) {
  char text[1024];
  unsigned flags = 0;
  const char *stat = read_stat(pid, text);
  return *stat == 'X' || (sscanf(stat, "%*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & FLAG_ENDING) != 0);
}

bool process_is_job(void) {
  pid_t pid = getppid();
  while (pid > 1 && getpgid(pid) == getpgrp()) pid = process_parent(pid);
  return pid > 1 && getsid(pid) == getsid(0);
}

/* The kernel answers 0 if this process may not see it. */
int process_status(pid_t pid, int pidfd) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  if (readlink(path, text, sizeof text) < 0) return -1;
  const char *stat = read_stat(pid, text);
  /* The number is still this process's if the descriptor still has it. */
  if (*stat != 'Z' || syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0) return -1;
  return (int)strtol(strrchr(stat, ' '), NULL, 10);
}

bool process_exit(int pidfd, int *status) {
  struct pidfd_info info = {.mask = PIDFD_WITH_EXIT};
  bool known = ioctl(pidfd, PIDFD_INFO_REQUEST, &info) == 0 && (info.mask & PIDFD_WITH_EXIT) != 0;
  if (known) *status = info.exit_code;
  return known;
}
