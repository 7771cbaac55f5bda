/*
 * Clients and fronts that no decent program is, for tests of isolate-gate; prints what became of each attempt.
 *
 *   gate-attack take-tree UID SOCKET       asks for a tree as that user, attaches it and tries to undo its restrictions
 *   gate-attack own-tree UID DIRECTORY     the same with a tree of the directory that nobody locked
 *   gate-attack lie UID SOCKET CASE        as a front at the broker's socket
 *   gate-attack activate UID DIRECTORY PROGRAM SOCKET   starts the front as systemd does, for sockets in the directory, once its input ends
 *   gate-attack harass UID SIGNAL          sends it to all that it may until its input ends, and tells how often it found anyone
 *   gate-attack crowd UID SOCKET COUNT     opens connections, tells how many stay, and keeps them until its input ends
 *   gate-attack lend UID SOCKET reuse|end  a process connects and ends, another one keeps the connection until its input ends; "reuse":
 *                                          when a third has the number of the first
 *   gate-attack swell UID SOCKET COUNT     connects with so many groups, and keeps the connection until its input ends
 *   gate-attack pour UID SOCKET COUNT SEED frames that are good, mutated or noise, over connections that are made anew when they end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void tell(const char *what, long result) {
  printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
  fflush(stdout);
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) die("connect");
  return fd;
}

/* In the group that may use the sockets. */
static void become(uid_t uid) {
  const gid_t groups[] = {5000};
  if (setgroups(1, groups) < 0) die("setgroups");
  if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) die("setresuid");
}

static void put(uint8_t *at, uint32_t number) {
  memcpy(at, &number, 4);
}

/* ---- trees */

static long clear(int directory, const char *path, uint64_t attributes) {
  struct mount_attr change = {.attr_clr = attributes};
  return mount_setattr(directory, path, path[0] == 0 ? AT_EMPTY_PATH : 0, &change, sizeof change);
}

static long clear_of_copy(int directory, const char *path) {
  int copy = open_tree(directory, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == 0 ? AT_EMPTY_PATH : 0));
  return copy < 0 ? -1 : clear(copy, "", MOUNT_ATTR_NODEV);
}

static long clear_deeper(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -1;
  return clear(AT_FDCWD, "/t", MOUNT_ATTR_NODEV);
}

static long clear_of_bind(void) {
  if (mount("/t", "/u", NULL, MS_BIND, NULL) < 0) return -1;
  return mount(NULL, "/u", NULL, MS_REMOUNT | MS_BIND, NULL);
}

static long open_through_overlay(void) {
  if (mount("overlay", "/o", "overlay", 0, "lowerdir=/t:/u") < 0) return -1;
  return open("/o/device", O_RDWR | O_CLOEXEC);
}

static long write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  return fd < 0 ? -1 : write(fd, text, strlen(text));
}

