/*
 * The host's end of a machine, the program of a launch of the kvm engine: it runs in the run's sandbox, starts QEMU beside it, and
 * stands for the command: it is the stage for the launcher (launcher/stage.c), has the command's streams, hands its signals on, and
 * ends as the command did.
 *
 *   isolate-machine STATUSFD COMMANDFD SETUPFD BOOTMS DISKFDS shown|hidden QEMU [ARGUMENT...]
 *
 * SETUPFD: the frames of what is to be prepared. BOOTMS: how long the machine may take until its init greets.
 * DISKFDS: those that QEMU is to have for disks, separated by commas. `shown`: standard error gets what is on the machine's console.
 */
#include "agent.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

static struct link link_to_guest;
static struct qemu qemu = {.channel = -1, .console = -1, .errors = -1};
static int status_fd, command_fd, setup_fd, report = -1, signals;
static struct caller caller;
static bool started, resized;
static uint64_t signals_waiting; /* for the command, by their numbers */
static int64_t boot_until;

static const int handed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT};

static _Noreturn void die(const char *message) {
  dprintf(2, "isolate: %s\n", message);
  qemu_complain(&qemu);
  if (qemu.pid > 0) kill(qemu.pid, SIGKILL);
  _exit(STATUS_FAILED);
}

static void send_file(int fd, bool framed) {
  struct stat found;
  if (fstat(fd, &found) < 0) die("the machine's command is missing");
  size_t size = (size_t)found.st_size;
  uint8_t *bytes = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) die("the machine's command cannot be read");
  if (!framed) link_send_bytes(&link_to_guest, bytes, size);
  for (size_t done = 0; framed && done < size; done += FRAME_BODY_MAX)
    link_send(&link_to_guest, FRAME_COMMAND, bytes + done, size - done < FRAME_BODY_MAX ? size - done : FRAME_BODY_MAX);
}

static void greet(void) {
  uint32_t begin[5] = {caller.terminals};
  send_file(setup_fd, false);
  send_file(command_fd, true);
  caller_size(begin + 1);
  link_send_numbers(&link_to_guest, FRAME_START, begin, 5);
  for (uint32_t stream = 0; stream < 2; stream++) {
    link_send_numbers(&link_to_guest, FRAME_GRANT_OUTPUT, (uint32_t[]){stream, STREAM_WINDOW}, 2);
    link_to_guest.granted[stream] = STREAM_WINDOW;
  }
  link_to_guest.input_credit = STREAM_WINDOW;
}

static void begin(void) {
  started = true;
  report = report_for_duty(status_fd);
  if (report < 0) die("the launcher has ended");
  if (link_to_guest.started) close_quietly(report);
}

static void read_channel(void) {
  long count = inflow_read(&link_to_guest.inflow, qemu.channel);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close_source(&qemu.channel);
    return;
  }
  bool was_booting = link_to_guest.state == LINK_BOOTING;
  bool sound = link_take(&link_to_guest);
  if (!started && link_to_guest.started) begin();
  if (!sound) die("the machine sent what no machine of isolate's sends, and was ended");
  if (was_booting && link_to_guest.state != LINK_BOOTING) greet();
}

static void write_channel(void) {
  struct outflow *outflow = &link_to_guest.outflow;
  ssize_t count = write(qemu.channel, outflow->bytes + outflow->from, outflow->to - outflow->from);
  if (count > 0) outflow->from += (size_t)count;
  link_settle(&link_to_guest);
}

/* Once there is room: a machine that takes nothing makes nothing grow. */
static void hand_on_signals(void) {
  uint32_t size[4];
  if (link_to_guest.state != LINK_RUNNING || link_waiting(&link_to_guest) > FRAME_MAX) return;
  for (uint32_t signal = 1; signals_waiting != 0 && signal < 64; signal++) {
    if ((signals_waiting >> signal & 1) == 0) continue;
    link_send_numbers(&link_to_guest, FRAME_SIGNAL, &signal, 1);
    link_to_guest.continued += signal == SIGCONT;
  }
  signals_waiting = 0;
  if (!resized) return;
  resized = false;
  caller_size(size);
  link_send_numbers(&link_to_guest, FRAME_WINDOW, size, 4);
}

static void read_signals(void) {
  struct signalfd_siginfo info;
  int status;
  while (read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGWINCH) resized = true;
    else if (info.ssi_signo != SIGCHLD) signals_waiting |= 1ull << info.ssi_signo;
  }
  while (waitpid(-1, &status, WNOHANG) > 0) qemu.pid = 0;
}

/* As the command ended, by the same signal if it was one. */
static _Noreturn void end_as(int status) {
  struct rlimit none = {0, 0};
  if (qemu.pid > 0) kill(qemu.pid, SIGKILL);
  if (caller.output_lost && status == 0) _exit(STATUS_FAILED);
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  setrlimit(RLIMIT_CORE, &none);
  reset_signals();
  kill(getpid(), WTERMSIG(status));
  _exit(128 + WTERMSIG(status));
}

/* Names the preparation by the strings of its frame; what comes behind them all is the root and the terminal. */
static void complain_of_step(uint32_t step, int error) {
  static struct inflow setup;
  struct frame frame;
  char line[1024];
  const char *part;
  int used = snprintf(line, sizeof line, "isolate: the machine could not be prepared:"), found = 0;
  lseek(setup_fd, 0, SEEK_SET);
  do
    while ((found = inflow_next(&setup, false, &frame)) > 0 && step-- > 0) continue;
  while (found == 0 && inflow_read(&setup, setup_fd) > 0);
  bool named = found > 0 && frame.kind < FRAME_WORKING_DIRECTORY;
  if (!named) used += snprintf(line + used, sizeof line - (size_t)used, " its root or its terminal");
  if (named) used += snprintf(line + used, sizeof line - (size_t)used, " %s", frame_name(&frame));
  for (size_t at = 0; named && (part = frame_string(&frame, &at)) != NULL && used < 800;)
    used += snprintf(line + used, sizeof line - (size_t)used, " %.200s", part);
  dprintf(2, "%s: %s\n", line, strerror(error));
}

