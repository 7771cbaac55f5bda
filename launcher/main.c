/*
 * isolate-launch: starts one sandbox as a launch record says, and stays with it until it ends.
 *
 *   isolate-launch RECORDFD STATUSFD [LEASEFD]   reads the record from one, reports events on the other (RECORD.md)
 *   isolate-launch --check-record                parses the record on standard input: status 0 or 125, nothing is done
 *   isolate ...                                  any other name: gets the record from the daemon (../client/client.c)
 *
 * Theory of operation. Everything was decided before: this program knows no option and makes no choice. Three processes
 * take part, and each does the following in this order and nothing else; the first failure undoes what was done, is
 * reported with its step and errno, and ends with status 125.
 *
 *   The launcher   blocks the signals it will hand on; reads and checks the whole record; closes every descriptor but
 *                  the standard three and its own; arranges to end with its parent; makes the files of the run; looks at the standard streams; reads the filter; has a short-lived
 *                  process make the user namespace and writes its id maps, itself or by newuidmap(1) and newgidmap(1), or
 *                  has the daemon hand one over with a clone's tree; opens a pty if a standard stream is a terminal; makes
 *                  the control groups; forks the child; hands terminal and signals through (supervise.c, terminal.c);
 *                  ends what is left; gives terminal and streams back; removes the control groups and the files; reports.
 *   The child      asks to die with the launcher; puts the planned descriptors in place; joins a new session keyring;
 *                  takes umask 022; starts a session, with the pty as its terminal; joins the control groups; makes a
 *                  mount namespace and the host's mounts; enters the user namespace and becomes its 0; makes a mount
 *                  namespace of its own there and the sandbox's mounts; changes root and directory; in a process
 *                  namespace stays as its init and goes on in one more child; sets no_new_privs; installs the filter
 *                  and tries it; sets all signals back; executes the engine with the planned arguments and environment.
 *   The stage      is this program again, executed by the engine inside; it becomes the command (stage.c).
 */
#include "../client/client.h"
#include "launcher.h"

static int descriptor_number(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == 0 && number <= 65535 ? (int)number : -1;
}

static bool is_at_end(int fd) {
  char more;
  return read(fd, &more, 1) == 0;
}

static int refuse_record(void) {
  dprintf(STDERR_FILENO, "isolate-launch: malformed launch record (item %u)\n", place.item);
  return STATUS_FAILED;
}

/* Lifted twice: out of the planned ones' way, and above those that will be theirs, which may be in use. */
bool keep_descriptors(struct run *run) {
  int *ours[] = {&run->control, &run->events, &run->lease};
  for (int i = 0; i < 3; i++)
    if (*ours[i] >= 0 && (*ours[i] = fcntl(*ours[i], F_DUPFD_CLOEXEC, OWN_DESCRIPTORS + 3)) < 0) return false;
  if (syscall(SYS_close_range, 3u, OWN_DESCRIPTORS + 2u, 0u) < 0) return false;
  for (int i = 0; i < 3; i++)
    if (*ours[i] >= 0 && (*ours[i] = dup3(*ours[i], OWN_DESCRIPTORS + i, O_CLOEXEC)) < 0) return false;
  return syscall(SYS_close_range, OWN_DESCRIPTORS + 3u, ~0u, 0u) == 0;
}

/* The parent's death comes as an ordinary signal, so that the terminal is given back and the groups are removed. */
static bool stay_with_parent(const struct run *run) {
  place.step = STEP_SUPERVISION;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return false;
  return !run->record.supervised || (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == run->parent);
}

/* Makes all that the child needs but can't make itself. */
static bool prepare(struct run *run) {
  const struct record *record = &run->record;
  place.step = STEP_FILE;
  if (!files_make(&run->record.files)) return false;
  place.step = STEP_STREAM;
  if (record->contained_streams && !streams_lead_nowhere()) return false;
  streams_keep(run->streams);
  place.step = STEP_FILTER_FILE;
  if (record->seccomp_filter != NULL && !filter_read(record->seccomp_filter, &run->filter)) return false;
  place.step = STEP_DESCRIPTOR;
  bool stage = record_descriptor(record, TAG_DESCRIPTOR_STAGE) != NULL;
  if (stage && (run->program = above_planned(open("/proc/self/exe", O_PATH | O_CLOEXEC))) < 0) return false;
  place.step = STEP_TREE;
  if (record->map_writer == MAP_GIVEN && !connection_tree(run->lease, record, &run->user_namespace, &run->tree)) return false;
  bool own = record->map_writer != MAP_NONE && record->map_writer != MAP_GIVEN;
  if (own && (run->user_namespace = identity_make(record)) < 0) return false;
  place.step = STEP_TERMINAL;
  if (!terminal_open(&run->terminal, identity_of_root(&record->uid_maps))) return false;
  place.step = STEP_CGROUP;
  return record->groups_of_run != NULL || cgroup_make(&record->cgroups);
}

