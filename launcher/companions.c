/*
 * Programs beside the engine. The run's child waits at a gate while they are started, one after the other, each by the same
 * steps as the engine; when the last one is ready the gate opens. They end after the engine.
 */
#include "supervise.h"

enum { READY_MS = 10000, LOOK_FOR_SOCKET_MS = 5 };

bool channels_open(struct run *run, const struct record *program) {
  for (size_t i = 0; i < program->descriptors.count; i++) {
    const struct descriptor *descriptor = &program->descriptors.items[i];
    int *ends = run->channels[descriptor->channel];
    if (descriptor->kind != TAG_DESCRIPTOR_CHANNEL || ends[0] != 0) continue;
    if (!lift_pair(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ends)) return false;
  }
  return true;
}

void channels_let_go(struct run *run, const struct record *program) {
  for (size_t i = 0; i < program->descriptors.count; i++) {
    const struct descriptor *descriptor = &program->descriptors.items[i];
    if (descriptor->kind != TAG_DESCRIPTOR_CHANNEL) continue;
    close_quietly(run->channels[descriptor->channel][descriptor->end]);
    run->channels[descriptor->channel][descriptor->end] = -1;
  }
}

static void fail(struct state *state, size_t companion, int error) {
  uint32_t item = state->run->record.companions.items[companion].item;
  state->failure = (struct event){EVENT_FAILED, STEP_COMPANION, (uint32_t)error, item};
  state->beside.ready_until = 0;
  kill_all(state);
}

static _Noreturn void companion_main(struct run *own) {
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 1; fd++) dup2(nothing, fd);
  child_main(own);
}

/* A run of its own in what concerns the child, with the groups that we have made, and our ids if those are wanted. */
static struct run run_of(const struct run *run, const struct record *program, uint32_t identity) {
  struct run own = *run;
  own.record = *program;
  own.record.cgroups = run->record.cgroups;
  if (identity == IDENTITY_SANDBOX) {
    own.record.map_writer = run->record.map_writer;
    own.record.uid_maps = run->record.uid_maps;
    own.record.gid_maps = run->record.gid_maps;
  }
  own.filter = (struct sock_fprog){0, NULL};
  own.terminal.slave = own.stage[0] = own.gate[0] = own.gate[1] = own.alive[0] = -1;
  return own;
}

static bool start_program(struct state *state, const struct record *program, uint32_t identity) {
  struct beside *beside = &state->beside;
  if (!channels_open(state->run, program)) return false;
  struct run own = run_of(state->run, program, identity);
  if (program->seccomp_filter != NULL && !filter_read(program->seccomp_filter, &own.filter)) return false;
  if (!lift_pair(pipe2(own.report, O_CLOEXEC), own.report) || !lift_pair(pipe2(own.ready, O_CLOEXEC), own.ready)) return false;
  pid_t pid = fork();
  if (pid == 0) companion_main(&own);
  channels_let_go(state->run, program);
  close_quietly(own.report[1]);
  close_quietly(own.ready[1]);
  beside->report = own.report[0];
  beside->ready = own.ready[0];
  beside->writes = record_descriptor(program, TAG_DESCRIPTOR_READY) != NULL;
  beside->ready_until = now_ms() + READY_MS;
  if (program->grace_ms > beside->grace_ms) beside->grace_ms = program->grace_ms;
  beside->pids[beside->started++] = pid;
  return pid > 0;
}

void companions_go_on(struct state *state) {
  const struct companions *all = &state->run->record.companions;
  struct beside *beside = &state->beside;
  beside->ready_until = 0;
  if (beside->started == all->count) {
    /* A child that has gone is seen to have ended. */
    if (all->count > 0 && write(state->run->gate[1], "", 1) < 0) errno = 0;
    return;
  }
  const struct companion *next = &all->items[beside->started];
  struct record program;
  uint32_t item;
  bool started = record_parse_program(next->program.at, next->program.length, &program, &item) && start_program(state, &program, next->identity);
  int error = errno;
  record_free(&program);
  if (!started) fail(state, (size_t)(next - all->items), error);
}

static bool is_ready(const struct state *state) {
  const struct beside *beside = &state->beside;
  const char *socket = state->run->record.companions.items[beside->started - 1].ready_socket;
  struct stat found;
  if (beside->report >= 0 || (beside->writes && beside->ready >= 0)) return false;
  return socket == NULL || (lstat(socket, &found) == 0 && S_ISSOCK(found.st_mode));
}

int64_t companions_look_again(const struct state *state, int64_t now) {
  const struct beside *beside = &state->beside;
  if (beside->ready_until == 0) return INT64_MAX;
  return beside->report < 0 && !(beside->writes && beside->ready >= 0) ? now + LOOK_FOR_SOCKET_MS : beside->ready_until;
}

/* False if it could not be executed. Waits until that is known. */
static bool take_report(struct state *state) {
  struct event event;
  ssize_t count = read(state->beside.report, &event, sizeof event);
  close_source(&state->beside.report);
  if (count == (ssize_t)sizeof event) fail(state, state->beside.started - 1, (int)event.b);
  return count != (ssize_t)sizeof event;
}

void companions_proceed(struct state *state, const struct pollfd polls[2]) {
  struct beside *beside = &state->beside;
  char byte;
  if (beside->ready_until == 0 || (polls[0].revents != 0 && !take_report(state))) return;
  /* An end without a word is the companion's own, of which the kernel tells next. */
  if (polls[1].revents != 0 && read(beside->ready, &byte, 1) == 1) close_source(&beside->ready);
  if (is_ready(state)) companions_go_on(state);
  else if (now_ms() >= beside->ready_until) fail(state, beside->started - 1, ETIMEDOUT);
}

/* A companion may end because the run does: at the end of a channel, or with the init of its process namespace. */
static bool is_run_ending(const struct state *state) {
  if (state->killing || state->child_ended || state->command_ended || process_is_ending(state->run->child)) return true;
  if (state->command <= 0) return false;
  struct pollfd command = {.fd = state->command_fd, .events = POLLIN};
  return process_is_ending(state->command) || poll(&command, 1, 0) > 0;
}

void companions_reap(struct state *state, pid_t pid) {
  struct beside *beside = &state->beside;
  for (size_t i = 0; i < beside->started; i++) {
    if (beside->pids[i] != pid) continue;
    beside->pids[i] = 0;
    if (i == beside->started - 1 && beside->report >= 0 && !take_report(state)) return;
    if (!is_run_ending(state)) fail(state, i, 0);
  }
}

static bool is_any_left(struct beside *beside) {
  bool left = false;
  for (size_t i = 0; i < beside->started; i++) {
    if (beside->pids[i] > 0 && waitpid(beside->pids[i], NULL, WNOHANG) != 0) beside->pids[i] = 0;
    left = left || beside->pids[i] > 0;
  }
  return left;
}

void companions_end(struct state *state) {
  struct beside *beside = &state->beside;
  struct timespec pause = {.tv_nsec = 100000000};
  int64_t deadline = now_ms() + beside->grace_ms;
  sigset_t signals;
  supervise_signals(&signals);
  for (size_t i = beside->started; i-- > 0;)
    if (beside->pids[i] > 0) kill(beside->pids[i], SIGTERM);
  while (is_any_left(beside) && now_ms() < deadline) sigtimedwait(&signals, NULL, &pause);
}
