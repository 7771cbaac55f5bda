/*
 * One loop over one poll(2): signals, the child's report, the stage's socket and pipe, the terminal. The command's own pid
 * comes from the kernel with the stage's greeting; from then on signals go to it, whatever wraps it.
 */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"
#include "step.h"

/* pidfd_info of linux/pidfd.h (6.13, the exit code since 6.15), which Debian 12's headers lack. */
struct pidfd_info {
  uint64_t mask, cgroup;
  uint32_t ids[11];
  int32_t exit_code;
};
enum { PIDFD_WITH_EXIT = 1 << 3 };
#define PIDFD_INFO_REQUEST _IOWR(0xFF, 11, struct pidfd_info)

enum { LOOK_AGAIN_MS = 250, LEFTOVERS_MS = 2000, SLOW_READER_MS = 2000 };
static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};
/* After a keystroke: how soon a stop of the command is looked for. Programs that stop themselves do so at once. */
static const int stop_checks_ms[] = {20, 80, 300};

struct state {
  const struct supervision *with;
  struct terminal *terminal;
  pid_t command;
  int signals, control, report, stage, start, command_fd;
  bool child_ended, started, failed, killing;
  int child_status, init_status, not_executed, ended_by;
  uint32_t kept; /* signals that came before the command's start */
  struct report failure;
  int64_t kill_at, look_at;
  size_t stop_check;
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void supervise_signals(sigset_t *signals) {
  sigemptyset(signals);
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) sigaddset(signals, forwarded[i]);
  sigaddset(signals, SIGCHLD);
  sigaddset(signals, SIGTTOU);
  sigaddset(signals, SIGTTIN);
  sigaddset(signals, SIGPIPE);
}

void supervise_report(int events, uint32_t kind, uint32_t a, uint32_t b, uint32_t c) {
  struct event event = {kind, a, b, c};
  while (write(events, &event, sizeof event) < 0 && errno == EINTR) continue;
}

static void signal_command(const struct state *state, int signal) {
  if (state->command <= 0) return;
  bool job = signal == SIGTSTP || signal == SIGCONT;
  if (job && kill(-state->command, signal) == 0) return;
  syscall(SYS_pidfd_send_signal, state->command_fd, signal, NULL, 0);
}

static void kill_all(struct state *state) {
  state->killing = true;
  state->kill_at = 0;
  if (!state->child_ended) kill(state->with->child, SIGKILL);
  signal_command(state, SIGKILL);
}

static void begin_end(struct state *state) {
  if (state->kill_at == 0) state->kill_at = now_ms() + state->with->record->grace_ms;
}

static void started(struct state *state) {
  state->started = true;
  supervise_report(state->with->events, EVENT_STARTED, (uint32_t)state->command, 0, 0);
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
    if ((state->kept >> forwarded[i] & 1) != 0) signal_command(state, forwarded[i]);
}

/* The caller's shell must see its job stop; a supervising parent gets the signal too and does the same. */
static void stop_with_command(struct state *state) {
  state->terminal->paused = true;
  terminal_settle(state->terminal);
  if (!state->with->record->supervised) {
    raise(SIGSTOP);
    state->terminal->paused = false;
    signal_command(state, SIGCONT);
    terminal_resize(state->terminal);
  }
}

static void take_signal(struct state *state, int signal) {
  bool ends = signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
  if (signal == SIGWINCH && state->terminal->present) return;
  if (!state->started && ends) {
    state->ended_by = signal;
    kill_all(state);
  } else if (signal == SIGTERM && state->kill_at != 0) {
    kill_all(state);
  } else {
    if (!state->started) state->kept |= 1u << signal;
    else signal_command(state, signal);
    if (signal == SIGTERM) begin_end(state);
    if (signal == SIGTSTP) stop_with_command(state);
    if (signal == SIGCONT) {
      state->terminal->paused = false;
      terminal_resize(state->terminal);
    }
  }
}

static void reap(struct state *state) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != state->with->child) continue;
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
  bool supervised = state->with->record->supervised;
  while (read(state->signals, &info, sizeof info) == sizeof info) {
    int signal = (int)info.ssi_signo;
    if (signal == SIGCHLD) reap(state);
    else if (signal == SIGWINCH && state->terminal->present) terminal_resize(state->terminal);
    else if (!supervised && signal != SIGTTOU && signal != SIGTTIN && signal != SIGPIPE && (pid_t)info.ssi_pid != getpid())
      take_signal(state, signal);
  }
  if (supervised && getppid() != state->with->parent) kill_all(state);
}

