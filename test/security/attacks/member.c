/*
 * A member who does what no client does. Speaks the daemon's protocol by the project's own frames.
 *
 *   member UID GID,... SOCKET keep MOUNT TEMPLATE   leases a clone, takes its tree (MOUNT: and mounts it where only it sees), ends
 *                                                   the connection and keeps the tree until its input ends
 *   member UID GID,... SOCKET groups FILE TEMPLATE  tells whether it can read the file; enters the tree's user namespace without any
 *                                                   group, tells it again
 *   member UID GID,... SOCKET flood COUNT SECONDS   connections that each ask for a run with as much as a frame may hold and for
 *                                                   status again and again, and read nothing
 *   member UID GID,... SOCKET fill WHAT COUNT TEMPLATE   connections whose runs take as much memory of the daemon as they can and are
 *                                                   kept until its input ends; WHAT: "answers", or "runs" that never answer. Tells
 *                                                   how many are left of them
 *   member UID GID,... SOCKET queue COUNT TEMPLATE  so many requests for a clone at once, kept until its input ends; tells how many
 *                                                   were refused for limits.waiting, and how many are left
 *   member UID GID,... SOCKET run TEMPLATE          asks for a run and tells the kind of the answer and its JSON
 *   member UID GID,... SOCKET say                   sends what is on its input, tells what is answered until the connection ends
 * Who is the user already, in a namespace, is left so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../../gate/wire.c"

static const char *place;

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(const char *text, size_t length) {
  printf("%.*s\n", (int)length, text);
  fflush(stdout);
}

static void tell(const char *text) {
  say(text, strlen(text));
}

static void become(uid_t uid, char *list) {
  gid_t groups[64];
  size_t count = 0;
  if (getuid() == uid) return;
  for (char *at = strtok(list, ","); at != NULL && count < 64; at = strtok(NULL, ",")) groups[count++] = (gid_t)atol(at);
  if (setgroups(count - 1, groups + 1) < 0 || setresgid(groups[0], groups[0], groups[0]) < 0 || setresuid(uid, uid, uid) < 0) die("become");
}

static int connect_daemon(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strncpy(address.sun_path, place, sizeof address.sun_path - 1);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) die("connect");
  return fd;
}

/* A whole frame; 0 where the connection ended. `given` gets two descriptors where some came. */
static size_t receive(int fd, uint8_t *frame, size_t size, int given[2]) {
  size_t have = 0, need = WIRE_HEADER;
  while (have < need) {
    union {
      struct cmsghdr header;
      char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec part = {frame + have, need - have};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (count <= 0) return 0;
    if (CMSG_FIRSTHDR(&message) != NULL && given != NULL) memcpy(given, CMSG_DATA(CMSG_FIRSTHDR(&message)), 2 * sizeof(int));
    have += (size_t)count;
    if (have == WIRE_HEADER && need == WIRE_HEADER) need = wire_frame_length(frame, WIRE_DAEMON);
    if (need > size || need == 0) die("a frame");
  }
  return have;
}

static uint8_t frame[WIRE_CLIENT_FRAME_MAX];

/* The next frame that is not about what is waited for. */
static size_t receive_answer(int fd, int given[2]) {
  size_t length;
  do length = receive(fd, frame, sizeof frame, given);
  while (length > 0 && wire_kind(frame) == MESSAGE_MESSAGE);
  return length;
}

static void send_lease(int fd, const char *template) {
  struct wire_writer writer;
  wire_begin(&writer, frame, sizeof frame, MESSAGE_LEASE);
  wire_add_text(&writer, ITEM_TEMPLATE, template);
  wire_add_number(&writer, ITEM_WAIT_MS, 60000);
  wire_add_text(&writer, ITEM_ENGINE, "bwrap");
  wire_add_text(&writer, ITEM_ARGUMENT, "hostile");
  size_t length = wire_end(&writer, WIRE_CLIENT);
  ssize_t sent = send(fd, frame, length, MSG_NOSIGNAL);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
    tell("ended");
    exit(0);
  }
  if (sent != (ssize_t)length) die("send");
}

