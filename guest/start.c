/* The command: its terminal or pipes, its root, directory, user; then execve(2). */
#include "init.h"

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

/* `ours` and `theirs` for stream `fd`; ours does not block. */
static bool open_pipe(int fd, int *ours, int *theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  *ours = fd == 0 ? ends[1] : ends[0];
  *theirs = fd == 0 ? ends[0] : ends[1];
  return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
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
    if (theirs[fd] != slave) close(theirs[fd]);
  streams->report = report[0];
  streams->input = ours[0];
  streams->output[0] = ours[1];
  streams->output[1] = (start->terminals & 6) == 6 ? -1 : ours[2];
  return true;
}
