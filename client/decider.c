/*
 * The program in Node as a process that only decides a run, where no daemon does: over a socket pair it says what the daemon
 * would, and has ended by the time the command begins. A run of a small program needs none of its memory, and need not wait for
 * its end.
 */
#include "client.h"

#include <sys/signalfd.h>

#include "texts.h"

static pid_t decider; /* 0: there is none */
static sigset_t forwarded;

static bool is_one_of(const char *word, const char *const words[], size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(word, words[i]) == 0) return true;
  return false;
}

/* Node gives back the layers of a copy of a directory. Users other than root have no other copies without a daemon. */
static bool runs_on_copy(char **argv) {
  const char *first = argv[1], *clone = strcmp(first, "-c") == 0 ? argv[2] : strncmp(first, "-c", 2) == 0 ? first + 2 : NULL;
  if (clone != NULL && *clone != 0 && strchr("/.~", *clone) != NULL) return true;
  if (geteuid() == 0) return false;
  for (char **word = argv + 1; *word != NULL && strcmp(*word, "--") != 0; word++)
    if (strncmp(*word, "-t", 2) == 0 || strncmp(*word, "--template", 10) == 0) return false;
  return true;
}

bool decider_joins(char **argv) {
  return argv[0] != NULL && argv[1] != NULL && strcmp(argv[1], "exec") == 0;
}

/* The options are a guess, which saves a second start: Node itself says where it cannot leave a run to us. */
bool decider_has_all(char **argv) {
  if (decider_joins(argv)) return false;
  for (size_t i = 0; i < sizeof node_variables / sizeof *node_variables; i++)
    if (getenv(node_variables[i]) != NULL) return true;
  if (argv[0] == NULL || argv[1] == NULL || is_one_of(argv[1], node_verbs, sizeof node_verbs / sizeof *node_verbs)) return true;
  for (char **word = argv + 1; *word != NULL && strcmp(*word, "--") != 0; word++)
    if (is_one_of(*word, node_options, sizeof node_options / sizeof *node_options)) return true;
  return runs_on_copy(argv);
}

int decider_start(char **argv, const sigset_t *mask) {
  int ends[2];
  pid_t parent = getpid();
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  signal(SIGCHLD, SIG_DFL); /* ignored, it would keep the child's status from us */
  pid_t child = fork();
  if (child == 0) {
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(STATUS_FAILED);
    _exit(limits_suffice() ? node_become(argv, ends[1], tree_shelf_root()) : STATUS_FAILED);
  }
  close(ends[1]);
  if (child > 0) return decider = child, ends[0];
  close(ends[0]);
  return -1;
}

bool decider_runs(void) {
  return decider != 0;
}

/* One from the terminal the kernel has sent to it too. */
bool decider_takes(int signals) {
  struct signalfd_siginfo info;
  if (decider == 0) return false;
  if (read(signals, &info, sizeof info) != (ssize_t)sizeof info) return true;
  sigaddset(&forwarded, (int)info.ssi_signo);
  if (info.ssi_code != SI_KERNEL) kill(decider, (int)info.ssi_signo);
  return true;
}

int decider_missed(const sigset_t *ignored) {
  static const int heeded[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof heeded / sizeof *heeded; i++)
    if (sigismember(&forwarded, heeded[i]) == 1 && sigismember(ignored, heeded[i]) == 0) return heeded[i];
  return 0;
}

void decider_reap(void) {
  if (decider != 0) waitpid(decider, NULL, WNOHANG);
}

bool decider_end(struct run *run, int *status) {
  int wait_status = 0;
  if (decider == 0) return false;
  close_quietly(run->lease);
  run->lease = -1;
  *status = STATUS_FAILED;
  while (waitpid(decider, &wait_status, 0) < 0)
    if (errno != EINTR) return true;
  *status = exit_status(wait_status);
  return true;
}