/* Ends the program with what was said instead. */
static int lease(const char *template, int given[2]) {
  struct wire_writer writer;
  struct wire_item item;
  int fd = connect_daemon();
  send_lease(fd, template);
  size_t length = receive_answer(fd, NULL);
  if (length == 0) tell("ended");
  if (length == 0) exit(0);
  if (wire_kind(frame) != MESSAGE_LEASED) {
    if (wire_find(frame, length, ITEM_JSON, &item)) say((const char *)item.value, item.length);
    exit(0);
  }
  wire_begin(&writer, frame, sizeof frame, MESSAGE_MOUNT);
  length = wire_end(&writer, WIRE_CLIENT);
  if (send(fd, frame, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
  length = receive(fd, frame, sizeof frame, given);
  if (length == 0 || wire_kind(frame) != MESSAGE_TREE || given[1] < 0) die("take the tree");
  return fd;
}

static void keep(bool mounted, const char *template) {
  int given[2] = {-1, -1}, fd = lease(template, given);
  char byte;
  if (mounted && (setns(given[0], CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)) die("enter");
  if (mounted && move_mount(given[1], "", AT_FDCWD, "/run/isolate/sandbox", MOVE_MOUNT_F_EMPTY_PATH) < 0) die("attach");
  close(fd);
  tell("kept");
  while (read(0, &byte, 1) > 0) continue;
}

static void groups(const char *file, const char *template) {
  int given[2] = {-1, -1};
  lease(template, given);
  tell(access(file, R_OK) == 0 ? "read" : strerrorname_np(errno));
  if (setns(given[0], CLONE_NEWUSER) < 0) die("enter");
  tell(setgroups(0, NULL) == 0 ? "left" : strerrorname_np(errno));
  tell(access(file, R_OK) == 0 ? "read" : strerrorname_np(errno));
}

static size_t make_longest_run(void) {
  static char word[7];
  struct wire_writer writer;
  memset(word, 'a', sizeof word - 1);
  wire_begin(&writer, frame, sizeof frame, MESSAGE_RUN);
  wire_add_text(&writer, ITEM_ARGUMENT, "-v");
  wire_add_text(&writer, ITEM_ARGUMENT, "NAME");
  wire_add_text(&writer, ITEM_ARGUMENT, "-z");
  wire_add_text(&writer, ITEM_ARGUMENT, getenv("TEMPLATE"));
  for (int i = 0; i < 32000; i++) wire_add(&writer, ITEM_ARGUMENT, word, 1 + (size_t)i % 24 / 4);
  for (int i = 0; i < 4; i++) wire_add(&writer, ITEM_VARIABLE, calloc(1, 131072), 0);
  wire_add_text(&writer, ITEM_DIRECTORY, "/");
  wire_add_number(&writer, ITEM_TERMINAL, 0);
  return wire_end(&writer, WIRE_CLIENT);
}

static void flood(int count, int seconds) {
  struct rlimit files = {4096, 4096};
  struct pollfd *polls = calloc((size_t)count, sizeof *polls);
  size_t *at = calloc((size_t)count, sizeof *at), length = make_longest_run();
  time_t end = time(NULL) + seconds;
  long sent_all = 0;
  if (length == 0 || polls == NULL || at == NULL) die("prepare");
  setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 0; i < count; i++) polls[i].fd = -1;
  tell("begun");
  while (time(NULL) < end) {
    for (int i = 0; i < count; i++) {
      if (polls[i].fd < 0) {
        polls[i] = (struct pollfd){connect_daemon(), POLLOUT, 0};
        at[i] = 0;
      }
    }
    poll(polls, (nfds_t)count, 100);
    for (int i = 0; i < count; i++) {
      if ((polls[i].revents & (POLLHUP | POLLERR)) != 0) {
        close(polls[i].fd);
        polls[i].fd = -1;
        continue;
      }
      if ((polls[i].revents & POLLOUT) == 0 || at[i] == length) continue;
      ssize_t sent = send(polls[i].fd, frame + at[i], length - at[i], MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) at[i] += (size_t)sent;
      if (sent > 0) sent_all += sent;
      if (at[i] == length) polls[i].events = 0;
    }
  }
  printf("%ld\n", sent_all);
}

enum { NAMES = 60, VALUE = 16500 };

/* A value with a character that makes each of the others take two bytes. */
static const char *wide_variable(int index) {
  static char text[VALUE + 16];
  int length = snprintf(text, sizeof text, "V%d=\xe4\xb8\xad", index);
  memset(text + length, 'a', VALUE - (size_t)length);
  text[VALUE] = 0;
  return text;
}

static size_t make_run_that_asks(bool full, const char *template) {
  struct wire_writer writer;
  char name[16];
  wire_begin(&writer, frame, sizeof frame, MESSAGE_RUN);
  wire_add_text(&writer, ITEM_ARGUMENT, "-q");
  wire_add_text(&writer, ITEM_ARGUMENT, "-z");
  wire_add_text(&writer, ITEM_ARGUMENT, template);
  for (int i = 0; i < NAMES; i++) {
    snprintf(name, sizeof name, "V%d", i);
    wire_add_text(&writer, ITEM_ARGUMENT, "-v");
    wire_add_text(&writer, ITEM_ARGUMENT, name);
  }
  wire_add_text(&writer, ITEM_ARGUMENT, "true");
  wire_add_text(&writer, ITEM_DIRECTORY, "/");
  for (int i = 0; full && i < NAMES; i++) wire_add_text(&writer, ITEM_VARIABLE, wide_variable(i));
  wire_add_number(&writer, ITEM_TERMINAL, 0);
  return wire_end(&writer, WIRE_CLIENT);
}

static size_t make_wide_answer(void) {
  struct wire_writer writer;
  wire_begin(&writer, frame, sizeof frame, MESSAGE_ANSWER);
  for (int i = 0; i < NAMES; i++) wire_add_text(&writer, ITEM_VARIABLE, wide_variable(i));
  return wire_end(&writer, WIRE_CLIENT);
}

static bool was_refused(int fd) {
  struct wire_item item;
  size_t length = receive_answer(fd, NULL);
  return length > 0 && wire_kind(frame) == MESSAGE_REFUSE && wire_find(frame, length, ITEM_JSON, &item) &&
    memmem(item.value, item.length, "limits.waiting", 14) != NULL;
}

static void queue(int count, const char *template) {
  struct pollfd *polls = calloc((size_t)count, sizeof *polls);
  char byte;
  if (polls == NULL) die("prepare");
  for (int i = 0; i < count; i++) {
    polls[i] = (struct pollfd){connect_daemon(), POLLIN, 0};
    send_lease(polls[i].fd, template);
  }
  /* They are taken in order: with an answer to the last all others have been looked at. */
  int refused = was_refused(polls[count - 1].fd);
  for (int i = 0; i < count - 1; i++)
    if (poll(&polls[i], 1, 0) > 0) refused += was_refused(polls[i].fd);
  printf("{\"refused\":%d,\"left\":%d}\n", refused, count - refused);
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
}

static void ask_run(const char *template) {
  const char *const words[] = {"-q", "-z", template, "--wait", "30", "true"};
  struct wire_writer writer;
  struct wire_item item = {0};
  int fd = connect_daemon();
  wire_begin(&writer, frame, sizeof frame, MESSAGE_RUN);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) wire_add_text(&writer, ITEM_ARGUMENT, words[i]);
  wire_add_text(&writer, ITEM_DIRECTORY, "/");
  wire_add_number(&writer, ITEM_TERMINAL, 0);
  if (send(fd, frame, wire_end(&writer, WIRE_CLIENT), MSG_NOSIGNAL) < 0) die("send");
  size_t length = receive_answer(fd, NULL);
  if (length > 0) wire_find(frame, length, ITEM_JSON, &item);
  printf("%u %.*s\n", length > 0 ? wire_kind(frame) : 0, (int)item.length, (const char *)item.value);
}

/* What the daemon ends is no failure of the attack. */
static void send_all(int fd, size_t length) {
  ssize_t sent;
  for (size_t at = 0; at < length; at += (size_t)sent)
    if ((sent = send(fd, frame + at, length - at, MSG_NOSIGNAL)) <= 0) return;
}

static void fill(bool answers, int count, const char *template) {
  static uint8_t asked[65536];
  struct rlimit files = {4096, 4096};
  struct pollfd *polls = calloc((size_t)count, sizeof *polls);
  int left = 0;
  char byte;
  if (polls == NULL) die("prepare");
  setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 0; i < count; i++) {
    polls[i] = (struct pollfd){connect_daemon(), POLLIN, 0};
    send_all(polls[i].fd, make_run_that_asks(!answers, template));
  }
  for (int i = 0; i < count; i++)
    if (receive(polls[i].fd, asked, sizeof asked, NULL) > 0 && wire_kind(asked) == MESSAGE_ASK && answers) send_all(polls[i].fd, make_wide_answer());
  for (int i = 0; i < count; i++) polls[i].events = POLLRDHUP;
  /* The daemon may not have read all of it yet. */
  if (poll(polls, (nfds_t)count, 30000) < 0) die("wait");
  for (int i = 0; i < count; i++) left += poll(&polls[i], 1, 0) == 0;
  printf("%d\n", left);
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  place = argv[3];
  become((uid_t)atol(argv[1]), argv[2]);
  if (strcmp(argv[4], "keep") == 0 && argc == 7) keep(atoi(argv[5]) != 0, argv[6]);
  else if (strcmp(argv[4], "groups") == 0 && argc == 7) groups(argv[5], argv[6]);
  else if (strcmp(argv[4], "flood") == 0 && argc == 7) flood(atoi(argv[5]), atoi(argv[6]));
  else if (strcmp(argv[4], "fill") == 0 && argc == 8) fill(strcmp(argv[5], "answers") == 0, atoi(argv[6]), argv[7]);
  else if (strcmp(argv[4], "queue") == 0 && argc == 7) queue(atoi(argv[5]), argv[6]);
  else if (strcmp(argv[4], "run") == 0 && argc == 6) ask_run(argv[5]);
  else if (strcmp(argv[4], "say") == 0) {
    static char bytes[65536];
    int fd = connect_daemon();
    for (ssize_t count; (count = read(0, bytes, sizeof bytes)) > 0;)
      if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL) < 0) break;
    for (ssize_t count; (count = read(fd, bytes, sizeof bytes)) > 0;)
      if (write(1, bytes, (size_t)count) < 0) break;
  } else return 2;
  return 0;
}
