/* What the launcher itself does, in the order of the theory of operation in main.c: before the child, and after it. */
#include "../client/client.h"
#include "launcher.h"

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

/* The parent's death arrives as an ordinary signal, so that the terminal is given back and the groups are removed. */
static bool stay_with_parent(const struct run *run) {
  place.step = STEP_SUPERVISION;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return false;
  return !run->record.supervised || (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == run->parent);
}

/* Makes everything that the child needs but cannot make itself. */
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
  if (record->join_kind != 0 && !join_find(run)) return false;
  bool stage = record->join_kind == 0 && record_descriptor(record, TAG_DESCRIPTOR_STAGE) != NULL;
  if (stage && (run->program = above_planned(open("/proc/self/exe", O_PATH | O_CLOEXEC))) < 0) return false;
  place.step = STEP_TREE;
  if ((record->map_writer == MAP_GIVEN || record_trees(record) > 0) && !trees_take(run)) return false;
  bool own = record->map_writer != MAP_NONE && record->map_writer != MAP_GIVEN;
  if (own && (run->user_namespace = identity_make(record)) < 0) return false;
  place.step = STEP_TERMINAL;
  if (!terminal_open(&run->terminal, identity_of_root(record->join_kind != 0 ? &run->joined.uid_maps : &record->uid_maps))) return false;
  place.step = STEP_CGROUP;
  return record->groups_of_run != NULL || cgroup_make(&record->cgroups);
}

static bool open_pipes(struct run *run) {
  int on = 1;
  if (!lift_pair(pipe2(run->report, O_CLOEXEC), run->report) || !channels_open(run, &run->record)) return false;
  if (run->record.companions.count > 0 && !lift_pair(pipe2(run->gate, O_CLOEXEC), run->gate)) return false;
  if (record_descriptor(&run->record, TAG_DESCRIPTOR_STAGE_STATUS) == NULL) return true;
  return lift_pair(pipe2(run->alive, O_CLOEXEC), run->alive) &&
         lift_pair(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, run->stage), run->stage) &&
         setsockopt(run->stage[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
}

/* Our children are in it from now on. Where there is a user namespace it belongs to that, and the child makes it (child.c). */
static bool make_process_namespace(struct run *run) {
  if (run->record.map_writer != MAP_NONE) return true;
  run->processes = above_planned(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  return run->processes >= 0 && unshare(CLONE_NEWPID) == 0;
}

/* When its init has ended nothing can be started in it. */
static void leave_process_namespace(const struct run *run) {
  if (run->processes >= 0) setns(run->processes, CLONE_NEWPID);
}

static bool start_child(struct run *run) {
  place.step = STEP_SUPERVISION;
  if (!open_pipes(run)) return false;
  place.step = STEP_PROCESS_NAMESPACE;
  if ((run->record.namespaces & NAMESPACE_PID) != 0 && !make_process_namespace(run)) return false;
  run->child = cgroup_fork(run_groups(run));
  if (run->child == 0) {
    close_quietly(run->report[0]);
    close_quietly(run->stage[0]);
    close_quietly(run->lease);
    close_quietly(run->gate[1]);
    close_quietly(run->alive[1]);
    child_main(run);
  }
  channels_let_go(run, &run->record);
  const int childs[] = {run->report[1], run->stage[1], run->trees[0], run->trees[1], run->program, run->gate[0], run->alive[0], run->join.root, run->join.record};
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
  leave_process_namespace(run);
  uint32_t kills = cgroup_memory_kills(&run->record.cgroups);
  if (last.kind == EVENT_EXITED || last.kind == EVENT_KILLED) last.b = kills;
  if (last.kind == EVENT_FAILED && last.a == STEP_ENGINE && kills > 0) last.b = ENOMEM;
  if (prepared && run->record.groups_of_run == NULL) cgroup_remove(&run->record.cgroups);
  if (staying) files_end(run);
  return last;
}
