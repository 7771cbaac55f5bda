/*
 * One loop over one poll(2): signals, the child's report, the stage's socket and pipe, the terminal. The command's own pid
 * comes from the kernel with the stage's greeting; from then on signals go to it, whatever wraps it.
 */
#include "supervise.h"

#include <sys/signalfd.h>
#include <time.h>

#define BIT(signal) (1u << (signal))
static const uint32_t ending = BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGHUP) | BIT(SIGQUIT);
static const uint32_t forwarded = ending | BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGWINCH) | BIT(SIGTSTP) | BIT(SIGCONT);
/* Signals from a terminal or pipe that must not stop us. */
static const uint32_t harmless = BIT(SIGTTOU) | BIT(SIGTTIN) | BIT(SIGPIPE);

enum { LOOK_AGAIN_MS = 250, LEFTOVERS_MS = 2000, ENGINE_MS = 2000 };

static bool is_in(uint32_t set, int signal) {
  return signal > 0 && signal < 32 && (set >> signal & 1) != 0;
}

void supervise_signals(sigset_t *signals) {
  sigemptyset(signals);
  for (int signal = 1; signal < 32; signal++)
    if (is_in(forwarded | harmless | BIT(SIGCHLD), signal)) sigaddset(signals, signal);
}

void signal_command(const struct state *state, int signal) {
  if (state->command <= 0) return;
  bool job = signal == SIGTSTP || signal == SIGTTOU || signal == SIGCONT;
  if (job && kill(-state->command, signal) == 0) return;
  syscall(SYS_pidfd_send_signal, state->command_fd, signal, NULL, 0);
}

void kill_all(struct state *state) {
  state->killing = state->terminal->paused = true; /* the terminal is given back, and not taken from its next owner */
  state->kill_at = 0;
  if (!state->child_ended) kill(state->run->child, SIGKILL);
  signal_command(state, SIGKILL);
}

static void begin_end(struct state *state) {
  if (state->kill_at == 0) state->kill_at = now_ms() + state->run->record.grace_ms;
}

static void open_command(struct state *state, pid_t command) {
  state->command = command;
  state->command_fd = above_planned((int)syscall(SYS_pidfd_open, command, 0));
}

static void started(struct state *state) {
  state->started = true;
  record_keep(&state->run->record);
  state->run->tell(state->run, (struct event){.kind = EVENT_STARTED, .a = (uint32_t)state->command});
  for (int signal = 1; signal < 32; signal++)
    if (is_in(state->kept, signal)) signal_command(state, signal);
}

static void take_signal(struct state *state, int signal) {
  if (signal == SIGWINCH && state->terminal->present) return;
  if (!state->started && is_in(ending, signal)) {
    state->ended_by = signal;
    kill_all(state);
    return;
  }
  if (signal == SIGTERM && state->kill_at != 0) {
    kill_all(state);
    return;
  }
  if (!state->started) state->kept |= BIT(signal);
  else signal_command(state, signal);
  if (signal == SIGTERM) begin_end(state);
  if (signal == SIGTSTP) job_stop(state, SIGTSTP, false);
  if (signal == SIGCONT) job_go_on(state);
}

/* The child's failure, or the wait status of the command from our own init; the end tells that the engine was executed. */
static void read_report(struct state *state) {
  struct event report;
  ssize_t count = read(state->report, &report, sizeof report);
  if (count == (ssize_t)sizeof report && report.kind == EVENT_FAILED) {
    state->failure = report;
  } else if (count == (ssize_t)sizeof report) {
    state->init_status = (int)report.a;
  } else {
    close_source(&state->report);
    if (state->run->stage[0] >= 0 || state->failure.kind != 0 || state->killing || state->child_ended) return;
    open_command(state, state->run->child);
    started(state);
  }
}

/* A child that was executed and has ended said the first before the second, though poll(2) may have looked in between. */
static void hear_report(struct state *state) {
  struct pollfd report = {.fd = state->report, .events = POLLIN};
  if (state->report >= 0 && poll(&report, 1, 0) > 0) read_report(state);
}

static void reap(struct state *state) {
  int status;
  for (siginfo_t ended = {0}; waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid > 0; ended.si_pid = 0) {
    if (ended.si_pid == state->run->child) hear_report(state);
    if (waitpid(ended.si_pid, &status, WNOHANG) != ended.si_pid) return;
    companions_reap(state, ended.si_pid);
    if (ended.si_pid != state->run->child) continue;
    state->child_ended = true;
    state->child_status = status;
  }
}

