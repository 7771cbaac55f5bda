/*
 * The first process of a machine, in an initramfs of its own. It greets the host, prepares what the host says, starts the command
 * and hands its streams, signals and end on. It executes no file of the run's root but the command itself, and stays outside of it.
 */
#include "init.h"

#include <sys/mount.h>
#include <sys/signalfd.h>

static struct ring input; /* for standard input */
static struct start start = {.directory = "/"};
static struct streams streams = {.input = -1, .output = {-1, -1}, .report = -1};
static struct inflow inflow;
static uint32_t granted[2];
static int port, signals;
static bool ended, failed, input_ended, talks;
static int64_t moved_at; /* when the command ended, or the last output came after that */
static int status, failed_with[2];
static uint32_t prepared, continued;

static char *copy_string(const struct frame *frame) {
  size_t at = 0;
  const char *string = frame_string(frame, &at);
  char *copy = string == NULL ? NULL : strdup(string);
  if (copy == NULL) channel_fail(2, ENOMEM, prepared);
  return copy;
}

static void add_to_command(const struct frame *frame) {
  uint8_t *grown = realloc(start.command, start.command_length + frame->length);
  if (grown == NULL) channel_fail(2, ENOMEM, prepared);
  memcpy(grown + start.command_length, frame->body, frame->length);
  start.command = grown;
  start.command_length += frame->length;
}

static void prepare(bool done) {
  if (!done) channel_fail(2, errno, prepared);
  prepared++;
}

static struct winsize size_of(const struct frame *frame, size_t first) {
  return (struct winsize){
      .ws_row = (unsigned short)frame_number(frame, first),
      .ws_col = (unsigned short)frame_number(frame, first + 1),
      .ws_xpixel = (unsigned short)frame_number(frame, first + 2),
      .ws_ypixel = (unsigned short)frame_number(frame, first + 3),
  };
}

static void take_input(const struct frame *frame) {
  if (frame->length == 0) input_ended = true;
  if (streams.input >= 0 && frame->length <= sizeof input.bytes - input.used) ring_add(&input, frame->body, frame->length);
}

/* Those about jobs go to the whole process group, as a terminal sends them. */
static void signal_command(int signal) {
  if (streams.command <= 0 || ended) return;
  if (signal == SIGCONT) continued++;
  bool job = signal == SIGTSTP || signal == SIGTTOU || signal == SIGCONT;
  kill(job ? -streams.command : streams.command, signal);
}

static void resize(const struct frame *frame) {
  struct winsize size = size_of(frame, 0);
  for (int fd = 0; fd <= 2; fd++) {
    int ours = fd == 0 ? streams.input : streams.output[fd - 1];
    if ((start.terminals >> fd & 1) != 0 && ours >= 0) ioctl(ours, TIOCSWINSZ, &size);
  }
}

static bool is_terminal(int stream) {
  return (start.terminals >> stream & 1) != 0;
}

static void end_output(int index) {
  if (!is_terminal(index + 1)) close_quietly(streams.output[index]);
  streams.output[index] = -1;
}

static void tell(const struct frame *frame) {
  const char *part;
  dprintf(2, "init: %s", frame_name(frame));
  for (size_t at = 0; (part = frame_string(frame, &at)) != NULL;) dprintf(2, " %s", *part == 0 ? "-" : part);
  dprintf(2, "\n");
}

static void take_frame(const struct frame *frame) {
  if (talks && frame->kind < FRAME_WORKING_DIRECTORY) tell(frame);
  switch (frame->kind) {
  case FRAME_HOSTNAME: prepare(sethostname((const char *)frame->body, frame->length - 1) == 0); break;
  case FRAME_SHARE: prepare(prepare_share(frame)); break;
  case FRAME_BIND: prepare(prepare_bind(frame)); break;
  case FRAME_MOUNT: prepare(prepare_mount(frame)); break;
  case FRAME_FILE: prepare(prepare_file(frame)); break;
  case FRAME_LINK: prepare(prepare_link(frame)); break;
  case FRAME_INSIDE: prepare(prepare_inside(frame)); break;
  case FRAME_IMAGE: prepare(prepare_image(frame)); break;
  case FRAME_DISK: prepare(prepare_disk(frame)); break;
  case FRAME_CARD: prepare(prepare_card(frame)); break;
  case FRAME_ADDRESS: prepare(prepare_address(frame)); break;
  case FRAME_ROUTE: prepare(prepare_route(frame)); break;
  case FRAME_WORKING_DIRECTORY: start.directory = copy_string(frame); break;
  case FRAME_USER: start.user = copy_string(frame); break;
  case FRAME_COMMAND: add_to_command(frame); break;
  case FRAME_START:
    start.terminals = frame_number(frame, 0);
    start.size = size_of(frame, 1);
    prepare(start_command(&start, &streams));
    break;
  case FRAME_INPUT: take_input(frame); break;
  case FRAME_GRANT_OUTPUT: granted[frame_number(frame, 0) & 1] += frame_number(frame, 1); break;
  case FRAME_WINDOW: resize(frame); break;
  case FRAME_OUTPUT_UNREAD: end_output((int)frame_number(frame, 0) & 1); break;
  case FRAME_SIGNAL: signal_command((int)frame_number(frame, 0)); break;
  default: break;
  }
}

static void read_channel(void) {
  struct frame frame;
  int found;
  long count = inflow_read(&inflow, port);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) machine_end();
  while ((found = inflow_next(&inflow, false, &frame)) > 0) take_frame(&frame);
  if (found < 0) machine_end();
}