static bool is_forwarded(int signal) {
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
    if (forwarded[i] == signal) return true;
  return false;
}

/* Its end is the parent's end. */
static void read_control(struct state *state) {
  unsigned char signal;
  ssize_t count = read(state->control, &signal, 1);
  if (count == 1 && is_forwarded(signal)) {
    take_signal(state, signal);
  } else if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
    state->control = -1;
    kill_all(state);
  }
}

static void close_source(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void read_report(struct state *state) {
  struct report report;
  ssize_t count = read(state->report, &report, sizeof report);
  if (count == (ssize_t)sizeof report && report.kind == REPORT_FAILED) {
    state->failed = true;
    state->failure = report;
  } else if (count == (ssize_t)sizeof report) {
    state->init_status = (int)report.step;
  } else {
    close_source(&state->report);
    if (state->with->stage >= 0 || state->failed || state->killing || state->child_ended) return;
    state->command = state->with->child;
    state->command_fd = above_planned((int)syscall(SYS_pidfd_open, state->command, 0));
    started(state);
  }
}

static void meet_stage(struct state *state) {
  char byte = 0;
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t count = recvmsg(state->stage, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); count == 1 && item != NULL; item = CMSG_NXTHDR(&message, item)) {
    struct ucred sender;
    if (item->cmsg_type == SCM_RIGHTS && state->start < 0) memcpy(&state->start, CMSG_DATA(item), sizeof state->start);
    if (item->cmsg_type != SCM_CREDENTIALS) continue;
    memcpy(&sender, CMSG_DATA(item), sizeof sender);
    state->command = sender.pid;
  }
  state->start = above_planned(state->start);
  if (state->command > 0) state->command_fd = above_planned((int)syscall(SYS_pidfd_open, state->command, 0));
  if (count == 1 && byte == 'H' && state->start >= 0 && state->command_fd >= 0) send(state->stage, "G", 1, MSG_NOSIGNAL);
  else state->command = 0; /* the stage sees the end of the socket and gives up */
  close_source(&state->stage);
}

static void read_start(struct state *state) {
  int error = 0;
  ssize_t count = read(state->start, &error, sizeof error);
  if (count < 0) return;
  close_source(&state->start);
  if (count == (ssize_t)sizeof error) state->not_executed = error;
  else if (!state->killing) started(state);
}

static bool command_is_stopped(const struct state *state) {
  char path[64];
  char text[512];
  if (state->command <= 0) return false;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)state->command);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  const char *name_end = strrchr(text, ')');
  return name_end != NULL && strncmp(name_end, ") T", 3) == 0;
}

/* A stop inside (Ctrl-Z, `suspend`) shows only in the command's state, so that is looked at after keystrokes. */
static void look_for_stop(struct state *state, int64_t now) {
  if (state->terminal->keystroke) {
    state->terminal->keystroke = false;
    state->stop_check = 0;
    state->look_at = now + stop_checks_ms[0];
  }
  if (state->look_at == 0 || now < state->look_at || !state->started) return;
  if (command_is_stopped(state) && !state->terminal->paused) {
    state->look_at = 0;
    state->terminal->paused = true;
    terminal_settle(state->terminal);
    kill(0, SIGTSTP);
    stop_with_command(state);
  } else if (++state->stop_check < sizeof stop_checks_ms / sizeof stop_checks_ms[0]) {
    state->look_at = now + stop_checks_ms[state->stop_check];
  } else {
    state->look_at = 0;
  }
}

static int timeout_ms(const struct state *state, bool look_again, int64_t now) {
  int64_t until = look_again ? now + LOOK_AGAIN_MS : INT64_MAX;
  if (state->kill_at != 0 && state->kill_at < until) until = state->kill_at;
  if (state->look_at != 0 && state->look_at < until) until = state->look_at;
  if (until == INT64_MAX) return -1;
  return until > now ? (int)(until - now) : 0;
}

