#include "agent.h"

#include <time.h>
#if defined __x86_64__
#include <x86intrin.h>
#endif

/* A guest that is told needs not measure it, which fails under load (machines under TCG). */
static unsigned long counter_khz(void) {
#if defined __x86_64__
  struct timespec from, to, pause = {.tv_nsec = 4000000};
  clock_gettime(CLOCK_MONOTONIC_RAW, &from);
  unsigned long long first = __rdtsc();
  nanosleep(&pause, NULL);
  clock_gettime(CLOCK_MONOTONIC_RAW, &to);
  unsigned long long counted = __rdtsc() - first;
  unsigned long long passed = (unsigned long long)(to.tv_sec - from.tv_sec) * 1000000000ull + (unsigned long long)(to.tv_nsec - from.tv_nsec);
  return (unsigned long)(counted * 1000000ull / passed);
#else
  return 0;
#endif
}

static void fill_in(char **words) {
  for (; *words != NULL; words++) {
    char *at = strstr(*words, "{tsc}"), *filled;
    if (at == NULL) continue;
    if (asprintf(&filled, "%.*s%lu%s", (int)(at - *words), *words, counter_khz(), at + 5) < 0) abort();
    *words = filled;
  }
}

static _Noreturn void execute(char **words, const struct qemu *qemu, int channel, int console, int errors) {
  int nothing = open("/dev/null", O_RDWR);
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(errors, 1) < 0 || dup2(errors, 2) < 0) _exit(STATUS_FAILED);
  if (dup2(channel, QEMU_CHANNEL) < 0 || dup2(console, QEMU_CONSOLE) < 0) _exit(STATUS_FAILED);
  for (int i = 0; i < qemu->disk_count; i++)
    if (dup2(qemu->disks[i], QEMU_DISK + i) < 0) _exit(STATUS_FAILED);
  syscall(SYS_close_range, (unsigned)(QEMU_DISK + qemu->disk_count), ~0u, 0u);
  reset_signals();
  execv(words[0], words);
  dprintf(2, "%s: %s\n", words[0], strerror(errno));
  _exit(STATUS_FAILED);
}

bool qemu_add_disks(struct qemu *qemu, char *numbers) {
  for (char *number; (number = strsep(&numbers, ",")) != NULL && (*number != 0 || qemu->disk_count > 0);) {
    int fd = planned_number(number);
    if (fd < QEMU_DISK + MOST_DISKS || qemu->disk_count == MOST_DISKS) return false;
    qemu->disks[qemu->disk_count++] = fd;
  }
  return true;
}

bool qemu_start(struct qemu *qemu, char **words) {
  int channel[2], console[2], errors[2];
  fill_in(words);
  if (!lift_pair(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), channel)) return false;
  if (!lift_pair(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console), console)) return false;
  if (!lift_pair(pipe2(errors, O_CLOEXEC), errors)) return false;
  qemu->pid = fork();
  if (qemu->pid == 0) execute(words, qemu, channel[1], console[1], errors[1]);
  for (int i = 0; i < qemu->disk_count; i++) close(qemu->disks[i]);
  close(channel[1]);
  close(console[1]);
  close(errors[1]);
  qemu->channel = channel[0];
  qemu->console = console[0];
  qemu->errors = errors[0];
  return qemu->pid > 0 && fcntl(qemu->channel, F_SETFL, O_NONBLOCK) == 0;
}

/* With what could steer a terminal written out. */
static void show(const char *bytes, size_t length, const char *line_end) {
  char text[TAIL_SIZE + 1], line[TAIL_SIZE * 6];
  size_t used = 0, kept = 0;
  for (size_t i = 0; i < length; i++)
    if (bytes[i] != '\r' && bytes[i] != 0) text[kept++] = bytes[i];
  text[kept] = 0;
  for (const char *at = text; *at != 0 && used < sizeof line - 16;) {
    char shown[8];
    if (*at == '\n') used += (size_t)snprintf(line + used, sizeof line - used, "%s", line_end), at++;
    else {
      at += escape_character(at, shown);
      used += (size_t)snprintf(line + used, sizeof line - used, "%s", shown);
    }
  }
  dprintf(2, "%.*s", (int)used, line);
}

/* What nobody takes is dropped: the run does not wait for its console. */
static void show_live(const struct qemu *qemu, const char *bytes, size_t length) {
  struct pollfd writable = {.fd = 2, .events = POLLOUT};
  if (poll(&writable, 1, 0) > 0 && (writable.revents & POLLOUT) != 0) show(bytes, length, qemu->raw ? "\r\n" : "\n");
}

static void listen_to(int *fd, struct tail *tail, const struct qemu *shown) {
  char bytes[1024];
  /* Written out they are at most the 256 bytes that a terminal takes (caller.c). */
  ssize_t count = read(*fd, bytes, shown != NULL ? 40 : sizeof bytes);
  if (count <= 0) {
    close_source(fd);
    return;
  }
  for (ssize_t i = 0; i < count; i++) tail->bytes[tail->total++ % TAIL_SIZE] = bytes[i];
  if (shown != NULL) show_live(shown, bytes, (size_t)count);
}

void qemu_listen(struct qemu *qemu, short errors, short console) {
  if (errors != 0) listen_to(&qemu->errors, &qemu->said, NULL);
  if (console != 0) listen_to(&qemu->console, &qemu->shown, qemu->shows ? qemu : NULL);
}

static void repeat(const char *who, const struct tail *tail) {
  size_t length = tail->total < TAIL_SIZE ? tail->total : TAIL_SIZE;
  if (length == 0) return;
  char text[TAIL_SIZE];
  for (size_t i = 0; i < length; i++) text[i] = tail->bytes[(tail->total - length + i) % TAIL_SIZE];
  dprintf(2, "%s:\n", who);
  show(text, length, "\n");
  if (text[length - 1] != '\n') dprintf(2, "\n");
}

/* What was said before the end may not have been heard yet. */
static void listen_to_rest(struct qemu *qemu) {
  for (int left = 1024; left > 0; left--) {
    struct pollfd polls[2] = {{.fd = qemu->errors, .events = POLLIN}, {.fd = qemu->console, .events = POLLIN}};
    if (poll(polls, 2, 0) <= 0) return;
    qemu_listen(qemu, polls[0].revents, polls[1].revents);
  }
}

void qemu_complain(struct qemu *qemu) {
  listen_to_rest(qemu);
  repeat("QEMU said", &qemu->said);
  if (!qemu->shows) repeat("The console of the machine said", &qemu->shown);
}
