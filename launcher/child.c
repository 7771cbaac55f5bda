/* Everything between fork and execve, in the order of the theory of operation in main.c. The first failure ends it. */
#include "launcher.h"

#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/mount.h>

static int report_fd;

void child_reports_to(int fd) {
  report_fd = fd;
}

void must(bool done, enum step step) {
  if (done) return;
  place.step = step;
  send_event(report_fd, failure());
  _exit(STATUS_FAILED);
}

void die_with_launcher(void) {
  struct pollfd report = {.fd = report_fd};
  must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, STEP_SUPERVISION);
  if (poll(&report, 1, 0) > 0 && (report.revents & POLLERR) != 0) _exit(STATUS_FAILED);
}

static void wait_at_gate(int gate) {
  char byte;
  ssize_t count;
  do count = gate < 0 ? 1 : read(gate, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) _exit(STATUS_FAILED);
}

bool filter_read(const char *path, struct sock_fprog *filter) {
  static struct sock_filter instructions[4096];
  ssize_t length = read_file(path, instructions, sizeof instructions);
  if (length < 0) return false;
  if (length == 0 || length == (ssize_t)sizeof instructions || (size_t)length % sizeof instructions[0] != 0) return errno = EINVAL, false;
  *filter = (struct sock_fprog){(unsigned short)((size_t)length / sizeof instructions[0]), instructions};
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

static int open_planned(const struct run *run, const struct descriptor *descriptor) {
  switch (descriptor->kind) {
  case TAG_DESCRIPTOR_STAGE: return run->program;
  case TAG_DESCRIPTOR_STAGE_STATUS: return run->stage[1];
  case TAG_DESCRIPTOR_CHANNEL: return run->channels[descriptor->channel][descriptor->end];
  case TAG_DESCRIPTOR_READY: return run->ready[1];
  case TAG_DESCRIPTOR_FILE: return open(descriptor->path, (descriptor->access == ACCESS_READ_WRITE ? O_RDWR : O_RDONLY) | O_NOCTTY | O_CLOEXEC);
  default: return sealed_file("isolate", descriptor->content);
  }
}

/* Ours are all above the planned numbers, so no planned one can overwrite another. */
static void put_descriptors(const struct run *run) {
  for (size_t i = 0; i < run->record.descriptors.count; i++) {
    const struct descriptor *descriptor = &run->record.descriptors.items[i];
    int number = (int)descriptor->number;
    place.item = descriptor->item;
    int fd = open_planned(run, descriptor);
    must(fd >= 0, STEP_DESCRIPTOR);
    must((fd == number ? fcntl(fd, F_SETFD, 0) : dup2(fd, number)) >= 0, STEP_DESCRIPTOR);
    if (fd != number && fd < OWN_DESCRIPTORS) close(fd);
  }
  place.item = 0;
}

/* What an engine has started ends with us, through a descriptor that it keeps: SIGIO of fcntl(2), as SIGKILL to the whole group. */
static void die_together(int alive) {
  if (alive < 0) return;
  bool set = fcntl(alive, F_SETFD, 0) == 0 && fcntl(alive, F_SETOWN, -getpid()) == 0 && fcntl(alive, F_SETSIG, SIGKILL) == 0;
  must(set && fcntl(alive, F_SETFL, O_ASYNC) == 0, STEP_SESSION);
}

static void start_session(const struct run *run) {
  must(setsid() >= 0, STEP_SESSION);
  if (!run->record.dies_with_parent) die_together(run->alive[0]);
  int pty = run->terminal.slave;
  if (pty < 0) return;
  must(run->record.stage_takes_terminal || ioctl(pty, TIOCSCTTY, 0) == 0, STEP_TERMINAL);
  for (int fd = 0; fd <= 2; fd++) must(!run->terminal.is[fd] || dup2(pty, fd) >= 0, STEP_TERMINAL);
}

/*
 * No mount gets out, but the host's unmounts reach this namespace too: copies of other clones would otherwise keep those from being
 * destroyed during this run. What the sandbox sees becomes private when it is mounted.
 */
static void own_mounts(void) {
  must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0, STEP_MOUNT_NAMESPACE);
}