static void attack(int user_namespace, int tree) {
  char text[32] = "";
  struct stat facts;
  struct statvfs flags;
  if (setns(user_namespace, CLONE_NEWUSER) < 0) die("enter the user namespace");
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || unshare(CLONE_NEWNS) < 0) die("be root inside");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0) die("prepare");
  if (chdir("/proc") < 0 || mkdir("t", 0755) < 0 || mkdir("u", 0755) < 0 || mkdir("o", 0755) < 0) die("prepare");
  tell("open the device before", openat(tree, "device", O_RDWR | O_CLOEXEC));
  tell("clear nodev before", clear(tree, "", MOUNT_ATTR_NODEV));
  tell("clear nodev of a copy before", clear_of_copy(tree, ""));
  tell("attach", move_mount(tree, "", AT_FDCWD, "/proc/t", MOVE_MOUNT_F_EMPTY_PATH));
  if (chroot("/proc") < 0 || chdir("/") < 0) die("chroot");
  int file = open("/t/file", O_RDONLY | O_CLOEXEC);
  tell("read", file < 0 ? -1 : read(file, text, sizeof text - 1));
  printf("content: %s\n", text);
  tell("write", write_file("/t/made", "made"));
  tell("chown", chown("/t/made", 5, 6));
  if (stat("/t/file", &facts) == 0) printf("owner: %u %u\n", facts.st_uid, facts.st_gid);
  if (statvfs("/t", &flags) == 0) printf("flags: %d %d\n", (flags.f_flag & ST_NOSUID) != 0, (flags.f_flag & ST_NODEV) != 0);
  tell("open the device", open("/t/device", O_RDWR | O_CLOEXEC));
  tell("open the device through an overlay", open_through_overlay());
  tell("make a device", mknod("/t/own", S_IFCHR | 0666, 0x103));
  tell("remount", mount(NULL, "/t", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
  tell("remount nodev alone", mount(NULL, "/t", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
  tell("clear nodev", clear(AT_FDCWD, "/t", MOUNT_ATTR_NODEV));
  tell("clear nosuid", clear(AT_FDCWD, "/t", MOUNT_ATTR_NOSUID));
  tell("clear nodev of a copy", clear_of_copy(AT_FDCWD, "/t"));
  tell("clear nodev of a directory's copy", clear_of_copy(AT_FDCWD, "/t/directory"));
  tell("clear nodev of a bind", clear_of_bind());
  struct mount_attr map = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
  int copy = open_tree(AT_FDCWD, "/t", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  tell("map ids anew", mount_setattr(copy, "", AT_EMPTY_PATH, &map, sizeof map));
  tell("mount on it", mount("tmpfs", "/t/directory", "tmpfs", 0, NULL));
  tell("clear nodev in a namespace below", clear_deeper());
}

static void take_tree(const char *path) {
  uint8_t frame[65536] = {'I', 'S', 'O', 'M', 1, 0, 4, 0};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(2 * sizeof(int))];
  } control;
  struct iovec part = {frame, sizeof frame};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  int server = connect_to(path), fds[2];
  if (write(server, frame, 12) != 12) die("ask");
  ssize_t length = recvmsg(server, &message, MSG_CMSG_CLOEXEC);
  const struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header == NULL || header->cmsg_len != CMSG_LEN(sizeof fds)) {
    printf("no tree\n");
    exit(0);
  }
  memcpy(fds, CMSG_DATA(header), sizeof fds);
  printf("frame: ");
  for (ssize_t i = 0; i < length; i++) printf("%02x", frame[i]);
  printf("\n");
  attack(fds[0], fds[1]);
}

static void own_tree(uid_t uid, const char *directory) {
  struct mount_attr change = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP, .propagation = MS_PRIVATE};
  char path[64], map[64];
  int tree = open_tree(AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), ready[2];
  if (pipe(ready) < 0) die("pipe");
  pid_t holder = fork();
  if (holder == 0) {
    become(uid);
    if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  if (tree < 0 || read(ready[0], path, 1) != 1) die("prepare");
  snprintf(map, sizeof map, "0 %u 1\n1 1500000000 65535\n", uid);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "/proc/%d/%cid_map", holder, "ug"[i]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, map, strlen(map)) < 0) die("map");
  }
  snprintf(path, sizeof path, "/proc/%d/ns/user", holder);
  int user_namespace = open(path, O_RDONLY | O_CLOEXEC);
  change.userns_fd = (uint64_t)user_namespace;
  if (mount_setattr(tree, "", AT_EMPTY_PATH, &change, sizeof change) < 0) die("mount_setattr");
  become(uid);
  attack(user_namespace, tree);
  kill(holder, SIGKILL);
  exit(0);
}

static void harass(int signal_number) {
  struct pollfd input = {.events = POLLIN};
  long found = 0;
  printf("begun\n");
  fflush(stdout);
  while (poll(&input, 1, 0) == 0)
    for (int i = 0; i < 100; i++) found += kill(-1, signal_number) == 0;
  printf("%ld\n", found);
}

/* ---- a front that lies */

static void send_frame(int broker, uint32_t connection, uint32_t operation, const void *body, uint32_t length, int fd) {
  uint8_t bytes[65536];
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {bytes, 12 + (length < 60000 ? length : 0)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  put(bytes, length);
  put(bytes + 4, connection);
  put(bytes + 8, operation);
  if (length < 60000) memcpy(bytes + 12, body, length);
  if (fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  }
  if (sendmsg(broker, &message, MSG_NOSIGNAL) < 0) die("sendmsg");
}

static int is(const char *one, const char *other) {
  return strcmp(one, other) == 0;
}

/* Each case first brings one honest connection, whose other end shows that it is shut down with the front. */
static void lie(const char *path, const char *what) {
  static const uint8_t kind[4] = {0}, query[] = "ISOM\1\0\6\0\016\0\0\0\016\0\0\0\6\0\0\0status";
  int broker = connect_to(path), pair[2], more[2], listening = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, more) < 0) die("socketpair");
  if (bind(listening, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 || listen(listening, 1) < 0) die("listen");
  send_frame(broker, 1, 1, kind, 4, pair[0]);
  send_frame(broker, 1, 2, query, sizeof query - 1, -1);
  if (is(what, "no descriptor")) send_frame(broker, 2, 1, kind, 4, -1);
  if (is(what, "number again")) send_frame(broker, 1, 1, kind, 4, more[0]);
  if (is(what, "number zero")) send_frame(broker, 0, 1, kind, 4, more[0]);
  if (is(what, "unknown kind")) send_frame(broker, 2, 1, "\2\0\0\0", 4, more[0]);
  if (is(what, "file")) send_frame(broker, 2, 1, kind, 4, open("/dev/null", O_RDWR));
  if (is(what, "internet socket")) send_frame(broker, 2, 1, kind, 4, socket(AF_INET, SOCK_STREAM, 0));
  if (is(what, "datagram socket")) send_frame(broker, 2, 1, kind, 4, socket(AF_UNIX, SOCK_DGRAM, 0));
  if (is(what, "listening socket")) send_frame(broker, 2, 1, kind, 4, listening);
  if (is(what, "unconnected socket")) send_frame(broker, 2, 1, kind, 4, socket(AF_UNIX, SOCK_STREAM, 0));
  if (is(what, "unknown connection")) send_frame(broker, 7, 2, query, sizeof query - 1, -1);
  if (is(what, "closed twice")) send_frame(broker, 1, 3, "", 0, -1), send_frame(broker, 1, 3, "", 0, -1);
  if (is(what, "malformed message")) send_frame(broker, 1, 2, query, sizeof query - 2, -1);
  if (is(what, "unknown operation")) send_frame(broker, 1, 17, "", 0, -1);
  if (is(what, "huge length")) send_frame(broker, 1, 2, "", 0xfffffff0, -1);
  if (is(what, "stray descriptor")) send_frame(broker, 1, 2, query, sizeof query - 1, more[0]);
  close(pair[0]);
  struct pollfd polls[2] = {{.fd = broker, .events = POLLIN}, {.fd = pair[1], .events = POLLIN}};
  char byte;
  for (int i = 0; i < 2; i++) {
    if (poll(&polls[i], 1, is(what, "nothing") ? 100 : 10000) < 0) die("poll");
    ssize_t count = polls[i].revents == 0 ? 1 : recv(polls[i].fd, &byte, 1, 0);
    printf("%s: %s\n", i == 0 ? "broker" : "client", count <= 0 ? "ended" : "open");
  }
}

