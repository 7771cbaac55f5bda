/*
 * Stands between the front, which may lie about everything, and the daemon, which is trusted. From the front come only a client's bytes;
 * the kernel says who the client is.
 */
#include "gate.h"

#include <poll.h>
#include <sys/epoll.h>

enum { FRONT_MESSAGE_MAX = WIRE_CLIENT_FRAME_MAX, DAEMON_MESSAGE_MAX = WIRE_HEADER + DAEMON_BODY_MAX, TICK_MS = 200 };
enum { DAEMON_QUEUE_MAX = 4 * 1024 * 1024, GROUPS_MAX = 1024, OPENED_HEADER = 28, OPENED_MAX = OPENED_HEADER + 4 * GROUPS_MAX, ORDER_HEADER = 24 };
/* Larger than any connection's number. */
#define EVENT_DAEMON ((uint64_t)1 << 32)
#define EVENT_ANSWERS ((uint64_t)2 << 32)
#define EVENT_FRONT ((uint64_t)3 << 32)
#define EVENT_LISTENER ((uint64_t)4 << 32)

static struct queue from_daemon, to_daemon;
static uint8_t from_front[LINK_HEADER + FRONT_MESSAGE_MAX];
static size_t from_front_length;
static int epoll, front = -1, listener = -1, handed_over = -1; /* handed_over: came with a frame not read whole yet */
static uint32_t last_number, base_number; /* a front counts from 1; the daemon's numbers go on behind those of the front before */
static bool daemon_is_slow, front_is_paused;
static const struct options *settings;

static void watch(int fd, int operation, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  if (epoll_ctl(epoll, operation, fd, &event) < 0) fail("wait for a descriptor");
}

static void flush_to_daemon(void) {
  while (to_daemon.from < to_daemon.to) {
    ssize_t count = write(STDOUT_FILENO, to_daemon.bytes + to_daemon.from, to_daemon.to - to_daemon.from);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) exit(0);
    if (count < 0) break;
    to_daemon.from += (size_t)count;
  }
  bool slow = to_daemon.from < to_daemon.to;
  if (slow != daemon_is_slow) watch(STDOUT_FILENO, EPOLL_CTL_MOD, slow ? EPOLLOUT : 0, EVENT_ANSWERS);
  daemon_is_slow = slow;
  if (!slow && to_daemon.capacity > TURN_BYTES) queue_free(&to_daemon);
  if (!slow) to_daemon.from = to_daemon.to = 0;
  bool paused = to_daemon.to - to_daemon.from > DAEMON_QUEUE_MAX;
  if (front >= 0 && paused != front_is_paused) watch(front, EPOLL_CTL_MOD, paused ? 0 : EPOLLIN, EVENT_FRONT);
  front_is_paused = paused;
}

static void tell_daemon(uint32_t number, enum operation operation, const void *body, size_t length) {
  uint8_t header[LINK_HEADER];
  put_link_header(header, length, number, operation);
  if (!queue_add(&to_daemon, header, sizeof header) || !queue_add(&to_daemon, body, length)) fail("keep a message for the daemon");
}

static void tell_failed(uint32_t number, enum tree_step step) {
  uint8_t body[8];
  wire_put(body + 4, (uint32_t)errno);
  wire_put(body, step);
  tell_daemon(number, OPERATION_FAILED, body, sizeof body);
}

static void tell_closed(struct peer *peer) {
  tell_daemon(peer->number, OPERATION_CLOSED, NULL, 0);
}

/* Its client did not end it, and may run on. */
static void tell_lost(struct peer *peer) {
  uint8_t body[4];
  wire_put(body, 1);
  tell_daemon(peer->number, OPERATION_CLOSED, body, sizeof body);
}

/* The front, with all its connections. */
static void drop_front(const char *why) {
  fprintf(stderr, "isolate-gate: %s\n", why);
  peers_remove_all(tell_lost);
  flush_to_daemon();
  if (listener < 0) exit(1);
  close(front);
  if (handed_over >= 0) close_connection(handed_over);
  front = handed_over = -1;
  from_front_length = 0;
  base_number = last_number;
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/*
 * When the process that connected was started, in ticks since boot (field 22 of proc_pid_stat(5)); 0: it has ended, or is not to
 * be seen from here. Its number could be another's by now: where the kernel has SO_PEERPIDFD (Linux 6.5) it is known to be its own.
 */
static uint64_t start_of(int connection, pid_t pid) {
  char path[32], text[1024] = "";
  int process = -1;
  socklen_t size = sizeof process;
  if (pid == 0 || (getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &process, &size) < 0 && errno != ENOPROTOOPT)) return 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && read(fd, text, sizeof text - 1) < 0) text[0] = 0;
  if (fd >= 0) close(fd);
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  uint64_t start = at == NULL ? 0 : strtoull(at, NULL, 10);
  struct pollfd ended = {process, POLLIN, 0};
  if (process >= 0 && poll(&ended, 1, 0) != 0) start = 0;
  if (process >= 0) close(process);
  return start;
}

