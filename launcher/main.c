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
 *                  the standard three and its own; arranges to end with its parent; makes the files of the run; looks at
 *                  the standard streams; reads the filter; has a short-lived process make the user namespace and writes
 *                  its id maps, itself or by newuidmap(1) and newgidmap(1), or has the daemon hand one over with a clone's
 *                  tree; takes root's from the shelf; opens a pty if it needs one; makes the control groups; forks the child; starts
 *                  the companions and then lets the child go on (companions.c); hands terminal and signals through
 *                  (supervise.c, terminal.c); ends the companions and what is left; gives terminal and streams back; removes
 *                  the control groups; removes the files and does what else the end asks for (files.c); reports.
 *   The child      asks to die with the launcher; waits for the companions; puts the planned descriptors in place; joins a
 *                  new session keyring; takes umask 022; starts a session, whose process group dies with the launcher too,
 *                  with the pty as its terminal; joins the control groups; makes a mount namespace and the host's mounts;
 *                  enters the user namespace and becomes its 0; makes a mount namespace of its own there and the sandbox's
 *                  mounts; changes root and directory; in a process namespace stays as its init and goes on in one more
 *                  child; sets no_new_privs; installs the filter and tries it; sets all signals back; executes the engine
 *                  with the planned arguments and environment.
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

static void tell_parent(const struct run *run, struct event event) {
  send_event(run->events, event);
}

int main(int argc, char **argv) {
  static struct run run = {.control = -1, .events = -1, .lease = -1, .user_namespace = -1, .trees = {-1, -1}, .program = -1, .processes = -1, .join = {-1, -1, -1, 0, 0}};
  int *pairs[] = {run.report, run.stage, run.alive, run.gate};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) pairs[i][0] = pairs[i][1] = -1;
  run.tell = tell_parent;
  run.parent = getppid();
  if (argc > 0 && enter_is(argv[0])) enter_main(argc, argv);
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
