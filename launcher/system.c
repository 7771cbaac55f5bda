/* Small operations on descriptors, files and processes that several parts need. */
#include "launcher.h"

#include <sys/mman.h>

#include <time.h>

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
  case EVENT_TIMED_OUT: return STATUS_TIMED_OUT;
  default: return STATUS_FAILED;
  }
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void close_quietly(int fd) {
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
}

void close_source(int *fd) {
  close_quietly(*fd);
  *fd = -1;
}

int above_planned(int fd) {
  if (fd < 0 || fd >= OWN_DESCRIPTORS) return fd;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
  close_quietly(fd);
  return own;
}

bool lift_pair(int made, int pair[2]) {
  if (made < 0) return false;
  for (int end = 0; end < 2; end++)
    if ((pair[end] = above_planned(pair[end])) < 0) return false;
  return true;
}

bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  errno = EIO; /* unless the kernel reports more than a partial write */
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

void read_text(const char *path, char *text, size_t size) {
  ssize_t length = read_file(path, text, size - 1);
  text[length > 0 ? length : 0] = 0;
}

void kill_listed(const char *path) {
  char text[4096];
  read_text(path, text, sizeof text);
  char *end;
  for (char *at = text;; at = end) {
    long pid = strtol(at, &end, 10);
    if (end == at || *end == 0) return; /* the last one may have been cut off: it is seen the next time */
    if (pid > 1) kill((pid_t)pid, SIGKILL);
  }
}

/* The code point of one of src/json.ts's dangerous characters beyond ASCII that begins at `at`, or 0. */
static unsigned dangerous(const unsigned char *at) {
  unsigned code = 0;
  if ((at[0] == 0xc2 || at[0] == 0xd8) && (at[1] & 0xc0) == 0x80) code = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
  else if (at[0] == 0xe2 && (at[1] & 0xfe) == 0x80 && (at[2] & 0xc0) == 0x80) code = 0x2000u | (at[1] & 1u) << 6 | (at[2] & 0x3fu);
  bool c1 = code >= 0x80 && code <= 0x9f;
  bool reorders = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return c1 || reorders || code == 0x61c || code == 0x200e || code == 0x200f ? code : 0;
}

size_t escape_character(const char *text, char shown[8]) {
  const unsigned char *at = (const unsigned char *)text;
  unsigned code = dangerous(at);
  bool control = code != 0 ? code < 0x100 : *at < 0x20 || *at == 0x7f;
  snprintf(shown, 8, code >= 0x100 ? "\\u%04x" : control ? "\\x%02x" : "%c", code != 0 ? code : *at);
  return code == 0 ? 1 : code < 0x800 ? 2 : 3;
}

int sealed_file(const char *name, struct bytes content) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  for (uint32_t at = 0; fd >= 0 && at < content.length;) {
    ssize_t count = write(fd, content.at + at, content.length - at);
    if (count < 0) return close_quietly(fd), -1;
    at += (uint32_t)count;
  }
  if (fd < 0 || (fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 && lseek(fd, 0, SEEK_SET) == 0)) return fd;
  return close_quietly(fd), -1;
}

void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}