static bool lift_pair(int made, int pair[2]) {
  if (made < 0) return false;
  for (int end = 0; end < 2; end++)
    if ((pair[end] = above_planned(pair[end])) < 0) return false;
  return true;
}

static bool open_channels(struct run *run) {
  int on = 1;
  if (!lift_pair(pipe2(run->report, O_CLOEXEC), run->report)) return false;
  if (record_descriptor(&run->record, TAG_DESCRIPTOR_STAGE_STATUS) == NULL) return true;
  return lift_pair(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, run->stage), run->stage) &&
         setsockopt(run->stage[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
}

static bool start_child(struct run *run) {
  place.step = STEP_SUPERVISION;
  if (!open_channels(run)) return false;
  place.step = STEP_PROCESS_NAMESPACE;
  if ((run->record.namespaces & NAMESPACE_PID) != 0 && unshare(CLONE_NEWPID) < 0) return false;
  run->child = fork();
  if (run->child == 0) {
    close_quietly(run->report[0]);
    close_quietly(run->stage[0]);
    close_quietly(run->lease);
    child_main(run);
  }
  const int childs[] = {run->report[1], run->stage[1], run->tree, run->program};
  for (size_t i = 0; i < sizeof childs / sizeof *childs; i++) close_quietly(childs[i]);
  return run->child > 0;
}

struct event launch(struct run *run) {
  run->deadline_at = run->record.deadline_ms == 0 ? 0 : now_ms() + run->record.deadline_ms;
  bool staying = stay_with_parent(run), prepared = staying && prepare(run);
  bool begun = prepared && start_child(run);
  if (begun) terminal_hand_over(&run->terminal);
  struct event last = begun ? supervise(run) : failure();
  if (begun) streams_restore(run->streams);
  uint32_t kills = cgroup_memory_kills(&run->record.cgroups);
  if (last.kind == EVENT_EXITED || last.kind == EVENT_KILLED) last.b = kills;
  if (last.kind == EVENT_FAILED && last.a == STEP_ENGINE && kills > 0) last.b = ENOMEM;
  if (prepared && run->record.groups_of_run == NULL) cgroup_remove(&run->record.cgroups);
  if (staying) files_remove(run);
  return last;
}

static void tell_parent(const struct run *run, struct event event) {
  send_event(run->events, event);
}

int main(int argc, char **argv) {
  static struct run run = {-1, -1, -1, -1, -1, -1, {-1, -1}, {-1, -1}, .tell = tell_parent};
  run.parent = getppid();
  if (argc > 0 && stage_is(argv[0])) stage_main(argc, argv);
  if (argc > 0 && client_is(argv[0])) return client_main(argv, &run);
  if (argc == 2 && strcmp(argv[1], "--check-record") == 0)
    return record_read(STDIN_FILENO, &run.record, &place.item) && is_at_end(STDIN_FILENO) ? 0 : refuse_record();
  int *numbers[] = {&run.control, &run.events, &run.lease};
  bool numbered = argc == 3 || argc == 4;
  for (int i = 1; numbered && i < argc; i++) numbered = (*numbers[i - 1] = descriptor_number(argv[i])) >= 3;
  if (!numbered) {
    dprintf(STDERR_FILENO, "usage: isolate-launch RECORDFD STATUSFD [LEASEFD]\n");
    return STATUS_FAILED;
  }
  sigset_t signals;
  supervise_signals(&signals);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  place.step = STEP_RECORD;
  /* Behind the record of a supervised launch come the parent's signals, else nothing. */
  if (!record_read(run.control, &run.record, &place.item) || (!run.record.supervised && !is_at_end(run.control))) {
    errno = EINVAL;
    send_event(run.events, failure());
    return refuse_record();
  }
  if (!keep_descriptors(&run)) return STATUS_FAILED;
  struct event last = launch(&run);
  send_event(run.events, last);
  return event_status(last);
}
