/*
 * The stage is this same program, executed by the engine inside the sandbox as `/proc/self/fd/N OPTIONS STATUSFD COMMANDFD`
 * or by the launcher's own child as `isolate-stage`. It reads the command from its descriptor (command.c), leads a process group of its own, takes the terminal's foreground,
 * and tells the launcher over the status socket that it is there: the kernel adds its pid as the launcher sees it, and
 * the message carries a pipe that ends when the command was executed, or else brings the errno. No code of the guest runs
 * before that, and no descriptor of ours is open after. With --reap it stays the command's parent, below an init that would
 * wait for what the command leaves running: it takes the terminal for its session, and its end kills all the rest. With
 * --filtered it makes calls that the filter must refuse, and ends where the kernel answers them: an engine that installed
 * none, or another, starts nothing. With --user it becomes that user of the sandbox's own /etc/passwd before the command runs.
 */
#include "launcher.h"

bool stage_is(const char *name) {
  return strncmp(name, "/proc/self/fd/", 14) == 0 || strcmp(name, "isolate-stage") == 0;
}

/* The parent half: the namespace's other processes end with the command, and its status becomes ours. */
static _Noreturn void reap(pid_t command) {
  int status = 0;
  syscall(SYS_close_range, 0u, ~0u, 0u);
  while (waitpid(command, &status, 0) < 0)
    if (errno != EINTR) _exit(STATUS_FAILED);
  kill(-1, SIGKILL);
  _exit(exit_status(status));
}

/* In the session that the engine's init made for us; the engine itself was given no controlling terminal. */
static void fork_command(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd) && ioctl(fd, TIOCSCTTY, 0) == 0) break;
  pid_t command = fork();
  if (command < 0) _exit(STATUS_FAILED);
  if (command > 0) reap(command);
}

static bool take_option(int *argc, char ***argv, const char *name) {
  bool given = *argc >= 2 && strcmp((*argv)[1], name) == 0;
  *argc -= given;
  *argv += given;
  return given;
}

static _Noreturn void give_up(const char *message) {
  if (write(STDERR_FILENO, message, strlen(message)) < 0) _exit(STATUS_FAILED);
  _exit(STATUS_FAILED);
}

static _Noreturn void refuse_user(int status, int error) {
  send(status, &error, sizeof error, MSG_NOSIGNAL);
  _exit(STATUS_FAILED);
}

_Noreturn void stage_execute(const struct command *command, int status) {
  int report = report_for_duty(status);
  if (report < 0) _exit(STATUS_FAILED);
  int error = command_execute(command);
  command_complain(command, error);
  if (write(report, &error, sizeof error) != sizeof error) _exit(STATUS_FAILED);
  _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

_Noreturn void stage_main(int argc, char **argv) {
  /* A stage that stays is seen by the guest, which may own our file and must not reach it: no /proc/PID/exe, no tracing. */
  prctl(PR_SET_DUMPABLE, 0);
  bool reaps = take_option(&argc, &argv, "--reap");
  bool filtered = take_option(&argc, &argv, "--filtered");
  char *wanted = take_option(&argc, &argv, "--user") ? argv[1] : NULL;
  argc -= wanted != NULL;
  argv += wanted != NULL;
  int status = argc == 3 ? planned_number(argv[1]) : -1;
  int source = argc == 3 ? planned_number(argv[2]) : -1;
  struct command command;
  static struct user user;
  int missing = wanted == NULL ? 0 : user_find(wanted, &user);
  if (status < 0 || source < 0 || !command_read(source, &command)) give_up("isolate-launch: the stage is only executed by an engine\n");
  if (missing != 0) refuse_user(status, missing);
  if (filtered && !filter_answers()) give_up("isolate: the system-call filter is not in force\n");
  if (status > 3) syscall(SYS_close_range, 3u, (unsigned)status - 1, 0u);
  syscall(SYS_close_range, (unsigned)status + 1, ~0u, 0u);
  fcntl(status, F_SETFD, FD_CLOEXEC);
  reset_signals();
  if (reaps) fork_command();
  setpgid(0, 0);
  take_foreground();
  if (wanted != NULL && !user_become(&user)) refuse_user(status, errno);
  stage_execute(&command, status);
}
