/*
 * A raw proxy between the caller's terminal and the pty: what comes in is handed on before more is read, so nothing
 * piles up here. The caller's terminal is opened once more where that is possible, because non-blocking is a property of
 * the open file, which the caller shares with us.
 */
#include "launcher.h"

static int reopen(int fd) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return above_planned(own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS));
}

static int first_terminal(const struct terminal *terminal, int a, int b, int c) {
  return terminal->is[a] ? a : terminal->is[b] ? b : c;
}

static bool in_foreground(const struct terminal *terminal) {
  pid_t group = tcgetpgrp(terminal->in);
  return group < 0 || group == getpgrp();
}

static bool is_raw(int fd) {
  struct termios now;
  return tcgetattr(fd, &now) == 0 && (now.c_lflag & ICANON) == 0;
}

static bool is_empty(const struct flow *flow) {
  return flow->from == flow->to;
}

bool terminal_open(struct terminal *terminal, uid_t uid) {
  int unlock = 0;
  terminal->in = terminal->out = terminal->master = terminal->slave = -1;
  for (int fd = 0; fd <= 2; fd++) terminal->present |= terminal->is[fd] = isatty(fd) == 1;
  if (!terminal->present) return true;
  terminal->full = terminal->is[1];
  terminal->in = reopen(first_terminal(terminal, 0, 1, 2));
  terminal->out = reopen(first_terminal(terminal, 1, 2, 0));
  terminal->master = above_planned(posix_openpt(O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (terminal->in < 0 || terminal->out < 0 || terminal->master < 0) return false;
  if (ioctl(terminal->master, TIOCSPTLCK, &unlock) < 0) return false;
  terminal->slave = above_planned(ioctl(terminal->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (terminal->slave < 0 || tcgetattr(terminal->in, &terminal->saved) < 0) return false;
  struct termios guest = terminal->saved;
  if (!terminal->full || !in_foreground(terminal)) { /* its foreground may have made it raw already */
    guest.c_iflag |= ICRNL;
    guest.c_oflag |= OPOST | ONLCR;
    guest.c_lflag |= ICANON | ISIG | IEXTEN | ECHO;
  }
  if (!terminal->full) guest.c_lflag &= ~(tcflag_t)ECHO; /* the caller's terminal echoes itself */
  if (tcsetattr(terminal->slave, TCSANOW, &guest) < 0) return false;
  terminal_resize(terminal);
  /* A plain user cannot change its owner, but programs that were given it can use it anyway. */
  return uid == 0 || fchown(terminal->slave, uid, (gid_t)-1) == 0 || errno == EPERM;
}

void terminal_hand_over(struct terminal *terminal) {
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 1 && nothing >= 0; fd++)
    if (!terminal->is[fd]) dup2(nothing, fd);
  if (nothing > 2) close(nothing);
}

void terminal_resize(struct terminal *terminal) {
  struct winsize size;
  if (terminal->present && ioctl(terminal->out, TIOCGWINSZ, &size) == 0) ioctl(terminal->master, TIOCSWINSZ, &size);
}

static void take(struct terminal *terminal) {
  if (terminal->raw || tcgetattr(terminal->in, &terminal->saved) < 0) return;
  struct termios raw = terminal->saved;
  cfmakeraw(&raw);
  terminal->raw = tcsetattr(terminal->in, TCSANOW, &raw) == 0;
}

void terminal_settle(struct terminal *terminal) {
  if (!terminal->present || terminal->hung_up) return;
  bool wanted = !terminal->paused && in_foreground(terminal) && (terminal->full || is_raw(terminal->master));
  if (wanted) take(terminal);
  else terminal_give_back(terminal);
}

bool terminal_is_wanted_in_background(const struct terminal *terminal) {
  return terminal->present && !terminal->hung_up && !terminal->paused && !in_foreground(terminal) && is_raw(terminal->master);
}

void terminal_give_back(struct terminal *terminal) {
  if (terminal->raw && in_foreground(terminal)) tcsetattr(terminal->in, TCSANOW, &terminal->saved);
  terminal->raw = false;
}

bool terminal_wishes(struct terminal *terminal, struct pollfd polls[3]) {
  bool input = !is_empty(&terminal->input);
  bool output = !is_empty(&terminal->output);
  bool ours = terminal->present && !terminal->hung_up && !terminal->paused;
  bool readable = ours && in_foreground(terminal) && (terminal->raw || !is_raw(terminal->in));
  short pty = (short)((output || terminal->withheld ? 0 : POLLIN) | (input ? POLLOUT : 0));
  for (int i = 0; i < 3; i++) polls[i] = (struct pollfd){.fd = -1};
  if (!terminal->present) return false;
  if (!terminal->hung_up) polls[0] = (struct pollfd){.fd = terminal->in, .events = readable && !input ? POLLIN : 0};
  if (!terminal->pty_ended) polls[1] = (struct pollfd){.fd = terminal->master, .events = pty};
  if (output && !terminal->unwritable) polls[2] = (struct pollfd){.fd = terminal->out, .events = POLLOUT};
  return ours && !readable;
}

/* False when there was nothing to read, and errno is 0 at the end of the file. */
static bool fill(struct flow *flow, int fd, size_t limit) {
  errno = 0;
  ssize_t count = read(fd, flow->bytes, limit);
  flow->from = 0;
  flow->to = count > 0 ? (size_t)count : 0;
  return count > 0;
}

/* In cooked mode an empty read is the end of input, which the pty's own line discipline has to see as its character. */
static void read_input(struct terminal *terminal) {
  struct flow *flow = &terminal->input;
  struct termios guest;
  if (!terminal->raw && is_raw(terminal->in)) return; /* a pager further down the pipeline has just taken it */
  if (fill(flow, terminal->in, terminal->raw ? sizeof flow->bytes : 1024)) {
    terminal->keystroke = true;
  } else if (errno == EIO) {
    terminal->hung_up = true;
  } else if (errno == 0 && !terminal->raw && tcgetattr(terminal->master, &guest) == 0 && guest.c_cc[VEOF] != 0) {
    flow->bytes[flow->to++] = (char)guest.c_cc[VEOF];
  }
}

static void read_output(struct terminal *terminal) {
  /* We hold the slave open ourselves, so that a guest that closes and opens it again loses nothing. */
  if (!fill(&terminal->output, terminal->master, sizeof terminal->output.bytes) && (errno == 0 || errno == EIO)) terminal->pty_ended = true;
  if (!terminal->full && terminal->raw != is_raw(terminal->master)) terminal_settle(terminal);
}

static void write_some(int fd, struct flow *flow, size_t limit, bool *broken) {
  size_t length = flow->to - flow->from;
  ssize_t count = write(fd, flow->bytes + flow->from, length < limit ? length : limit);
  if (count > 0) flow->from += (size_t)count;
  else if (count < 0 && errno != EAGAIN && errno != EINTR) *broken = true;
  if (*broken) flow->from = flow->to = 0;
}

/* If the open file is shared with the caller, a write may block, so little is written at a time. */
static void write_output(struct terminal *terminal) {
  bool own = (fcntl(terminal->out, F_GETFL) & O_NONBLOCK) != 0;
  const char *bytes = terminal->output.bytes + terminal->output.from;
  size_t count = terminal->output.to - terminal->output.from;
  write_some(terminal->out, &terminal->output, own ? sizeof terminal->output.bytes : 256, &terminal->unwritable);
  if (!terminal->unwritable) questions_watch(&terminal->questions, bytes, count - (terminal->output.to - terminal->output.from));
}

void terminal_proceed(struct terminal *terminal, const struct pollfd polls[3]) {
  bool ended = false;
  if ((polls[0].revents & POLLIN) != 0) read_input(terminal);
  if ((polls[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) terminal->hung_up = true;
  if ((polls[1].revents & POLLOUT) != 0) write_some(terminal->master, &terminal->input, sizeof terminal->input.bytes, &ended);
  if ((polls[1].revents & (POLLIN | POLLHUP)) != 0 && is_empty(&terminal->output)) read_output(terminal);
  if ((polls[2].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) write_output(terminal);
}

void terminal_drain(struct terminal *terminal, int wait_ms, int reads) {
  struct pollfd out = {.fd = terminal->out, .events = POLLOUT};
  while (terminal->present) {
    if (is_empty(&terminal->output) && reads-- != 0) read_output(terminal);
    if (is_empty(&terminal->output) || terminal->unwritable || terminal->hung_up || poll(&out, 1, wait_ms) <= 0) return;
    write_output(terminal);
  }
}

void terminal_swallow_answers(struct terminal *terminal) {
  if (!terminal->present || !terminal->questions.asked || terminal->hung_up || terminal->unwritable || !is_empty(&terminal->output)) return;
  if (!in_foreground(terminal) || (!terminal->raw && is_raw(terminal->in))) return; /* it is another program's */
  take(terminal);
  if (terminal->raw) questions_settle(&terminal->questions, terminal->in, terminal->out);
}
