/*
 * isolate-launch: starts one sandbox as a launch record says, and stays with it until it ends.
 *
 *   isolate-launch RECORDFD STATUSFD      reads the record from one descriptor, reports events on the other (RECORD.md)
 *   isolate-launch --check-record         parses the record on standard input: status 0 or 125, nothing is done
 *
 * Theory of operation. Everything was decided before: this program knows no option and makes no choice. Three processes
 * take part, and each does the following in this order and nothing else; the first failure undoes what was done, is
 * reported with its step and errno, and ends with status 125.
 *
 *   The launcher   blocks the signals it will hand on; reads and checks the whole record; closes every descriptor but
 *                  the standard three and its own; arranges to end with its parent; reads the filter; has a short-lived
 *                  process make the user namespace and writes its id maps, itself or by newuidmap(1) and newgidmap(1);
 *                  makes the control groups; opens a pty if a standard stream is a terminal; forks the child; hands
 *                  terminal and signals through (supervise.c, terminal.c); ends what is left; gives the terminal back;
 *                  removes the control groups; reports.
 *   The child      asks to die with the launcher; puts the planned descriptors in place; joins a new session keyring;
 *                  takes umask 022; starts a session, with the pty as its terminal; joins the control groups; makes a
 *                  mount namespace and the host's mounts; enters the user namespace and becomes its 0; makes a mount
 *                  namespace of its own there and the sandbox's mounts; changes root and directory; in a process
 *                  namespace stays as its init and goes on in one more child; sets no_new_privs; installs the filter
 *                  and tries it; sets all signals back; executes the engine with the planned arguments and environment.
 *   The stage      is this program again, executed by the engine inside; it becomes the command (stage.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "identity.h"
#include "launcher.h"
#include "stage.h"
#include "step.h"
#include "supervise.h"

int above_planned(int fd) {
  if (fd < 0 || fd >= OWN_DESCRIPTORS) return fd;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
  int error = errno;
  close(fd);
  errno = error;
  return own;
}

bool write_file(const char *path, const char *text, size_t length) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t count = write(fd, text, length);
  int error = count < 0 ? errno : EIO;
  close(fd);
  errno = error;
  return count == (ssize_t)length;
}

void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static int descriptor_number(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == 0 && number <= 65535 ? (int)number : -1;
}

/* Behind the record of a supervised launch come the parent's signals, else nothing. */
static bool read_record(int fd, struct record *record, uint32_t *item) {
  size_t length;
  char more;
  uint8_t *bytes = record_read(fd, &length);
  *item = 0;
  if (bytes == NULL || !record_parse(bytes, length, record, item)) return free(bytes), false;
  record->bytes = bytes;
  return record->supervised || read(fd, &more, 1) == 0;
}

static int check_record(void) {
  static struct record record;
  uint32_t item;
  char more;
  if (read_record(STDIN_FILENO, &record, &item) && read(STDIN_FILENO, &more, 1) == 0) return 0;
  dprintf(STDERR_FILENO, "isolate-launch: malformed launch record (item %u)\n", item);
  return STATUS_FAILED;
}

/* Only the standard three and our own two, moved out of the planned ones' way, stay open. */
static bool close_others(int *events, int *control) {
  int own[2] = {fcntl(*control, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS), fcntl(*events, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS)};
  if (own[0] < 0 || own[1] < 0 || own[1] != own[0] + 1) return false;
  *control = own[0];
  *events = own[1];
  return syscall(SYS_close_range, 3u, (unsigned)own[0] - 1, 0u) == 0 && syscall(SYS_close_range, (unsigned)own[1] + 1, ~0u, 0u) == 0;
}

static int make_pair(int pair[2], bool socket) {
  int made = socket ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC);
  if (made < 0) return -1;
  pair[0] = above_planned(pair[0]);
  pair[1] = above_planned(pair[1]);
  int on = 1;
  if (socket && setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return -1;
  return pair[0] < 0 || pair[1] < 0 ? -1 : 0;
}

