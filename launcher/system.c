/* Small operations on descriptors, files and processes that several parts need. */
#include "launcher.h"

struct place place;

bool send_event(int fd, struct event event) {
  ssize_t count;
  do count = write(fd, &event, sizeof event);
  while (count < 0 && errno == EINTR);
  return count == (ssize_t)sizeof event;
}

struct event failure(void) {
  return (struct event){EVENT_FAILED, place.step, (uint32_t)errno, place.item};
}

int exit_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int event_status(struct event event) {
  switch (event.kind) {
  case EVENT_EXITED: return (int)event.a;
  case EVENT_KILLED: return 128 + (int)event.a;
  case EVENT_NOT_EXECUTED: return event.a == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
  default: return STATUS_FAILED;
  }
}

void close_quietly(int fd) {
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
}

int above_planned(int fd) {
  if (fd < 0 || fd >= OWN_DESCRIPTORS) return fd;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
  close_quietly(fd);
  return own;
}

bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  errno = EIO; /* unless the kernel says more than that it took only a part */
  bool whole = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close_quietly(fd);
  return whole;
}

ssize_t read_file(const char *path, void *buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, buffer, size);
  close_quietly(fd);
  return length;
}

void kill_listed(const char *path) {
  char text[4096];
  ssize_t length = read_file(path, text, sizeof text - 1);
  text[length > 0 ? length : 0] = 0;
  char *end;
  for (char *at = text;; at = end) {
    long pid = strtol(at, &end, 10);
    if (end == at || *end == 0) return; /* the last one may have been cut off: it is seen the next time */
    if (pid > 1) kill((pid_t)pid, SIGKILL);
  }
}

void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}
