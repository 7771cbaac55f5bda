/* The command: its terminal or pipes, its root, directory, user; then execve(2). */
#include "init.h"

#include <pthread.h>

static bool open_terminal(int root, const struct start *start, int *master, int *slave) {
  int unlock = 0;
  *master = openat(root, "dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (*master < 0 || ioctl(*master, TIOCSPTLCK, &unlock) < 0) return false;
  *slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*slave < 0 || ioctl(*master, TIOCSWINSZ, &start->size) < 0) return false;
  struct termios set;
  if ((start->terminals & 8) == 0) return true;
  if (tcgetattr(*slave, &set) < 0) return false;
  set.c_lflag &= ~(tcflag_t)ECHO; /* the caller's terminal echoes itself */
  return tcsetattr(*slave, TCSANOW, &set) == 0;
}

/* Hands on what comes from one end to the other, until either has ended. */
static void *carry(void *argument) {
  static const size_t most = 16384;
  int *ends = argument;
  uint8_t bytes[16384];
  for (ssize_t count = 1, done = 0; count > 0;) {
    if (done == 0 || done == count) count = read(ends[0], bytes, most), done = 0;
    ssize_t written = count > 0 ? write(ends[1], bytes + done, (size_t)(count - done)) : 0;
    if (written <= 0) break;
    done += written;
  }
  close(ends[0]);
  close(ends[1]);
  free(ends);
  return NULL;
}

/*
 * Whoever splices into a pipe, as sendfile(2) does, has it locked while it waits for more, and even a read that must not block waits for
 * the lock. So a thread waits at the pipe, and what this process has of the stream is a socket. The threads are not killed with the rest.
 */
static bool stand_before(int fd, int *ours) {
  int pair[2], *ends = malloc(2 * sizeof *ends);
  pthread_t thread;
  pthread_attr_t attributes;
  if (ends == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return free(ends), false;
  ends[fd == 0 ? 1 : 0] = *ours;
  ends[fd == 0 ? 0 : 1] = pair[1];
  *ours = pair[0];
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  errno = pthread_create(&thread, &attributes, carry, ends);
  return errno == 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

/* `ours` and `theirs` for stream `fd`. */
static bool open_pipe(int fd, int *ours, int *theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  *ours = fd == 0 ? ends[1] : ends[0];
  *theirs = fd == 0 ? ends[0] : ends[1];
  return true;
}

static _Noreturn void give_up(int report, int what, int error) {
  int words[2] = {what, error};
  if (write(report, words, sizeof words) < 0) _exit(STATUS_FAILED);
  _exit(STATUS_FAILED);
}

static _Noreturn void become_command(const struct start *start, int root, const int theirs[3], int terminal, int report) {
  static struct user user;
  struct command command;
  /* Its parent is in its session and not in its group, so that it can be stopped (setpgid(2), orphaned groups). */
  setpgid(0, 0);
  signal(SIGTTOU, SIG_IGN);
  if (terminal >= 0) tcsetpgrp(terminal, getpid());
  reset_signals();
  for (int fd = 0; fd <= 2; fd++)
    if (dup2(theirs[fd], fd) < 0) give_up(report, 2, errno);
  umask(022);
  if (fchdir(root) < 0 || chroot(".") < 0) give_up(report, 2, errno);
  int block = sealed_file("command", (struct bytes){start->command, (uint32_t)start->command_length});
  if (block < 0 || !command_read(block, &command)) give_up(report, 2, errno);
  close(block);
  int missing = start->user == NULL ? 0 : user_find(start->user, &user);
  if (missing != 0) give_up(report, 1, missing);
  if (chdir(start->directory) < 0) give_up(report, 3, errno);
  if (start->user != NULL && !user_become(&user)) give_up(report, 1, errno);
  int error = command_execute(&command);
  command_complain(&command, error);
  give_up(report, 0, error);
}

bool start_command(const struct start *start, struct streams *streams) {
  int ours[3] = {-1, -1, -1}, theirs[3], report[2], master = -1, slave = -1;
  int root = prepare_root();
  if (root < 0) return false;
  if ((start->terminals & 7) != 0 && !open_terminal(root, start, &master, &slave)) return false;
  if (slave >= 0 && ioctl(slave, TIOCSCTTY, 0) < 0) return false;
  for (int fd = 0; fd <= 2; fd++) {
    if ((start->terminals >> fd & 1) != 0) ours[fd] = master, theirs[fd] = slave;
    else if (!open_pipe(fd, &ours[fd], &theirs[fd])) return false;
  }
  if (pipe2(report, O_CLOEXEC) < 0) return false;
  streams->command = fork();
  if (streams->command < 0) return false;
  if (streams->command == 0) become_command(start, root, theirs, slave, report[1]);
  close(report[1]);
  /* The terminal's other end stays open here, so that a command that closes it and opens it again loses nothing. */
  for (int fd = 0; fd <= 2; fd++)
    if (theirs[fd] != slave && (close(theirs[fd]), !stand_before(fd, &ours[fd]))) return false;
  streams->report = report[0];
  streams->input = ours[0];
  streams->output[0] = ours[1];
  streams->output[1] = (start->terminals & 6) == 6 ? -1 : ours[2];
  return true;
}