/*
 * Under supervision signals come as numbers over the control descriptor: what a terminal sends to the whole process
 * group the parent gets as well and hands on once, and two signals of one kind would merge before we can tell them apart.
 */
static void read_signals(struct state *state) {
  struct signalfd_siginfo info;
  bool supervised = state->run->record.supervised;
  while (read(state->signals, &info, sizeof info) == sizeof info) {
    int signal = (int)info.ssi_signo;
    if (signal == SIGCHLD) reap(state);
    else if (signal == SIGWINCH && state->terminal->present) terminal_resize(state->terminal);
    else if (!supervised && is_in(forwarded, signal) && (pid_t)info.ssi_pid != getpid()) take_signal(state, signal);
  }
  if (supervised && getppid() != state->run->parent) kill_all(state);
}

/* Its end means the parent's end. */
static void read_control(struct state *state) {
  unsigned char signal;
  ssize_t count = read(state->control, &signal, 1);
  if (count == 1 && is_in(forwarded, signal)) {
    take_signal(state, signal);
  } else if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
    state->control = -1;
    kill_all(state);
  }
}

static void meet_stage(struct state *state) {
  int word = 0; /* its greeting of one byte, or the errno with which it cannot become the user */
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {&word, sizeof word};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  struct ucred sender = {.pid = 0};
  ssize_t count = recvmsg(state->stage, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); count > 0 && item != NULL; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_type == SCM_RIGHTS && state->start < 0) memcpy(&state->start, CMSG_DATA(item), sizeof state->start);
    if (item->cmsg_type == SCM_CREDENTIALS) memcpy(&sender, CMSG_DATA(item), sizeof sender);
  }
  state->start = above_planned(state->start);
  if (sender.pid > 0) open_command(state, sender.pid);
  if (count == (ssize_t)sizeof word) state->failure = (struct event){.kind = EVENT_FAILED, .a = STEP_USER, .b = (uint32_t)word};
  if (count == 1 && *(char *)&word == 'H' && state->start >= 0 && state->command_fd >= 0 && !state->child_ended) send(state->stage, "G", 1, MSG_NOSIGNAL);
  else state->command = 0; /* the stage sees the end of the socket and gives up */
  close_source(&state->stage);
}

static void read_start(struct state *state) {
  int error = 0;
  ssize_t count = read(state->start, &error, sizeof error);
  if (count < 0) return;
  close_source(&state->start);
  if (count == (ssize_t)sizeof error) state->failure = (struct event){.kind = EVENT_NOT_EXECUTED, .a = (uint32_t)error};
  else if (!state->killing) started(state);
}

/* A guest can stop the process that waits for the command inside, so we wait no longer than this for the engine's end. */
static void note_command_end(struct state *state) {
  state->command_ended = true;
  state->command_status = process_status(state->command, state->command_fd);
  state->engine_until = now_ms() + ENGINE_MS;
}

/* First kill what the engine waits for, so that the engine can clean up; then the engine. */
static void end_engine(struct state *state, int64_t now) {
  char path[64];
  if (state->engine_until == 0 || now < state->engine_until) return;
  if (state->insisted) kill_all(state);
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)state->run->child, (int)state->run->child);
  kill_listed(path);
  state->engine_until = state->insisted ? 0 : now + ENGINE_MS;
  state->insisted = true;
}

/* Not for a stopped run, which may be continued and then ends at once. */
static bool has_deadline(const struct state *state) {
  return state->run->deadline_at != 0 && !state->timed_out && !state->terminal->paused;
}

static void heed_deadline(struct state *state, int64_t now) {
  if (!has_deadline(state) || now < state->run->deadline_at) return;
  state->timed_out = true;
  take_signal(state, SIGTERM);
}

static int timeout_ms(const struct state *state, bool look_again, int64_t now) {
  int64_t until = look_again ? now + LOOK_AGAIN_MS : INT64_MAX;
  if (has_deadline(state) && state->run->deadline_at < until) until = state->run->deadline_at;
  if (state->kill_at != 0 && state->kill_at < until) until = state->kill_at;
  if (state->look_at != 0 && state->look_at < until) until = state->look_at;
  if (state->engine_until != 0 && state->engine_until < until) until = state->engine_until;
  int64_t companion = companions_look_again(state, now);
  if (companion < until) until = companion;
  if (until == INT64_MAX) return -1;
  return until > now ? (int)(until - now) : 0;
}

