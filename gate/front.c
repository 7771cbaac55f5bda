/*
 * Everything that clients send is read and checked here, without any rights. The broker's socket blocks, so clients wait while the broker
 * is busy, and only unfinished frames pile up here, which are counted.
 */
#include "gate.h"

#include <malloc.h>
#include <sys/epoll.h>

enum { SLOT_CLIENTS = CONNECTIONS_MAX, SLOT_METRICS, SLOT_BROKER, TICK_MS = 200, REQUEST_MAX = 8192, SMALLEST = 4096 };
enum { EVENTS = 64, ACCEPTS = 16, USER_TURN_BYTES = 2 * TURN_BYTES };

struct connection {
  int fd; /* -1: the slot is free */
  uint32_t number;
  uid_t uid;
  bool metrics, asked;
  uint8_t *bytes; /* the beginning of an unfinished frame */
  size_t length, capacity;
  uint64_t deadline; /* 0: no frame is under way */
};

static struct connection connections[CONNECTIONS_MAX];
static size_t capacity_of_all, open_count, waiting_count, limit = CONNECTIONS_MAX;
static uint8_t scratch[TURN_BYTES];
static int epoll, broker;
static uint32_t last_number;
static uint64_t frame_ms;

/**
 * What users have sent in this turn. A user who has sent much waits for the next turn, so that a turn does not take longer for a user
 * with more connections.
 */
static struct {
  uid_t uid;
  size_t bytes;
} spent[EVENTS];
static size_t spent_count;

/* Without the broker there is nothing to serve: all connections end with this process. */
static void send_all(const uint8_t *bytes, size_t length, int descriptor) {
  int descriptors[2] = {descriptor, -1};
  for (size_t at = 0; at < length;) {
    ssize_t sent = send_with(broker, bytes + at, length - at, descriptors, 0);
    if (sent <= 0) exit(0);
    descriptors[0] = -1;
    at += (size_t)sent;
  }
}

static void tell_broker(uint32_t number, enum operation operation, const uint8_t *body, size_t length, int descriptor) {
  uint8_t small[LINK_HEADER + SMALLEST];
  put_link_header(small, length, number, operation);
  bool fits = length <= SMALLEST;
  if (fits && length > 0) memcpy(small + LINK_HEADER, body, length);
  send_all(small, LINK_HEADER + (fits ? length : 0), descriptor);
  if (!fits) send_all(body, length, -1);
}

static void watch(int fd, uint32_t slot) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = slot};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("watch a connection");
}

static void set_deadline(struct connection *connection, bool waits) {
  if (waits == (connection->deadline != 0)) return;
  connection->deadline = waits ? now_ms() + frame_ms : 0;
  waiting_count += waits ? 1 : (size_t)-1;
}

static void drop_bytes(struct connection *connection) {
  capacity_of_all -= connection->capacity;
  free(connection->bytes);
  connection->bytes = NULL;
  connection->length = connection->capacity = 0;
}

/* The broker has the same open socket, so it must be unregistered and shut down before it is closed. */
static void end(struct connection *connection) {
  drop_bytes(connection);
  set_deadline(connection, false);
  epoll_ctl(epoll, EPOLL_CTL_DEL, connection->fd, NULL);
  shutdown(connection->fd, SHUT_RDWR);
  close_connection(connection->fd);
  connection->fd = -1;
  open_count--;
  tell_broker(connection->number, OPERATION_CLOSED, NULL, 0, -1);
}

static bool user_may_connect(uid_t uid) {
  size_t count = 0;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++)
    if (connections[i].fd >= 0 && connections[i].uid == uid) count++;
  return open_count < limit && count < (uid == 0 ? ROOT_CONNECTIONS_MAX : USER_CONNECTIONS_MAX);
}

