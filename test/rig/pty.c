/*
 * A terminal for tests: pty ROWS COLUMNS COMMAND [ARG...]
 *
 * Runs the command as the leader of a session on a new pty. Standard input is typed, standard output is the screen.
 * Orders come as lines on descriptor 3, answers go to descriptor 4:
 *
 *   resize ROWS COLUMNS    a new window size
 *   hang-up                the terminal goes away
 *   state                  answers `state TERMIOS-IN-HEX NONBLOCK`
 *   answer COUNT TEXT      types the text when the terminal has been asked COUNT times for its status
 *
 * When the command has ended: `ended WAITSTATUS`. Termios and the non-blocking flag are those of the open file that the
 * command was started with.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;
static int questions;
static char answer[96];

static void resize(int rows, int columns) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  ioctl(master, TIOCSWINSZ, &size);
}

static void say_state(void) {
  struct termios termios;
  memset(&termios, 0, sizeof termios);
  tcgetattr(slave, &termios);
  dprintf(4, "state %x.%x.%x.%x %d\n", termios.c_iflag, termios.c_oflag, termios.c_cflag, termios.c_lflag, (fcntl(slave, F_GETFL) & O_NONBLOCK) != 0);
}

static void obey(const char *order) {
  int rows;
  int columns;
  if (sscanf(order, "resize %d %d", &rows, &columns) == 2) resize(rows, columns);
  if (strcmp(order, "state") == 0) say_state();
  sscanf(order, "answer %d %95[^\n]", &questions, answer);
  if (strcmp(order, "hang-up") == 0) {
    close(slave);
    close(master);
    master = slave = -1;
  }
}

static void listen(const char *bytes, ssize_t count) {
  static const char question[] = "\033[5n";
  static size_t matched;
  for (ssize_t i = 0; i < count; i++) {
    matched = bytes[i] == question[matched] ? matched + 1 : bytes[i] == question[0];
    if (matched < sizeof question - 1) continue;
    matched = 0;
    if (--questions == 0 && write(master, answer, strlen(answer)) < 0) return;
  }
}

static int copy(int from, int to) {
  char bytes[4096];
  ssize_t count = read(from, bytes, sizeof bytes);
  if (from == master) listen(bytes, count);
  for (ssize_t at = 0, done; at < count; at += done)
    if ((done = write(to, bytes + at, (size_t)(count - at))) < 0) return 0;
  return count > 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int unlock = 0;
  master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0) return 2;
  slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  resize(atoi(argv[1]), atoi(argv[2]));
  pid_t child = fork();
  if (child == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd <= 2; fd++) dup2(slave, fd);
    close(3);
    close(4);
    execvp(argv[3], argv + 3);
    _exit(127);
  }
  int keyboard = 0;
  int orders = 3;
  for (;;) {
    int status;
    struct pollfd polls[] = {{keyboard, POLLIN, 0}, {orders, POLLIN, 0}, {master, POLLIN, 0}};
    int ready = poll(polls, 3, 20);
    if (ready > 0 && polls[2].revents != 0 && !copy(master, 1)) return 2;
    if (ready > 0 && polls[1].revents != 0) {
      char order[128];
      ssize_t length = read(3, order, sizeof order - 1);
      if (length <= 0) orders = -1;
      else order[order[length - 1] == '\n' ? length - 1 : length] = 0, obey(order);
    }
    /* After the orders: what is typed by now may be meant for what they change. */
    if (ready > 0 && polls[0].revents != 0 && master >= 0 && !copy(0, master)) keyboard = -1;
    if (ready == 0 && waitpid(child, &status, WNOHANG) == child) {
      /* It may have written between the poll and its end. */
      while (master >= 0 && poll(&(struct pollfd){master, POLLIN, 0}, 1, 0) > 0 && copy(master, 1)) continue;
      if (master >= 0) say_state();
      dprintf(4, "ended %d\n", status);
      return 0;
    }
  }
}
