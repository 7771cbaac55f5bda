/*
 * isolate: has a run decided and carries out the launch record that comes back. The daemon decides where there is one, else
 * the program in Node, started for that alone: it ends before the command begins, and speaks as the daemon does. Whatever goes
 * wrong before that, and whatever either leaves to it, is the program in Node's, which is executed in our place with the same
 * descriptors and signals, and gets the arguments and the environment unchanged (node.c). Under the name isolate-node the daemon
 * is not asked.
 *
 * Until the record is there SIGINT, SIGTERM and SIGHUP mean that the command shall not be started, as they do in Node
 * (src/cli/commands/run.ts); from then on they are the command's. Node sets all inherited dispositions back, so an ignored
 * signal counts here as well. A process that came by children before it became us leaves the run to Node: as their parent the
 * launcher would end them with the run.
 */
#include "client.h"

#include <limits.h>
#include <sys/signalfd.h>

/* While it decides, the daemon sends something every 1.5 s (src/daemon/serve-connection.ts); a silent one counts as none. */
enum { SILENCE_MS = 5000 };

static struct run *run;
static sigset_t callers_mask, dropped;
static uint8_t outgoing[WIRE_CLIENT_FRAME_MAX];

static const char *base_name(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash == NULL ? name : slash + 1;
}

bool client_is(const char *name) {
  return strncmp(base_name(name), "isolate-launch", 14) != 0;
}

/* Like Node, so that nothing that we open becomes a standard stream. */
static void fill_standard_streams(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0) _exit(STATUS_FAILED);
}

/* Signals that nobody gets: those that the caller made us ignore, and like Node, SIGPIPE and (before a command runs) SIGUSR1. */
static void drop_signals(void) {
  struct timespec none = {0};
  sigaddset(&dropped, SIGUSR1);
  sigaddset(&dropped, SIGPIPE);
  while (sigtimedwait(&dropped, NULL, &none) > 0) continue;
}

static int become_node(char **argv) {
  if (run->lease >= 0) close(run->lease);
  if (!limits_suffice()) return STATUS_FAILED;
  drop_signals();
  sigprocmask(SIG_SETMASK, &callers_mask, NULL);
  return node_become(argv, -1, -1);
}

static bool has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

static sigset_t signals_before_launch(void) {
  sigset_t heeded;
  sigemptyset(&heeded);
  sigaddset(&heeded, SIGINT);
  sigaddset(&heeded, SIGTERM);
  sigaddset(&heeded, SIGHUP);
  return heeded;
}