static bool open_peer(uint32_t number, const uint8_t *body, size_t length) {
  static uint8_t opened[OPENED_MAX];
  static gid_t groups[GROUPS_MAX];
  struct ucred peer;
  socklen_t size = sizeof peer, groups_size = sizeof groups;
  uint32_t kind = length == 4 ? wire_get(body) : UINT32_MAX;
  if (kind > KIND_METRICS || number <= last_number || handed_over < 0 || !is_unix_stream(handed_over, false)) return false;
  if (getsockopt(handed_over, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == (uid_t)-1) return false;
  /* A client with more counts as having none: a user with subordinate ids could give each connection thousands to store. */
  if (getsockopt(handed_over, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0) groups_size = 0;
  uint64_t start = start_of(handed_over, peer.pid);
  if (peers_add(number, kind, peer.uid, handed_over) == NULL) return false;
  handed_over = -1;
  last_number = number;
  uint32_t count = groups_size / (uint32_t)sizeof *groups;
  const uint32_t facts[] = {kind, peer.uid, peer.gid, (uint32_t)peer.pid, (uint32_t)start, (uint32_t)(start >> 32), count};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) wire_put(opened + 4 * i, facts[i]);
  for (size_t i = 0; i < count; i++) wire_put(opened + OPENED_HEADER + 4 * i, groups[i]);
  tell_daemon(number, OPERATION_OPENED, opened, OPENED_HEADER + 4 * count);
  return true;
}

static bool obey_front(uint32_t number, uint32_t operation, const uint8_t *body, size_t length) {
  if (number == 0 || number > UINT32_MAX - base_number) return false;
  number += base_number;
  if (operation == OPERATION_OPENED) return open_peer(number, body, length);
  struct peer *peer = peers_find(number);
  if (peer == NULL) return false;
  if (operation == OPERATION_CLOSED && length == 0) {
    tell_closed(peer);
    peers_remove(peer);
    return true;
  }
  if (operation != OPERATION_MESSAGE || !wire_check(body, length, WIRE_CLIENT)) return false;
  if (!peer->shut && !peer->closing) tell_daemon(number, OPERATION_MESSAGE, body, length);
  return true;
}

/* As read(2), with the descriptor that came along in `handed_over`. A second one before the first was used breaks the protocol. */
static ssize_t receive(void *into, size_t room) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {into, room};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t count = recvmsg(front, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count <= 0) return count;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  bool had = handed_over >= 0, truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  if (header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    if (had) close_connection(fd);
    else handed_over = fd;
  }
  errno = EPROTO;
  return truncated || (had && header != NULL) ? -1 : count;
}

static void read_front(void) {
  ssize_t count = receive(from_front + from_front_length, sizeof from_front - from_front_length);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count == 0) return drop_front("The front has ended.");
  if (count < 0) return drop_front("The front misbehaves.");
  from_front_length += (size_t)count;
  size_t at = 0;
  while (from_front_length - at >= LINK_HEADER) {
    const uint8_t *frame = from_front + at;
    size_t length = wire_get(frame);
    if (length > FRONT_MESSAGE_MAX) return drop_front("The front misbehaves.");
    if (from_front_length - at - LINK_HEADER < length) break;
    if (!obey_front(wire_get(frame + 4), wire_get(frame + 8), frame + LINK_HEADER, length)) return drop_front("The front misbehaves.");
    at += LINK_HEADER + length;
  }
  from_front_length -= at;
  if (at > 0) memmove(from_front, from_front + at, from_front_length);
  if (handed_over >= 0 && from_front_length == 0) drop_front("The front misbehaves.");
}

static void accept_front(void) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  bool right = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == settings->user || peer.uid == 0);
  if (!right || front >= 0) {
    close(fd);
    return;
  }
  front = fd;
  front_is_paused = false;
  watch(front, EPOLL_CTL_ADD, EPOLLIN, EVENT_FRONT);
}

static bool read_order(const uint8_t *body, size_t length, struct tree_order *order) {
  size_t maps = sizeof(struct tree_map);
  if (length < ORDER_HEADER) return false;
  *order = (struct tree_order){.uid = wire_get(body), .gid = wire_get(body + 4), .idmap = wire_get(body + 8) == 1};
  order->uid_count = wire_get(body + 12);
  order->gid_count = wire_get(body + 16);
  order->device = wire_get(body + 20);
  if (order->uid_count > TREE_MAPS_MAX || order->gid_count > TREE_MAPS_MAX) return false;
  size_t path_at = ORDER_HEADER + maps * (order->uid_count + order->gid_count);
  if (length <= path_at || length - path_at >= sizeof order->path || memchr(body + path_at, 0, length - path_at) != NULL) return false;
  for (uint32_t i = 0; i < order->uid_count + order->gid_count; i++) {
    const uint8_t *at = body + ORDER_HEADER + maps * i;
    struct tree_map *map = i < order->uid_count ? &order->uid_maps[i] : &order->gid_maps[i - order->uid_count];
    *map = (struct tree_map){wire_get(at), wire_get(at + 4), wire_get(at + 8)};
  }
  memcpy(order->path, body + path_at, length - path_at);
  return true;
}