/* False: nobody waits. */
static bool accept_one(int listener, bool metrics) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  uint8_t kind[4];
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  /* The host is short of descriptors or memory: pause, because the listener stays ready. */
  if (fd < 0 && (errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) usleep(10000);
  if (fd < 0) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || !user_may_connect(peer.uid)) {
    close_connection(fd);
    return true;
  }
  uint32_t slot = 0;
  while (connections[slot].fd >= 0) slot++;
  if (last_number == UINT32_MAX) exit(0);
  connections[slot] = (struct connection){.fd = fd, .number = ++last_number, .uid = peer.uid, .metrics = metrics};
  open_count++;
  set_deadline(&connections[slot], metrics);
  watch(fd, slot);
  wire_put(kind, metrics ? KIND_METRICS : KIND_CLIENT);
  tell_broker(last_number, OPERATION_OPENED, kind, sizeof kind, fd);
  return true;
}

static size_t *spent_by(uid_t uid) {
  for (size_t i = 0; i < spent_count; i++)
    if (spent[i].uid == uid) return &spent[i].bytes;
  spent[spent_count].uid = uid;
  spent[spent_count].bytes = 0;
  return &spent[spent_count++].bytes;
}

/* Room for more of the frame: as much again as has come, never as much as its prefix announces. */
static bool grow(struct connection *connection, size_t wanted) {
  size_t of_user = 0, capacity = connection->length * 2 < SMALLEST ? SMALLEST : connection->length * 2;
  if (capacity > wanted) capacity = wanted < SMALLEST ? SMALLEST : wanted;
  if (capacity <= connection->capacity) return true;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++)
    if (connections[i].fd >= 0 && connections[i].uid == connection->uid) of_user += connections[i].capacity;
  size_t more = capacity - connection->capacity;
  if (capacity_of_all + more > UNFINISHED_MAX || of_user + more > USER_UNFINISHED_MAX) return false;
  uint8_t *bytes = realloc(connection->bytes, capacity);
  if (bytes == NULL) return false;
  connection->bytes = bytes;
  connection->capacity = capacity;
  capacity_of_all += more;
  return true;
}

/* Passes on the complete frames at the beginning of `bytes` and returns their length; -1 if one is malformed. */
static ssize_t hand_on(const struct connection *connection, const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (length - at >= WIRE_HEADER) {
    size_t whole = wire_frame_length(bytes + at, WIRE_CLIENT);
    if (whole == 0) return -1;
    if (whole > length - at) break;
    if (!wire_check(bytes + at, whole, WIRE_CLIENT)) return -1;
    tell_broker(connection->number, OPERATION_MESSAGE, bytes + at, whole, -1);
    at += whole;
  }
  return (ssize_t)at;
}

static bool keep_rest(struct connection *connection, const uint8_t *rest, size_t length) {
  if (length == 0) {
    drop_bytes(connection);
    return true;
  }
  if (connection->bytes != NULL) memmove(connection->bytes, rest, length);
  connection->length = length;
  if (connection->bytes != NULL) return true;
  if (!grow(connection, length) || connection->bytes == NULL) return false;
  memcpy(connection->bytes, rest, length);
  return true;
}

static bool read_frames(struct connection *connection) {
  bool begun = connection->bytes != NULL;
  size_t wanted = connection->length < WIRE_HEADER ? SMALLEST : wire_frame_length(connection->bytes, WIRE_CLIENT);
  if (begun && connection->length == connection->capacity && !grow(connection, wanted)) return false;
  uint8_t *into = begun ? connection->bytes + connection->length : scratch;
  size_t room = begun ? connection->capacity - connection->length : sizeof scratch;
  ssize_t count = receive_bytes(connection->fd, into, room < TURN_BYTES ? room : TURN_BYTES);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  *spent_by(connection->uid) += (size_t)count;
  const uint8_t *bytes = begun ? connection->bytes : scratch;
  size_t length = connection->length + (size_t)count;
  ssize_t done = hand_on(connection, bytes, length);
  if (done < 0 || !keep_rest(connection, bytes + done, length - (size_t)done)) return false;
  if (done > 0) set_deadline(connection, false);
  set_deadline(connection, connection->length > 0);
  return connection->deadline == 0 || now_ms() < connection->deadline;
}