static void end_input(void) {
  if (!is_terminal(0)) close_quietly(streams.input);
  streams.input = -1;
  input.used = 0;
}

static void write_input(short events) {
  ssize_t count = -1;
  errno = EPIPE;
  if ((events & (POLLERR | POLLHUP)) == 0 || is_terminal(0)) count = write(streams.input, input.bytes + input.from, ring_front(&input));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) {
    end_input();
    channel_send(FRAME_INPUT_UNREAD, NULL, 0);
    return;
  }
  ring_drop(&input, (size_t)count);
  channel_send_numbers(FRAME_GRANT_INPUT, (uint32_t[]){(uint32_t)count}, 1);
}

/* What a command writes to a terminal that is only its input has nowhere to go, and must not hold it up. */
static bool is_only_input(void) {
  return (start.terminals & 7) == 1;
}

static void drop_output(void) {
  uint8_t bytes[1024];
  if (read(streams.input, bytes, sizeof bytes) < 0) return;
}

static void read_output(int index) {
  uint8_t bytes[FRAME_BODY_MAX];
  size_t most = granted[index] < sizeof bytes ? granted[index] : sizeof bytes;
  ssize_t count = read(streams.output[index], bytes, most);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  channel_send(index == 0 ? FRAME_OUTPUT : FRAME_ERRORS, bytes, count > 0 ? (size_t)count : 0);
  if (count <= 0) {
    end_output(index);
    return;
  }
  granted[index] -= (uint32_t)count;
  moved_at = now_ms();
}

static void read_report(void) {
  if (read(streams.report, failed_with, sizeof failed_with) == (ssize_t)sizeof failed_with) failed = true;
  else channel_send(FRAME_STARTED, NULL, 0);
  close_source(&streams.report);
}

/* What the command leaves running ends with it. */
static void reap(void) {
  struct signalfd_siginfo info;
  int how;
  while (read(signals, &info, sizeof info) == sizeof info) continue;
  for (pid_t pid; (pid = waitpid(-1, &how, WNOHANG | WUNTRACED)) > 0;) {
    if (pid != streams.command) continue;
    if (WIFSTOPPED(how)) channel_send_numbers(FRAME_STOPPED, (uint32_t[]){(uint32_t)WSTOPSIG(how), continued}, 2);
    else ended = true, moved_at = now_ms(), status = how;
  }
  if (!ended) return;
  kill(-1, SIGKILL);
  while (waitpid(-1, NULL, 0) > 0) continue;
}

/* Everything that was written has been read; the host waits for this with the run's root, so it is on its disk. */
static _Noreturn void end_run(void) {
  if (streams.report >= 0) read_report();
  sync();
  if (failed) channel_fail((uint32_t)failed_with[0], failed_with[1], prepared);
  disks_release();
  channel_send_numbers(FRAME_EXITED, (uint32_t[]){(uint32_t)status}, 1);
  machine_end();
}

/* What comes through a pipe comes until its end, which comes soon: nobody is left who could write. */
static bool has_output(void) {
  for (int index = 0; index < 2; index++) {
    if (streams.output[index] < 0) continue;
    struct pollfd poll_output = {.fd = streams.output[index], .events = POLLIN};
    if (poll(&poll_output, 1, 0) > 0 && (poll_output.revents & (POLLIN | POLLHUP)) != 0) return true;
    if (!is_terminal(index + 1) && now_ms() < moved_at + 2000) return true;
  }
  return false;
}

static void serve(void) {
  struct pollfd polls[6] = {
      {.fd = port, .events = POLLIN},
      {.fd = signals, .events = POLLIN},
      {.fd = streams.report, .events = POLLIN},
      {.fd = streams.input, .events = (short)((input.used > 0 ? POLLOUT : 0) | (is_only_input() ? POLLIN : 0))},
      {.fd = granted[0] > 0 ? streams.output[0] : -1, .events = POLLIN},
      {.fd = granted[1] > 0 ? streams.output[1] : -1, .events = POLLIN},
  };
  if (poll(polls, 6, ended ? 100 : -1) < 0) return;
  if (polls[2].revents != 0) read_report();
  if ((polls[3].revents & POLLIN) != 0) drop_output();
  if ((polls[3].revents & ~POLLIN) != 0) write_input((short)(polls[3].revents & ~POLLIN));
  for (int index = 0; index < 2; index++)
    if (polls[4 + index].revents != 0) read_output(index);
  if (polls[1].revents != 0) reap();
  if (polls[0].revents != 0) read_channel();
  if (streams.input >= 0 && input_ended && input.used == 0) end_input();
  if (ended && !has_output()) end_run();
}

/* What the kernel counts as orphaned cannot be stopped by its terminal: the children of the first process. So a second one does the work. */
static void start_second(void) {
  pid_t second = fork();
  if (second == 0) return;
  for (pid_t gone = 0; second > 0 && gone != second;) gone = wait(NULL);
  machine_end();
}

int main(void) {
  static char *nothing[] = {NULL};
  sigset_t blocked;
  talks = getenv("isolate_debug") != NULL;
  environ = nothing; /* the kernel gives it HOME and TERM; an environment, if empty, is what command.c adds to */
  start_second();
  signal(SIGPIPE, SIG_IGN);
  setsid();
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  if (!prepare_system() || !modules_load("base") || (port = channel_open()) < 0) machine_end();
  signals = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
  if (talks) dprintf(2, "init: greets the host\n");
  channel_send_numbers(FRAME_HELLO, (uint32_t[]){CHANNEL_VERSION}, 1);
  for (;;) serve();
}
