/*
 * A hostile guest that waits for the process with which a command joins its sandbox. It stops each new process at once and, if that
 * has not become the guest's own program, tries to get at it in every way there is; then it lets it go on.
 *
 *   catch-join SECONDS [meet]   prints "ready", "met FILE" for a program that is not the guest's, "got WHAT" for each success, and at
 *                               the end whether it has stopped such a process. It goes on for SECONDS, and after that until it has
 *                               stopped one, with `meet` met one too, but not for longer than a hundred.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const readable[] = {"exe", "mem", "maps", "environ", "auxv", "cwd/.", "root/.", "fd/0", "fd/1", "fd/2", "fd/11", "fd/12", "fd/200", "ns/mnt", "ns/user", "map_files", "syscall", "stack", "personality"};
static const char *const writable[] = {"exe", "mem", "oom_score_adj", "uid_map", "gid_map", "setgroups", "coredump_filter", "clear_refs"};

static bool met;

static void got(const char *what) {
  printf("got %s\n", what);
}

static void try_files(pid_t pid, const char *const names[], size_t count, int mode) {
  char path[128];
  for (size_t i = 0; i < count; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, names[i]);
    int fd = open(path, mode | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    char byte;
    /* Some files are opened by everybody and refuse what is done with them. */
    if (mode != O_RDONLY || read(fd, &byte, 1) >= 0 || errno == EISDIR || errno == EIO || errno == EAGAIN) got(path + 6);
    close(fd);
  }
}

static void try_calls(pid_t pid) {
  char byte;
  struct iovec own = {&byte, 1}, other = {(void *)0x400000, 1};
  if (process_vm_readv(pid, &own, 1, &other, 1, 0) >= 0 || errno == EFAULT) got("process_vm_readv");
  int process = (int)syscall(SYS_pidfd_open, pid, 0);
  for (int fd = 0; process >= 0 && fd < 256; fd++)
    if (syscall(SYS_pidfd_getfd, process, fd, 0) >= 0) got("pidfd_getfd");
  if (process >= 0) close(process);
  if (syscall(SYS_kcmp, pid, getpid(), 0, 0, 0) >= 0) got("kcmp");
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 || ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
    got("ptrace");
    ptrace(PTRACE_DETACH, pid, 0, 0);
  }
}

/* With `#!/proc/self/exe` a program that is not the guest's comes to be executed as the guest's own. It can be changed once nobody executes it. */
static void try_program(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
  int program = open(path, O_PATH | O_CLOEXEC), file = -1;
  kill(pid, SIGKILL);
  snprintf(path, sizeof path, "/proc/self/fd/%d", program);
  for (int tries = 0; program >= 0 && file < 0 && tries < 1000; tries++, usleep(1000)) file = open(path, O_RDWR | O_CLOEXEC);
  if (file >= 0 && write(file, "", 1) == 1) got("to change the program");
  printf("met %s\n", name);
  met = true;
  close(file);
  close(program);
}

/* The guest's own programs can be read by the guest. */
static bool is_own(pid_t pid) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return errno == ENOENT || errno == ESRCH;
  target[length] = 0;
  if (strstr(target, "busybox") == NULL && strstr(target, "catch-join") == NULL) try_program(pid, target);
  return true;
}

/* A signal stops a process only when it is back from the kernel, where it may be about to become the guest's own program. */
static bool has_stopped(pid_t pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  for (;;) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) return false;
    text[length] = 0;
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || strchr("ZX", name_end[2]) != NULL) return false;
    if (name_end[2] == 'T') return true;
  }
}

static bool attack(pid_t pid) {
  if (!has_stopped(pid) || is_own(pid)) return false;
  try_files(pid, readable, sizeof readable / sizeof *readable, O_RDONLY);
  try_files(pid, writable, sizeof writable / sizeof *writable, O_RDWR);
  try_calls(pid);
  return true;
}

int main(int argc, char **argv) {
  time_t start = time(NULL), seconds = argc > 1 ? atoi(argv[1]) : 1, passed;
  bool meet = argc > 2;
  unsigned caught = 0;
  pid_t last = getpid();
  puts("ready");
  fflush(stdout);
  while ((passed = time(NULL) - start) < seconds || (passed < 100 && (caught == 0 || (meet && !met)))) {
    /* Many: while this waits for the processor, commands come and go. */
    for (pid_t pid = last + 1; pid < last + 256; pid++) {
      if (kill(pid, SIGSTOP) < 0) continue;
      caught += attack(pid);
      kill(pid, SIGCONT);
      last = pid;
      break;
    }
  }
  printf("caught %s\n", caught > 0 ? "some" : "none");
  return 0;
}