/* Makes all that the child needs but can't make itself; false with errno, `*step` and `*item`. */
static bool prepare(const struct record *record, struct preparation *preparation, struct terminal *terminal, enum step *step, uint32_t *item) {
  bool stage = record_descriptor(record, DESCRIPTOR_STAGE) != NULL;
  *step = STEP_FILTER_FILE;
  if (record->seccomp_filter != NULL && !filter_read(record->seccomp_filter, &preparation->filter)) return false;
  *step = STEP_DESCRIPTOR;
  if (stage && (preparation->program = above_planned(open("/proc/self/exe", O_PATH | O_CLOEXEC))) < 0) return false;
  if (record->map_writer != MAP_NONE && (preparation->user_namespace = identity_make(record, step)) < 0) return false;
  *step = STEP_TERMINAL;
  if (!terminal_open(terminal, identity_of_root(record->uid_map, record->uid_map_count))) return false;
  preparation->pty = terminal->slave;
  memcpy(preparation->terminal, terminal->is, sizeof terminal->is);
  *step = STEP_CGROUP;
  return cgroup_make(record, item);
}

static pid_t start_child(const struct record *record, struct preparation *preparation, struct supervision *supervision, enum step *step) {
  int report[2];
  int stage[2] = {-1, -1};
  *step = STEP_SUPERVISION;
  if (make_pair(report, false) < 0) return -1;
  if (record_descriptor(record, DESCRIPTOR_STAGE_STATUS) != NULL && make_pair(stage, true) < 0) return -1;
  *step = STEP_PROCESS_NAMESPACE;
  if ((record->namespaces & NAMESPACE_PID) != 0 && unshare(CLONE_NEWPID) < 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    close(report[0]);
    if (stage[0] >= 0) close(stage[0]);
    preparation->report = report[1];
    preparation->stage_status = stage[1];
    child_main(record, preparation);
  }
  close(report[1]);
  if (stage[1] >= 0) close(stage[1]);
  supervision->report = report[0];
  supervision->stage = stage[0];
  supervision->child = child;
  return child;
}

/* The parent's death comes as an ordinary signal, so that the terminal is given back and the groups are removed. */
static bool stay_with_parent(const struct record *record, pid_t parent) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return false;
  if (!record->supervised) return true;
  return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

static int launch(const struct record *record, int events, int control, pid_t parent) {
  static struct terminal terminal;
  struct preparation preparation = {.report = -1, .user_namespace = -1, .pty = -1, .stage_status = -1, .program = -1};
  struct supervision supervision = {.record = record, .terminal = &terminal, .parent = parent, .events = events, .control = record->supervised ? control : -1};
  enum step step = STEP_SUPERVISION;
  uint32_t item = 0;
  bool ready = stay_with_parent(record, parent) && prepare(record, &preparation, &terminal, &step, &item);
  bool grouped = ready;
  if (!ready || start_child(record, &preparation, &supervision, &step) < 0) {
    int error = errno;
    if (grouped) cgroup_remove(record);
    supervise_report(events, EVENT_FAILED, step, (uint32_t)error, item);
    return STATUS_FAILED;
  }
  terminal_hand_over(&terminal);
  if (preparation.user_namespace >= 0) close(preparation.user_namespace);
  if (preparation.program >= 0) close(preparation.program);
  int status = supervise(&supervision);
  cgroup_remove(record);
  return status;
}

int main(int argc, char **argv) {
  static struct record record;
  uint32_t item = 0;
  pid_t parent = getppid();
  if (argc > 0 && stage_is(argv[0])) stage_main(argc, argv);
  if (argc == 2 && strcmp(argv[1], "--check-record") == 0) return check_record();
  int source = argc == 3 ? descriptor_number(argv[1]) : -1;
  int events = argc == 3 ? descriptor_number(argv[2]) : -1;
  if (source < 3 || events < 3) {
    dprintf(STDERR_FILENO, "usage: isolate-launch RECORDFD STATUSFD\n");
    return STATUS_FAILED;
  }
  sigset_t signals;
  supervise_signals(&signals);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  if (!read_record(source, &record, &item)) {
    dprintf(STDERR_FILENO, "isolate-launch: malformed launch record (item %u)\n", item);
    supervise_report(events, EVENT_FAILED, STEP_RECORD, EINVAL, item);
    return STATUS_FAILED;
  }
  if (!close_others(&events, &source)) return STATUS_FAILED;
  return launch(&record, events, source, parent);
}
