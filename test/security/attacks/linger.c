/*
 * A TCP socket whose data nobody takes lingers (SO_LINGER): who closes it last waits for a minute. Sent along with a byte to a
 * program that reads only bytes, it is closed by that program, which so stands still.
 *
 *   linger UID SOCKET BYTES   as that user in the group 5000: connects, sends the bytes and then the socket, tells whether it was
 *                             taken, and keeps its connection until its input ends
 *   linger control            the same to a child that reads; tells whether the child came back within a second
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int make_lingering(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct linger linger = {1, 60};
  static char bytes[65536];
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
  if (setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
      listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
      connect(fd, (struct sockaddr *)&address, size) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
    die("tcp");
  while (write(fd, bytes, sizeof bytes) > 0) continue;
  if (fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0) die("linger");
  return fd;
}

static void give(int socket, const char *bytes) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  int given = make_lingering();
  struct iovec part = {"I", 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &given, sizeof given);
  if (send(socket, bytes, strlen(bytes), MSG_NOSIGNAL) != (ssize_t)strlen(bytes)) die("send");
  ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  printf("%s\n", sent == 1 ? "taken" : strerrorname_np(errno));
  fflush(stdout);
  close(given);
}

static int control(void) {
  int ends[2], done[2];
  char byte;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || pipe(done) < 0) die("socketpair");
  give(ends[0], "");
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    if (read(ends[1], &byte, 1) != 1 || write(done[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  struct pollfd back = {.fd = done[0], .events = POLLIN};
  printf("%s\n", poll(&back, 1, 1000) == 1 ? "came back" : "stands still");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const gid_t group = 5000;
  char byte;
  if (argc == 2) return control();
  if (argc != 4) return 2;
  uid_t uid = (uid_t)atoi(argv[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, argv[2], sizeof address.sun_path - 1);
  if (setgroups(1, &group) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) die("become the user");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  give(fd, argv[3]);
  while (read(0, &byte, 1) > 0) continue;
  return 0;
}