/* bubblewrap's process inside waits without end for the one outside if that is killed before it says a word; as an init it heeds no SIGIO. */
/* So that ends with us only by its own --die-with-parent, which it asks for right before. If we end earlier, its stage finds nobody to greet. */
static _Noreturn void execute(const struct record *record, const struct sock_fprog *filter) {
  must(!record->dies_with_parent || prctl(PR_SET_PDEATHSIG, 0) == 0, STEP_EXECUTE);
  must(!record->no_new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, STEP_NO_NEW_PRIVILEGES);
  if (filter->len > 0) must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) == 0 && filter_answers(), STEP_FILTER);
  reset_signals();
  if (record->file != NULL) execve(record->file, record->arguments.items, record->environment.items);
  else syscall(SYS_execveat, (int)record->file_descriptor, "", record->arguments.items, record->environment.items, AT_EMPTY_PATH);
  must(false, STEP_EXECUTE);
  _exit(STATUS_FAILED);
}

_Noreturn void wait_for_command(pid_t command) {
  int status = 0;
  syscall(SYS_close_range, 0u, (unsigned)report_fd - 1, 0u);
  syscall(SYS_close_range, (unsigned)report_fd + 1, ~0u, 0u);
  for (pid_t ended = 0; ended != command && (ended >= 0 || errno != ECHILD);) ended = waitpid(-1, &status, 0);
  send_event(report_fd, (struct event){.kind = EVENT_EXITED, .a = (uint32_t)status});
  _exit(exit_status(status));
}

/*
 * We go on in it, as its init, so that the file systems of processes that are mounted from now on are about it. What else processes
 * could share with those of the host is new with it.
 */
static void own_processes(void) {
  int status = 0;
  must(unshare(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) == 0, STEP_PROCESS_NAMESPACE);
  pid_t init = fork();
  must(init >= 0, STEP_PROCESS_NAMESPACE);
  if (init == 0) return die_with_launcher();
  syscall(SYS_close_range, 3u, ~0u, 0u);
  while (waitpid(init, &status, 0) < 0 && errno == EINTR) continue;
  _exit(exit_status(status));
}

_Noreturn void child_main(struct run *run) {
  const struct record *record = &run->record;
  bool namespaced = record->map_writer != MAP_NONE && (record->namespaces & NAMESPACE_USER_MAPS_ONLY) == 0;
  bool own_mount_namespace = (record->namespaces & NAMESPACE_MOUNT) != 0;

  place.item = 0;
  report_fd = run->report[1];
  signal(SIGXFSZ, SIG_IGN); /* a caller's limit of file sizes is an error of a write of ours, not our end */
  die_with_launcher();
  wait_at_gate(run->gate[0]);
  put_descriptors(run);
  must(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS, STEP_KEYRING);
  umask(022);
  start_session(run);
  must(cgroup_join(run_groups(run)), STEP_CGROUP);
  if (record->join_kind != 0) {
    must(!record->no_new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, STEP_NO_NEW_PRIVILEGES);
    enter_execute(run, report_fd);
  }

  if (own_mount_namespace && (!namespaced || record->host_mounts.count > 0)) own_mounts();
  must(mounts_apply(run, &record->host_mounts), STEP_MOUNT);
  die_with_launcher();
  if (namespaced) {
    must(identity_enter(run), STEP_IDENTITY);
    die_with_launcher();
    if (own_mount_namespace) own_mounts();
    if ((record->namespaces & NAMESPACE_PID) != 0) own_processes();
  }
  must((record->namespaces & NAMESPACE_NETWORK) == 0 || unshare(CLONE_NEWNET) == 0, STEP_NETWORK_NAMESPACE);
  must(mounts_apply(run, &record->sandbox_mounts), STEP_MOUNT);

  must(record->root == NULL || (chroot(record->root) == 0 && chdir("/") == 0), STEP_ROOT);
  must(chdir(record->working_directory) == 0, STEP_WORKING_DIRECTORY);
  if ((record->namespaces & NAMESPACE_PID) == 0) execute(record, &run->filter);
  pid_t command = fork();
  must(command >= 0, STEP_PROCESS_NAMESPACE);
  if (command == 0) execute(record, &run->filter);
  wait_for_command(command);
}