static _Noreturn void end_unexecuted(void) {
  int what = (int)link_to_guest.failure[0], error = (int)link_to_guest.failure[1];
  if (qemu.pid > 0) kill(qemu.pid, SIGKILL);
  if (what == 1) {
    send(status_fd, &error, sizeof error, MSG_NOSIGNAL);
    _exit(STATUS_FAILED);
  }
  if (what == 2) complain_of_step(link_to_guest.failure[2], error);
  if (what == 3) dprintf(2, "isolate: the working directory cannot be entered in the machine: %s\n", strerror(error));
  if (what >= 2) _exit(STATUS_FAILED);
  begin();
  if (write(report, &error, sizeof error) != sizeof error) _exit(STATUS_FAILED);
  _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static bool has_output(void) {
  return link_to_guest.output[0].used > 0 || link_to_guest.output[1].used > 0;
}

static void serve(void) {
  struct link *link = &link_to_guest;
  bool takes_input = link->state == LINK_RUNNING && !caller.input_ended && !link->input_unread && link->input_credit > 0;
  bool running = link->state == LINK_RUNNING;
  struct pollfd polls[7] = {
      {.fd = link->state == LINK_ENDED ? -1 : qemu.channel, .events = (short)(POLLIN | (link_waiting(link) > 0 ? POLLOUT : 0))},
      {.fd = signals, .events = POLLIN},
      {.fd = takes_input ? 0 : -1, .events = POLLIN},
      {.fd = link->output[0].used > 0 || (running && !caller.unread_told[0]) ? 1 : -1, .events = link->output[0].used > 0 ? POLLOUT : 0},
      {.fd = link->output[1].used > 0 || (running && !caller.unread_told[1]) ? 2 : -1, .events = link->output[1].used > 0 ? POLLOUT : 0},
      {.fd = qemu.errors, .events = POLLIN},
      {.fd = qemu.console, .events = POLLIN},
  };
  bool starts = link->state == LINK_BOOTING || link->state == LINK_PREPARING;
  int64_t left = starts ? boot_until - now_ms() : -1;
  if (starts && left <= 0) die("the machine did not start in time");
  if (poll(polls, 7, (int)left) < 0) return;
  if (polls[1].revents != 0) read_signals();
  hand_on_signals();
  if ((polls[0].revents & POLLOUT) != 0) write_channel();
  if ((polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && link->state != LINK_ENDED) read_channel();
  if (polls[2].revents != 0) caller_read_input(&caller, link, polls[2].revents);
  for (int stream = 0; stream < 2; stream++)
    if (polls[3 + stream].revents != 0) caller_write_output(&caller, link, stream, polls[3 + stream].revents);
  qemu_listen(&qemu, polls[5].revents, polls[6].revents);
  /* What it has written before is seen before. */
  if (link->stopped != 0 && !has_output()) {
    link->stopped = 0;
    raise(SIGSTOP);
  }
  if (link->state == LINK_ENDED && !has_output()) {
    if (link->failure[1] != 0) end_unexecuted();
    end_as(link->status);
  }
  /* All that it sent has been read when the channel ends, and is handed on first. */
  if (link->state != LINK_ENDED && qemu.channel < 0 && !has_output()) die(started ? "the machine died" : "the machine died before the command was started");
}

/*
 * QEMU gives files their owners and modes, and needs nothing else of what root of a user namespace may do. Above all neither it nor who
 * breaks into it may trace this process.
 */
static bool drop_capabilities(void) {
  const uint32_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID | 1u << CAP_SETFCAP;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};
  for (unsigned capability = 0; capability < 64; capability++)
    if ((capability >= 32 || (kept >> capability & 1) == 0) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL) return false;
  return syscall(SYS_capset, &header, data) == 0;
}

int main(int argc, char **argv) {
  sigset_t blocked;
  if (argc < 8) {
    dprintf(2, "isolate-machine: is started by isolate\n");
    return 2;
  }
  prctl(PR_SET_DUMPABLE, 0);
  if (geteuid() == 0 && !drop_capabilities()) die("the machine's privileges cannot be dropped");
  status_fd = above_planned(planned_number(argv[1]));
  command_fd = above_planned(planned_number(argv[2]));
  setup_fd = above_planned(planned_number(argv[3]));
  boot_until = now_ms() + strtol(argv[4], NULL, 10);
  if (status_fd < 0 || command_fd < 0 || setup_fd < 0) die("the machine was not given its descriptors");
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&blocked);
  for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++) sigaddset(&blocked, handed_on[i]);
  sigaddset(&blocked, SIGCHLD);
  sigaddset(&blocked, SIGWINCH);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signals = above_planned(signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
  qemu.shows = strcmp(argv[6], "shown") == 0;
  if (!qemu_add_disks(&qemu, argv[5])) die("the machine was not given its disks");
  if (!qemu_start(&qemu, argv + 7)) die("QEMU cannot be started");
  setpgid(0, 0);
  caller_take_terminal(&caller);
  qemu.raw = (caller.terminals & 6) == 6;
  for (;;) serve();
}