/* The daemon does not get the content of such a request, because there is only one answer. Anything after it is dropped. */
static bool read_request(struct connection *connection) {
  uint8_t frame[64];
  struct wire_writer writer;
  if (!connection->asked && !grow(connection, REQUEST_MAX)) return false;
  uint8_t *into = connection->asked ? scratch : connection->bytes + connection->length;
  ssize_t count = receive_bytes(connection->fd, into, connection->asked ? sizeof scratch : connection->capacity - connection->length);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0 || connection->asked) return count > 0;
  connection->length += (size_t)count;
  if (memcmp(connection->bytes, "GET ", connection->length < 4 ? connection->length : 4) != 0) return false;
  if (memmem(connection->bytes, connection->length, "\r\n\r\n", 4) == NULL) return connection->length < REQUEST_MAX;
  if (memmem(connection->bytes, connection->length, " HTTP/1.", 8) == NULL) return false;
  drop_bytes(connection);
  set_deadline(connection, false);
  connection->asked = true;
  wire_begin(&writer, frame, sizeof frame, MESSAGE_QUERY);
  wire_add_text(&writer, ITEM_QUERY, "metrics");
  size_t length = wire_end(&writer, WIRE_CLIENT);
  if (length > 0) tell_broker(connection->number, OPERATION_MESSAGE, frame, length, -1);
  return length > 0;
}

/* One that has sent what was not read yet gets its turn first: the front may have been held up itself. */
static void expire(void) {
  uint64_t now = now_ms();
  uint8_t byte;
  for (size_t i = 0; i < CONNECTIONS_MAX && waiting_count > 0; i++) {
    struct connection *connection = &connections[i];
    if (connection->fd < 0 || connection->deadline == 0 || now < connection->deadline) continue;
    if (recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) end(connection);
  }
}

static void begin(const int fds[3], uint64_t seconds) {
  /* If the allocator can, it returns the memory that many unfinished frames have outgrown at once. */
  (void)mallopt(M_MMAP_THRESHOLD, TURN_BYTES);
  size_t files = restrict_front();
  broker = fds[2];
  frame_ms = seconds * 1000;
  if (files < CONNECTIONS_MAX + 32) limit = files > 32 ? files - 32 : 0;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) connections[i].fd = -1;
  for (uint32_t i = 0; i < 3; i++)
    if (fds[i] >= 0) watch(fds[i], SLOT_CLIENTS + i);
}

void front_main(int clients, int metrics, int to_broker, const struct options *options) {
  const int given[3] = {clients, metrics, to_broker};
  struct epoll_event events[EVENTS];
  uint64_t last = now_ms();
  for (int i = 0; i < 2; i++) {
    if (given[i] < 0) continue;
    if (!is_unix_stream(given[i], true) || fcntl(given[i], F_SETFL, O_NONBLOCK) < 0) fail("use a descriptor as a listening socket");
    refuse_descriptors(given[i]);
  }
  if (!is_unix_stream(to_broker, false) || fcntl(to_broker, F_SETFL, 0) < 0) fail("use a descriptor as the broker's socket");
  keep_descriptors(given, 3);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("wait for connections");
  begin(given, options->frame_seconds);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, waiting_count > 0 ? TICK_MS : -1);
    if (count < 0 && errno != EINTR) fail("wait for connections");
    spent_count = 0;
    for (int i = 0; i < count; i++) {
      uint32_t slot = events[i].data.u32;
      if (slot == SLOT_BROKER) exit(0); /* it sends nothing: this is its end */
      if (slot >= CONNECTIONS_MAX) {
        for (int j = 0; j < ACCEPTS && accept_one(slot == SLOT_METRICS ? metrics : clients, slot == SLOT_METRICS); j++) continue;
        continue;
      }
      struct connection *connection = &connections[slot];
      if (connection->fd < 0 || *spent_by(connection->uid) > USER_TURN_BYTES) continue;
      if ( !(connection->metrics ? read_request(connection) : read_frames(connection))) end(connection);
    }
    if (now_ms() - last < TICK_MS) continue;
    last = now_ms();
    expire();
  }
}