static void turn(struct state *state) {
  int sources[] = {state->stage, state->start, state->report, state->control, state->signals};
  void (*const readers[])(struct state *) = {meet_stage, read_start, read_report, read_control, read_signals};
  struct pollfd polls[11];
  bool apart = state->started && state->command != state->run->child && !state->command_ended;
  for (int i = 0; i < 5; i++) polls[i] = (struct pollfd){.fd = sources[i], .events = POLLIN};
  terminal_settle(state->terminal);
  bool look_again = terminal_wishes(state->terminal, polls + 5);
  polls[8] = (struct pollfd){.fd = apart ? state->command_fd : -1, .events = POLLIN};
  polls[9] = (struct pollfd){.fd = state->beside.report, .events = POLLIN};
  polls[10] = (struct pollfd){.fd = state->beside.ready, .events = POLLIN};
  if (poll(polls, 11, timeout_ms(state, look_again, now_ms())) < 0) return;
  for (int i = 0; i < 5; i++)
    if (polls[i].revents != 0) readers[i](state);
  if (polls[8].revents != 0) note_command_end(state);
  companions_proceed(state, polls + 9);
  if (job_stop_in_background(state)) return;
  bool was_hung_up = state->terminal->hung_up;
  terminal_proceed(state->terminal, polls + 5);
  if (state->terminal->hung_up && !was_hung_up) {
    take_signal(state, SIGHUP);
    begin_end(state);
  }
  int64_t now = now_ms();
  job_look_for_stop(state, now);
  end_engine(state, now);
  heed_deadline(state, now);
  if (state->kill_at != 0 && now >= state->kill_at) kill_all(state);
}

static void end_command(struct state *state) {
  struct pollfd command = {.fd = state->command_fd, .events = POLLIN};
  if (state->command_fd < 0 || state->command == state->run->child || poll(&command, 1, 0) > 0) return;
  signal_command(state, SIGKILL);
  poll(&command, 1, LEFTOVERS_MS);
}

/* As subreaper we are the parent of whatever the engine left behind; nothing outlives the run. */
static void end_leftovers(void) {
  int64_t deadline = now_ms() + LEFTOVERS_MS;
  struct timespec pause = {.tv_nsec = 100000000};
  sigset_t signals;
  supervise_signals(&signals);
  for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) >= 0 && now_ms() < deadline;) {
    if (ended > 0) continue;
    kill_listed("/proc/thread-self/children");
    sigtimedwait(&signals, NULL, &pause);
  }
}

/* The engine's own exit status can't tell exit 128+N from death by N; the kernel can, and so can our own init. */
static int true_status(const struct state *state) {
  int status;
  if (state->init_status >= 0) return state->init_status;
  if (state->command == state->run->child) return state->child_status;
  if (state->insisted && state->command_status >= 0) return state->command_status;
  return process_exit(state->command_fd, &status) ? status : state->child_status;
}

static struct event last_event(const struct state *state) {
  if (state->timed_out && state->failure.kind != EVENT_FAILED) return (struct event){.kind = EVENT_TIMED_OUT};
  if (state->failure.kind != 0) return state->failure;
  if (!state->started && state->ended_by == 0) return (struct event){.kind = EVENT_FAILED, .a = STEP_ENGINE};
  int status = state->started ? true_status(state) : state->ended_by;
  if (WIFSIGNALED(status)) return (struct event){.kind = EVENT_KILLED, .a = (uint32_t)WTERMSIG(status)};
  return (struct event){.kind = EVENT_EXITED, .a = (uint32_t)WEXITSTATUS(status)};
}

struct event supervise(struct run *run) {
  struct state state = {.run = run, .terminal = &run->terminal, .start = -1, .command_fd = -1, .init_status = -1, .command_status = -1, .beside = {.report = -1, .ready = -1}};
  sigset_t signals;
  supervise_signals(&signals);
  state.signals = above_planned(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  state.control = run->record.supervised ? run->control : -1;
  state.report = run->report[0];
  state.stage = run->stage[0];
  companions_go_on(&state);
  while (!state.child_ended) turn(&state);
  if (state.stage >= 0) meet_stage(&state); /* it may have said why it gives up while poll(2) already looked at the signals */
  close_source(&state.stage);
  end_command(&state);
  companions_end(&state);
  end_leftovers();
  if (state.start >= 0) read_start(&state);
  while (state.report >= 0) read_report(&state);
  terminal_drain(state.terminal, SLOW_READER_MS, -1);
  terminal_swallow_answers(state.terminal);
  terminal_give_back(state.terminal);
  return last_event(&state);
}