static size_t write_tree(uint8_t *frame, size_t size, const struct tree_order *order) {
  struct wire_writer writer;
  uint8_t map[12];
  wire_begin(&writer, frame, size, MESSAGE_TREE);
  for (uint32_t i = 0; i < order->uid_count + order->gid_count; i++) {
    bool uid = i < order->uid_count;
    const struct tree_map *from = uid ? &order->uid_maps[i] : &order->gid_maps[i - order->uid_count];
    wire_put(map, from->inside);
    wire_put(map + 4, from->outside);
    wire_put(map + 8, from->count);
    wire_add(&writer, uid ? ITEM_UID_MAP : ITEM_GID_MAP, map, sizeof map);
  }
  return wire_end(&writer, WIRE_DAEMON);
}

static void give_tree(struct peer *peer, const uint8_t *body, size_t length) {
  static struct tree_order order;
  static uint8_t frame[WIRE_HEADER + 2 * TREE_MAPS_MAX * (WIRE_ITEM_HEADER + 12)];
  int made[2] = {-1, -1};
  errno = EINVAL;
  bool sound = read_order(body, length, &order) && (order.uid != 0 || peer->uid == 0);
  enum tree_step step = sound ? tree_make(&order, settings->shelf, made) : TREE_MAP;
  if (step != TREE_DONE) return tell_failed(peer->number, step);
  if (!peer_send_tree(peer, frame, write_tree(frame, sizeof frame, &order), made)) tell_failed(peer->number, TREE_SEND);
}

static void obey_daemon(uint32_t number, uint32_t operation, const uint8_t *body, size_t length) {
  struct peer *peer = peers_find(number);
  if (operation < OPERATION_SEND || operation > OPERATION_CLOSE) exit(1);
  if (peer == NULL) return; /* its end is on the way to the daemon */
  if (operation == OPERATION_SEND) peer_send(peer, body, length);
  else if (operation == OPERATION_TREE) give_tree(peer, body, length);
  else peer_close(peer);
}

static void read_daemon(void) {
  static uint8_t bytes[4 * TURN_BYTES];
  ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) exit(0);
  if (!queue_add(&from_daemon, bytes, (size_t)count)) fail("keep the daemon's message");
  while (from_daemon.to - from_daemon.from >= LINK_HEADER) {
    const uint8_t *frame = from_daemon.bytes + from_daemon.from;
    size_t length = wire_get(frame);
    errno = EPROTO;
    if (length > DAEMON_MESSAGE_MAX) fail("read the daemon's message");
    if (from_daemon.to - from_daemon.from - LINK_HEADER < length) return;
    obey_daemon(wire_get(frame + 4), wire_get(frame + 8), frame + LINK_HEADER, length);
    from_daemon.from += LINK_HEADER + length;
  }
  if (from_daemon.from == from_daemon.to && from_daemon.capacity > 8 * TURN_BYTES) queue_free(&from_daemon);
}

static void obey_event(uint64_t which, uint32_t events) {
  if (which == EVENT_DAEMON) return read_daemon();
  if (which == EVENT_FRONT && front >= 0) return read_front();
  if (which == EVENT_LISTENER) return accept_front();
  if (which == EVENT_ANSWERS && (events & EPOLLOUT) == 0) exit(0);
  struct peer *peer = which < EVENT_DAEMON ? peers_find((uint32_t)which) : NULL;
  if (peer != NULL) peer_flush(peer);
}

void broker_main(int first_front, int front_listener, const struct options *options) {
  struct epoll_event events[64];
  bool waiting = false;
  front = first_front;
  listener = front_listener;
  settings = options;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("wait for messages");
  peers_begin(epoll);
  for (int fd = 0; fd < 2; fd++)
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) fail("use the daemon's pipes");
  watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN, EVENT_DAEMON);
  watch(STDOUT_FILENO, EPOLL_CTL_ADD, 0, EVENT_ANSWERS);
  if (front >= 0) watch(front, EPOLL_CTL_ADD, EPOLLIN, EVENT_FRONT);
  if (listener >= 0) watch(listener, EPOLL_CTL_ADD, EPOLLIN, EVENT_LISTENER);
  tell_daemon(0, OPERATION_READY, NULL, 0);
  for (;;) {
    flush_to_daemon();
    int count = epoll_wait(epoll, events, 64, waiting ? TICK_MS : -1);
    if (count < 0 && errno != EINTR) fail("wait for messages");
    for (int i = 0; i < count; i++) obey_event(events[i].data.u64, events[i].events);
    waiting = peers_expire(1000 * (uint64_t)options->frame_seconds);
  }
}
