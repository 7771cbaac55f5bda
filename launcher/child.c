/* Everything between fork and execve, in the order of the theory of operation in main.c. The first failure ends it. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "identity.h"
#include "launcher.h"
#include "mounts.h"
#include "step.h"

static int report_fd;

static _Noreturn void fail(enum step step, uint32_t item) {
  struct report report = {REPORT_FAILED, step, errno, item};
  if (write(report_fd, &report, sizeof report) < 0) _exit(STATUS_FAILED);
  _exit(STATUS_FAILED);
}

/* Asked for again after every change of identity, which clears it; the launcher may have gone meanwhile. */
static void die_with_launcher(void) {
  struct pollfd report = {.fd = report_fd};
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail(STEP_SUPERVISION, 0);
  if (poll(&report, 1, 0) > 0 && (report.revents & POLLERR) != 0) _exit(STATUS_FAILED);
}

bool filter_read(const char *path, struct sock_fprog *filter) {
  static struct sock_filter instructions[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, instructions, sizeof instructions);
  char more;
  bool whole = length > 0 && (size_t)length % sizeof instructions[0] == 0 && read(fd, &more, 1) == 0;
  close(fd);
  if (!whole) return errno = EINVAL, false;
  filter->len = (unsigned short)((size_t)length / sizeof instructions[0]);
  filter->filter = instructions;
  return true;
}

/* The kernel itself would say EBADF for no descriptor, and EOPNOTSUPP for no operation. */
bool filter_answers(void) {
  errno = 0;
  if (syscall(SYS_ioctl, -1L, TIOCSTI, "") == 0 || errno != EPERM) return false;
  errno = 0;
  if (syscall(SYS_ioctl, -1L, TIOCSTI | 1UL << 32, "") == 0 || errno != EPERM) return false;
  errno = 0;
  return syscall(SYS_keyctl, -1L, 0, 0, 0, 0) < 0 && errno == EPERM;
}

static int memory_file(const struct descriptor *descriptor) {
  int fd = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  for (uint32_t at = 0; fd >= 0 && at < descriptor->length;) {
    ssize_t count = write(fd, descriptor->data + at, descriptor->length - at);
    if (count < 0) return -1;
    at += (uint32_t)count;
  }
  if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) return -1;
  return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd;
}

/* Ours are all above the planned numbers, so no planned one can overwrite another. */
static void put_descriptors(const struct record *record, const struct preparation *preparation) {
  for (size_t i = 0; i < record->descriptor_count; i++) {
    const struct descriptor *descriptor = &record->descriptors[i];
    int number = (int)descriptor->number;
    int fd = descriptor->kind == DESCRIPTOR_STAGE          ? preparation->program
             : descriptor->kind == DESCRIPTOR_STAGE_STATUS ? preparation->stage_status
             : descriptor->kind == DESCRIPTOR_FILE         ? open(descriptor->path, O_RDONLY | O_NOCTTY | O_CLOEXEC)
                                                           : memory_file(descriptor);
    if (fd < 0) fail(STEP_DESCRIPTOR, descriptor->item);
    if (fd == number) {
      if (fcntl(fd, F_SETFD, 0) < 0) fail(STEP_DESCRIPTOR, descriptor->item);
      continue;
    }
    if (dup2(fd, number) < 0) fail(STEP_DESCRIPTOR, descriptor->item);
    if (fd < OWN_DESCRIPTORS) close(fd);
  }
}

static void start_session(const struct record *record, const struct preparation *preparation) {
  if (setsid() < 0) fail(STEP_SESSION, 0);
  if (preparation->pty < 0) return;
  if (!record->stage_takes_terminal && ioctl(preparation->pty, TIOCSCTTY, 0) < 0) fail(STEP_TERMINAL, 0);
  for (int fd = 0; fd <= 2; fd++)
    if (preparation->terminal[fd] && dup2(preparation->pty, fd) < 0) fail(STEP_TERMINAL, 0);
}

static void own_mounts(void) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail(STEP_MOUNT_NAMESPACE, 0);
}

static void mount_all(const struct record *record, const struct mount_operation *operations, size_t count, int user_namespace) {
  uint32_t item = 0;
  if (!mounts_apply(record, operations, count, user_namespace, &item)) fail(STEP_MOUNT, item);
}

static void install_filter(const struct sock_fprog *filter) {
  if (filter->len == 0) return;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) < 0) fail(STEP_FILTER, 0);
  if (!filter_answers()) fail(STEP_FILTER, 0);
}

static _Noreturn void execute(const struct record *record, const struct preparation *preparation) {
  if (record->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(STEP_NO_NEW_PRIVILEGES, 0);
  install_filter(&preparation->filter);
  reset_signals();
  if (record->file != NULL) execve(record->file, record->arguments, record->environment);
  else syscall(SYS_execveat, record->file_descriptor, "", record->arguments, record->environment, AT_EMPTY_PATH);
  fail(STEP_EXECUTE, 0);
}

/* The first process of a process namespace: reaps, and ends with the command, which ends all the rest. */
static _Noreturn void be_init(pid_t command) {
  int status = 0;
  syscall(SYS_close_range, 0u, (unsigned)report_fd - 1, 0u);
  syscall(SYS_close_range, (unsigned)report_fd + 1, ~0u, 0u);
  for (;;) {
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == command || (ended < 0 && errno == ECHILD)) break;
  }
  struct report report = {REPORT_STATUS, (uint32_t)status, 0, 0};
  if (write(report_fd, &report, sizeof report) < 0) _exit(STATUS_FAILED);
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

_Noreturn void child_main(const struct record *record, const struct preparation *preparation) {
  int user_namespace = preparation->user_namespace;
  bool namespaced = record->map_writer != MAP_NONE && (record->namespaces & NAMESPACE_USER_MAPS_ONLY) == 0;
  bool own_mount_namespace = (record->namespaces & NAMESPACE_MOUNT) != 0;
  uint32_t item = 0;

  report_fd = preparation->report;
  die_with_launcher();
  put_descriptors(record, preparation);
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) fail(STEP_KEYRING, 0);
  umask(022);
  start_session(record, preparation);
  if (!cgroup_join(record, &item)) fail(STEP_CGROUP, item);

  if (own_mount_namespace && (!namespaced || record->host_mount_count > 0)) own_mounts();
  mount_all(record, record->host_mounts, record->host_mount_count, user_namespace);
  if (namespaced) {
    if (!identity_enter(user_namespace, record->map_writer != MAP_SINGLE)) fail(STEP_IDENTITY, 0);
    die_with_launcher();
    if (own_mount_namespace) own_mounts();
  }
  if ((record->namespaces & NAMESPACE_NETWORK) != 0 && unshare(CLONE_NEWNET) < 0) fail(STEP_NETWORK_NAMESPACE, 0);
  mount_all(record, record->sandbox_mounts, record->sandbox_mount_count, user_namespace);

  if (record->root != NULL && (chroot(record->root) < 0 || chdir("/") < 0)) fail(STEP_ROOT, 0);
  if (chdir(record->working_directory) < 0) fail(STEP_WORKING_DIRECTORY, 0);
  if ((record->namespaces & NAMESPACE_PID) == 0) execute(record, preparation);
  pid_t command = fork();
  if (command < 0) fail(STEP_PROCESS_NAMESPACE, 0);
  if (command == 0) execute(record, preparation);
  be_init(command);
}