static void activate(uid_t uid, const char *directory, const char *program, const char *broker) {
  static const char *const names[] = {"metrics", "client"};
  char pid[32];
  for (int i = 0; i < 2; i++) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", directory, names[i]);
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 100) < 0) die("listen");
    if (fd == 3 + i ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, 3 + i) < 0) die("dup2");
  }
  become(uid);
  snprintf(pid, sizeof pid, "%d", getpid());
  if (setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", "2", 1) < 0 || setenv("LISTEN_FDNAMES", "metrics:client", 1) < 0) die("setenv");
  printf("listening\n");
  fflush(stdout);
  if (read(0, pid, 1) < 0) die("wait");
  execl(program, program, "front", "--systemd", broker, NULL);
  die("execl");
}

/* ---- many connections, many frames */

enum { USER_CONNECTIONS = 512 };

static void crowd(const char *path, int count) {
  struct rlimit files;
  char byte;
  int *fds = calloc((size_t)count, sizeof *fds), open_count = 0;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0 || fds == NULL) die("prepare");
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 0; i < count; i++) fds[i] = connect_to(path);
  /* They are taken in order: of so many the last one is refused, and with its end all others were taken or refused. */
  struct pollfd last = {fds[count - 1], POLLIN, 0};
  if (count > USER_CONNECTIONS && poll(&last, 1, 60000) < 1) die("wait for a refusal");
  for (int i = 0; i < count; i++)
    if (recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) open_count++;
  printf("open: %d\n", open_count);
  fflush(stdout);
  if (read(0, &byte, 1) < 0) die("wait");
}

static void wait_for_input(void) {
  char byte;
  while (read(0, &byte, 1) > 0) continue;
}

static int connect_as_child(uid_t uid, const char *path, pid_t *child) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if ((*child = fork()) == 0) {
    become(uid);
    _exit(connect(fd, (const struct sockaddr *)&address, sizeof address) < 0);
  }
  int status;
  if (waitpid(*child, &status, 0) < 0 || status != 0) die("connect");
  return fd;
}

/* Once the number of the process that connected is another's. */
static bool take_number(pid_t number) {
  pid_t parent = getpid();
  for (int tries = 0; tries < 1000; tries++) {
    char text[16];
    snprintf(text, sizeof text, "%d", number - 1);
    if (write_file("/proc/sys/kernel/ns_last_pid", text) < 0) die("ns_last_pid");
    pid_t other = fork();
    if (other == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(0); /* the signal would not come any more */
      for (;;) pause();
    }
    if (other == number) return true;
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
  }
  return false;
}

static void lend(uid_t uid, const char *path, bool reuse) {
  pid_t child;
  int fd = connect_as_child(uid, path, &child);
  if (reuse && !take_number(child)) die("take the number");
  printf("%d\n", child);
  fflush(stdout);
  wait_for_input();
  close(fd);
}

static void swell(uid_t uid, const char *path, size_t count) {
  gid_t *groups = calloc(count, sizeof *groups);
  for (size_t i = 0; i < count; i++) groups[i] = (gid_t)(100000 + i);
  groups[0] = 5000;
  if (setgroups(count, groups) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) die("become");
  int fd = connect_to(path);
  wait_for_input();
  close(fd);
}