static int heed_signals(void) {
  sigset_t heeded = signals_before_launch(), blocked = heeded;
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGPIPE);
  sigprocmask(SIG_SETMASK, &blocked, &callers_mask);
  return signalfd(-1, &heeded, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool ask_to_run(char **argv) {
  char directory[PATH_MAX];
  struct wire_writer writer;
  uint32_t terminals = 0;
  if (getcwd(directory, sizeof directory) == NULL || directory[0] != '/') return false;
  for (int fd = 0; fd <= 2; fd++) terminals |= isatty(fd) == 1 ? 1u << fd : 0;
  wire_begin(&writer, outgoing, sizeof outgoing, MESSAGE_RUN);
  for (char **at = argv + 1; *at != NULL; at++) wire_add_text(&writer, ITEM_ARGUMENT, *at);
  wire_add_text(&writer, ITEM_DIRECTORY, directory);
  for (size_t i = 0; i < sizeof caller_variables / sizeof *caller_variables; i++) {
    const char *value = getenv(caller_variables[i]);
    if (value != NULL) wire_add_text(&writer, ITEM_VARIABLE, value - strlen(caller_variables[i]) - 1);
  }
  wire_add_number(&writer, ITEM_TERMINAL, terminals);
  if ((terminals & 1u << STDOUT_FILENO) != 0) wire_add_number(&writer, ITEM_COLUMNS, print_columns());
  size_t length = wire_end(&writer, WIRE_CLIENT);
  return length > 0 && connection_send(run->lease, outgoing, length);
}

static struct wire_item item_of(const struct frame *frame, uint32_t tag) {
  struct wire_item item;
  return wire_find(frame->bytes, frame->length, tag, &item) ? item : (struct wire_item){0};
}

static void say(const struct frame *frame) {
  struct wire_item text = item_of(frame, ITEM_TEXT);
  report_text(item_of(frame, ITEM_DESCRIPTOR).length > 0 ? run->events : STDERR_FILENO, text.value, text.length);
}

/* What the caller asked us to report, and which signals we ignore. */
static void heed(struct frame *frame, int signals) {
  struct wire_item item;
  sigset_t heeded = signals_before_launch();
  for (size_t at = 0; wire_next(frame->bytes, frame->length, &at, &item);) {
    if (item.tag == ITEM_DESCRIPTOR) run->events = report_open((int)wire_number(&item));
    if (item.tag != ITEM_IGNORED_SIGNAL) continue;
    sigdelset(&heeded, (int)wire_number(&item));
    sigaddset(&dropped, (int)wire_number(&item));
  }
  signalfd(signals, &heeded, 0);
  report_take(frame);
}

static void tell_daemon(struct event last) {
  struct wire_writer writer;
  wire_begin(&writer, outgoing, sizeof outgoing, MESSAGE_ENDED);
  wire_add_number(&writer, ITEM_OUTCOME, last.kind);
  wire_add_number(&writer, ITEM_NUMBER, last.kind == EVENT_FAILED ? last.b : last.a);
  size_t length = wire_end(&writer, WIRE_CLIENT);
  if (send(run->lease, outgoing, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return; /* the daemon went before us */
}

static int give_up(int signal) {
  const char *name = signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM";
  char message[64];
  snprintf(message, sizeof message, "%s arrived before the command started.", name);
  report_end(run, (struct event){.kind = EVENT_FAILED}, &(struct failure){.code = "aborted", .message = message});
  return STATUS_FAILED;
}

/* From here on we are the launcher, as if Node had started it. False: nothing was begun. */
static bool carry_out(const struct frame *frame, int *status) {
  struct wire_item record = item_of(frame, ITEM_RECORD);
  sigset_t signals;
  if (!record_parse(record.value, record.length, &run->record, &place.item) || run->record.supervised) return false;
  int late = decider_missed(&dropped);
  if (late != 0) {
    files_give_up(run);
    *status = give_up(late);
    return true;
  }
  if (!keep_descriptors(run)) return false;
  /* A command for a run that is under way holds nothing. */
  if (run->record.join_kind != 0) close_quietly(run->lease), run->lease = -1;
  drop_signals();
  supervise_signals(&signals);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  decider_reap();
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  struct event last = chdir("/") == 0 ? launch(run) : failure();
  struct failure failure;
  if (last.kind == EVENT_FAILED) failure = failure_of(&run->record, last);
  report_end(run, last, last.kind == EVENT_FAILED ? &failure : NULL);
  tell_daemon(last);
  *status = event_status(last);
  return true;
}

static bool answer(const struct frame *ask) {
  size_t length = answer_write(run, ask, outgoing, sizeof outgoing);
  return length > 0 && connection_send(run->lease, outgoing, length);
}

static int take_signal(int signals) {
  struct signalfd_siginfo info = {.ssi_signo = SIGTERM};
  if (read(signals, &info, sizeof info) < 0) info.ssi_signo = SIGTERM;
  return (int)info.ssi_signo;
}

static bool is_for_node(char **argv) {
  return argv[0] == NULL || strcmp(base_name(argv[0]), "isolate-node") == 0;
}

static bool wants_version(char **argv) {
  return !is_for_node(argv) && argv[1] != NULL && argv[2] == NULL && strcmp(argv[1], "--version") == 0;
}

/* The daemon cannot ask itself: if systemd listens in its place, it would wait for its own answer. */
static bool is_daemon(char **argv) {
  return argv[0] != NULL && argv[1] != NULL && strcmp(argv[1], "serve") == 0;
}

/* Has somebody decide. False: nobody does. */
static bool ask(char **argv, int signals) {
  if (signals < 0) return false;
  if (!is_for_node(argv) && (run->lease = connection_open()) >= 0) return ask_to_run(argv);
  return !decider_has_all(argv) && (run->lease = decider_start(argv, &callers_mask)) >= 0;
}

/* The daemon does not know every run that a command may join: then Node decides, and we carry it out all the same. */
static bool decide_instead(char **argv) {
  if (decider_runs() || !decider_joins(argv)) return false;
  close(run->lease);
  run->lease = decider_start(argv, &callers_mask);
  return run->lease >= 0;
}

int client_main(char **argv, struct run *own) {
  struct frame frame;
  int status = STATUS_FAILED;
  run = own;
  run->tell = report_event;
  fill_standard_streams();
  sigprocmask(SIG_SETMASK, NULL, &callers_mask);
  if (wants_version(argv) && print_version()) return 0;
  if (is_daemon(argv) || has_children() || !streams_lead_nowhere()) return become_node(argv);
  int signals = heed_signals();
  if (!ask(argv, signals)) return become_node(argv);
  for (;;) {
    enum arrival arrival = connection_receive(run->lease, signals, decider_runs() ? -1 : SILENCE_MS, &frame);
    if (arrival == ARRIVAL_SIGNAL && decider_takes(signals)) continue;
    if (arrival == ARRIVAL_SIGNAL) return give_up(take_signal(signals));
    if (arrival == ARRIVAL_FAILED) return decider_end(run, &status) ? status : become_node(argv);
    switch (wire_kind(frame.bytes)) {
    case MESSAGE_MESSAGE: say(&frame); break;
    case MESSAGE_PRINT: return print_answer(&frame) ? 0 : become_node(argv);
    case MESSAGE_REPORT: heed(&frame, signals); break;
    case MESSAGE_REFUSE: {
      struct wire_item number = item_of(&frame, ITEM_STATUS);
      say(&frame);
      return (int)(wire_number(&number) & 0xff);
    }
    case MESSAGE_ASK:
      if (answer(&frame)) break;
      return become_node(argv);
    case MESSAGE_LAUNCH:
      if (carry_out(&frame, &status)) return status;
      return become_node(argv);
    case MESSAGE_FALLBACK:
      if (decide_instead(argv)) break;
      __attribute__((fallthrough));
    default:
      decider_end(run, &status);
      return become_node(argv);
    }
    frame_free(&frame);
  }
}
