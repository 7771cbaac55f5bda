/* What the stage and the host's end of a machine share, because each of them stands for the command. */
#include "launcher.h"

void take_foreground(void) {
  signal(SIGTTOU, SIG_IGN);
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd) && tcsetpgrp(fd, getpid()) == 0) break;
  signal(SIGTTOU, SIG_DFL);
}

int report_for_duty(int status) {
  int ends[2];
  char byte = 'H';
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &ends[0], sizeof(int));
  bool welcome = sendmsg(status, &message, MSG_NOSIGNAL) == 1 && read(status, &byte, 1) == 1 && byte == 'G';
  close(ends[0]);
  return welcome ? ends[1] : -1;
}

int planned_number(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  return *end == 0 && number >= FIRST_PLANNED && number <= LAST_PLANNED ? (int)number : -1;
}