static uint64_t state;

static uint32_t chance(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)((state >> 16) % below);
}

static uint32_t add_item(uint8_t *frame, uint32_t at, uint32_t tag, uint32_t length) {
  put(frame + at, tag);
  put(frame + at + 4, length);
  for (uint32_t i = 0; i < length; i++) frame[at + 8 + i] = (uint8_t)('a' + chance(26));
  return at + 8 + length;
}

static uint32_t make_good(uint8_t *frame) {
  uint32_t at = 12, kind = 1 + chance(6);
  if (kind == 1) {
    for (uint32_t left = chance(6); left > 0; left--) at = add_item(frame, at, 1, chance(chance(20) == 0 ? 3000 : 20));
    at = add_item(frame, at, 2, chance(100));
    for (uint32_t left = chance(3); left > 0; left--) at = add_item(frame, at, 3, chance(40));
    at = add_item(frame, at, 4, 4);
  } else if (kind == 2) {
    at = add_item(frame, add_item(frame, add_item(frame, at, 5, chance(200)), 6, 4), 7, chance(32));
    at = add_item(frame, add_item(frame, at, 8, chance(100)), 1, chance(50));
  } else if (kind == 3) {
    if (chance(2) == 0) at = add_item(frame, at, 9, 24);
    if (chance(2) == 0) at = add_item(frame, at, 10, chance(2000));
    if (chance(2) == 0) at = add_item(frame, at, 11, 4);
  } else if (kind == 5) {
    at = add_item(frame, add_item(frame, at, 12, 4), 13, 4);
  } else if (kind == 6) {
    at = add_item(frame, at, 14, chance(32));
  }
  memcpy(frame, "ISOM\1\0", 6);
  frame[6] = (uint8_t)kind;
  frame[7] = 0;
  put(frame + 8, at - 12);
  return at;
}

/* Returns the length; `*good` tells whether it is known to be good. */
static uint32_t make_frame(uint8_t *frame, int *good) {
  uint32_t length = make_good(frame), how = chance(8);
  *good = how < 4;
  if (how == 4) for (uint32_t i = 0; i < length; i++) frame[i] = (uint8_t)chance(256);
  if (how == 5) for (uint32_t left = 1 + chance(4); left > 0; left--) frame[chance(length)] ^= (uint8_t)(1 << chance(8));
  if (how == 6) put(frame + 8, chance(2) ? 0xffffffffU - chance(100) : 1024 * 1024 - chance(100));
  if (how == 7) length = length > 12 ? 12 + chance(length - 12) : 4;
  return length;
}

static void pour(const char *path, long count, uint64_t seed) {
  static uint8_t frame[65536];
  long known_good = 0, connections = 0;
  int fd = -1, clean = 0, good;
  char answers[4096];
  state = seed * 0x9e3779b97f4a7c15u + 1;
  signal(SIGPIPE, SIG_IGN);
  for (long i = 0; i < count; i++) {
    if (fd < 0) fd = connect_to(path), clean = 1, connections++;
    uint32_t length = make_frame(frame, &good);
    if (write(fd, frame, length) != (ssize_t)length) good = clean = 0;
    clean = clean && good;
    known_good += clean;
    if (clean && chance(50) > 0) continue;
    /* What is cut off is not waited for. */
    shutdown(fd, SHUT_WR);
    while (read(fd, answers, sizeof answers) > 0) continue;
    close(fd);
    fd = -1;
  }
  if (fd >= 0) {
    shutdown(fd, SHUT_WR);
    while (read(fd, answers, sizeof answers) > 0) continue;
  }
  printf("%ld %ld\n", known_good, connections);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  uid_t uid = (uid_t)atoi(argv[2]);
  if (is(argv[1], "own-tree")) own_tree(uid, argv[3]);
  if (is(argv[1], "activate") && argc == 6) activate(uid, argv[3], argv[4], argv[5]);
  if (is(argv[1], "lend") && argc == 5) return lend(uid, argv[3], is(argv[4], "reuse")), 0;
  if (is(argv[1], "swell") && argc == 5) return swell(uid, argv[3], (size_t)atol(argv[4])), 0;
  become(uid);
  if (is(argv[1], "take-tree")) take_tree(argv[3]);
  if (is(argv[1], "harass")) harass(atoi(argv[3]));
  if (is(argv[1], "lie") && argc == 5) lie(argv[3], argv[4]);
  if (is(argv[1], "crowd") && argc == 5) crowd(argv[3], atoi(argv[4]));
  if (is(argv[1], "pour") && argc == 6) pour(argv[3], atol(argv[4]), strtoull(argv[5], NULL, 10));
  return 0;
}