static void turn(struct state *state) {
  struct pollfd polls[8] = {
      {.fd = state->signals, .events = POLLIN},
      {.fd = state->report, .events = POLLIN},
      {.fd = state->stage, .events = POLLIN},
      {.fd = state->start, .events = POLLIN},
      {.fd = state->control, .events = POLLIN},
  };
  terminal_settle(state->terminal);
  bool look_again = terminal_wishes(state->terminal, polls + 5);
  if (poll(polls, 8, timeout_ms(state, look_again, now_ms())) < 0) return;
  if (polls[2].revents != 0) meet_stage(state);
  if (polls[3].revents != 0) read_start(state);
  if (polls[1].revents != 0) read_report(state);
  if (polls[4].revents != 0) read_control(state);
  if (polls[0].revents != 0) read_signals(state);
  bool was_hung_up = state->terminal->hung_up;
  terminal_proceed(state->terminal, polls + 5);
  if (state->terminal->hung_up && !was_hung_up) {
    take_signal(state, SIGHUP);
    begin_end(state);
  }
  int64_t now = now_ms();
  look_for_stop(state, now);
  if (state->kill_at != 0 && now >= state->kill_at) kill_all(state);
}

/* As subreaper we are the parent of whatever the engine left behind; nothing outlives the run. */
static void end_leftovers(struct state *state) {
  int64_t deadline = now_ms() + LEFTOVERS_MS;
  struct pollfd signals = {.fd = state->signals, .events = POLLIN};
  struct signalfd_siginfo info;
  for (;;) {
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended > 0) continue;
    if (ended < 0 || now_ms() >= deadline) return;
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    char text[4096];
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[length > 0 ? length : 0] = 0;
    char *end = text;
    for (long pid; (pid = strtol(end, &end, 10)) > 1;) kill((pid_t)pid, SIGKILL);
    if (poll(&signals, 1, 100) > 0)
      while (read(state->signals, &info, sizeof info) > 0) continue;
  }
}

static void end_command(struct state *state) {
  struct pollfd command = {.fd = state->command_fd, .events = POLLIN};
  if (state->command_fd < 0 || state->command == state->with->child || poll(&command, 1, 0) > 0) return;
  signal_command(state, SIGKILL);
  poll(&command, 1, LEFTOVERS_MS);
}

/* The engine's own exit status can't tell exit 128+N from death by N; the kernel can, and so can our own init. */
static int true_status(const struct state *state) {
  struct pidfd_info info = {.mask = PIDFD_WITH_EXIT};
  if (state->init_status >= 0) return state->init_status;
  if (state->command != state->with->child && ioctl(state->command_fd, PIDFD_INFO_REQUEST, &info) == 0 && (info.mask & PIDFD_WITH_EXIT) != 0)
    return info.exit_code;
  return state->child_status;
}

static int conclude(const struct state *state) {
  int events = state->with->events;
  if (state->failed) {
    supervise_report(events, EVENT_FAILED, state->failure.step, (uint32_t)state->failure.error, state->failure.item);
    return STATUS_FAILED;
  }
  if (state->not_executed != 0) {
    supervise_report(events, EVENT_NOT_EXECUTED, (uint32_t)state->not_executed, 0, 0);
    return state->not_executed == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
  }
  if (!state->started && state->ended_by == 0) {
    supervise_report(events, EVENT_FAILED, STEP_ENGINE, 0, 0);
    return STATUS_FAILED;
  }
  int status = state->started ? true_status(state) : state->ended_by;
  if (WIFSIGNALED(status)) {
    supervise_report(events, EVENT_KILLED, (uint32_t)WTERMSIG(status), 0, 0);
    return 128 + WTERMSIG(status);
  }
  supervise_report(events, EVENT_EXITED, (uint32_t)WEXITSTATUS(status), 0, 0);
  return WEXITSTATUS(status);
}

int supervise(const struct supervision *supervision) {
  struct state state = {.with = supervision, .terminal = supervision->terminal, .start = -1, .command_fd = -1, .init_status = -1};
  sigset_t signals;
  supervise_signals(&signals);
  state.control = supervision->control;
  state.report = supervision->report;
  state.stage = supervision->stage;
  state.signals = above_planned(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  while (!state.child_ended) turn(&state);
  if (state.stage >= 0 && state.command == 0) close_source(&state.stage);
  end_command(&state);
  end_leftovers(&state);
  if (state.start >= 0) read_start(&state);
  while (state.report >= 0) read_report(&state);
  terminal_drain(state.terminal, SLOW_READER_MS);
  terminal_give_back(state.terminal);
  return conclude(&state);
}
