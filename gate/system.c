/* Small operations on descriptors that several parts need. */
#include "gate.h"

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

void fail(const char *what) {
  fprintf(stderr, "isolate-gate: Cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

uint64_t now_ms(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) fail("read the clock");
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void keep_descriptors(const int *kept, size_t count) {
  unsigned from = 3;
  for (;;) {
    unsigned next = ~0U;
    for (size_t i = 0; i < count; i++)
      if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next) next = (unsigned)kept[i];
    if (next > from && syscall(SYS_close_range, from, next == ~0U ? ~0U : next - 1, 0) < 0) fail("close descriptors");
    if (next == ~0U) break;
    from = next + 1;
  }
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) fail("open /dev/null");
}

bool is_unix_stream(int fd, bool listening) {
  int domain = 0, type = 0, accepts = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_UNIX) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM) return false;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && (accepts != 0) == listening;
}

/* Accepted connections inherit it from the listener. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
enum { HURRY_US = 100 };

void refuse_descriptors(int listener) {
  int no = 0;
  if (setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) < 0 && errno != ENOPROTOOPT) fail("refuse descriptors of clients");
}

/* Repeatedly, because the first signal may come before the wait begins. */
static void hurry(bool on) {
  struct itimerval often = {0};
  if (on) often.it_interval.tv_usec = often.it_value.tv_usec = HURRY_US;
  if (setitimer(ITIMER_REAL, &often, NULL) < 0) fail("set a timer");
}

ssize_t receive_bytes(int socket, void *into, size_t room) {
  struct iovec part = {into, room};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  hurry(true);
  ssize_t count = recvmsg(socket, &message, MSG_DONTWAIT);
  int error = errno;
  hurry(false);
  errno = count >= 0 ? EPROTO : error;
  return (message.msg_flags & MSG_CTRUNC) != 0 ? -1 : count;
}

void close_connection(int fd) {
  hurry(true);
  close(fd);
  hurry(false);
}

void put_link_header(uint8_t *header, size_t length, uint32_t connection, uint32_t operation) {
  wire_put(header, (uint32_t)length);
  wire_put(header + 4, connection);
  wire_put(header + 8, operation);
}

ssize_t send_with(int socket, const void *bytes, size_t length, const int descriptors[2], int flags) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  size_t count = descriptors[0] < 0 ? 0 : descriptors[1] < 0 ? 1 : 2;
  struct iovec part = {(void *)(uintptr_t)bytes, length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  ssize_t sent;
  if (count > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
  }
  do sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent;
}
