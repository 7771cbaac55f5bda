/* A connection to the daemon: frames that come are checked whole, and descriptors are taken only where they belong. */
#include "client.h"

#include <sys/un.h>

enum { SEND_LIMIT_S = 5, TREE_LIMIT_MS = 30000, RUN_ID_MAX = 16 };
static const char directory_path[] = "/run/isolate";
static const char socket_path[] = "/run/isolate/isolated.sock";

/* A process that could replace the socket would get the environment and decide what is executed. */
static bool is_roots(void) {
  struct stat found;
  if (lstat(socket_path, &found) < 0 || !S_ISSOCK(found.st_mode) || found.st_uid != 0) return false;
  return lstat(directory_path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == 0 && (found.st_mode & 022) == 0;
}

int connection_open(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval limit = {.tv_sec = SEND_LIMIT_S}; /* also of connect(2), while more wait than the kernel queues */
  if (!is_roots()) return -1;
  memcpy(address.sun_path, socket_path, sizeof socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
      connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close_quietly(fd);
  return -1;
}

bool connection_send(int fd, const uint8_t *bytes, size_t length) {
  struct pollfd writable = {.fd = fd, .events = POLLOUT};
  for (size_t at = 0; at < length;) {
    ssize_t count = send(fd, bytes + at, length - at, MSG_NOSIGNAL);
    if (count > 0) at += (size_t)count;
    else if (count < 0 && errno == EAGAIN && poll(&writable, 1, SEND_LIMIT_S * 1000) > 0) continue; /* Node's does not block */
    else if (count == 0 || errno != EINTR) return false;
  }
  return true;
}

/* Takes at most `wanted` bytes, and the descriptors that came with them; 0: nothing yet, -1: nothing more. */
static ssize_t receive_part(int fd, struct frame *frame, uint8_t *to, size_t wanted) {
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof frame->descriptors)];
  } control;
  struct iovec part = {to, wanted};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t count = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  bool surplus = (message.msg_flags & MSG_CTRUNC) != 0;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item != NULL; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= item->cmsg_len; at += sizeof(int)) {
      int received;
      memcpy(&received, (char *)item + at, sizeof received);
      if (frame->descriptor_count < 2) frame->descriptors[frame->descriptor_count++] = received;
      else surplus = close(received) == 0 || true;
    }
  }
  errno = count == 0 ? ECONNRESET : EPROTO;
  return count == 0 || surplus ? -1 : count;
}

static bool allocate(struct frame *frame, const uint8_t *header) {
  frame->length = wire_frame_length(header, WIRE_DAEMON);
  if (frame->length == 0) return errno = EPROTO, false;
  frame->bytes = malloc(frame->length);
  if (frame->bytes != NULL) memcpy(frame->bytes, header, WIRE_HEADER);
  return frame->bytes != NULL;
}

static bool is_right(const struct frame *frame) {
  bool tree = wire_kind(frame->bytes) == MESSAGE_TREE;
  errno = EPROTO;
  return wire_check(frame->bytes, frame->length, WIRE_DAEMON) && (tree ? frame->descriptor_count > 0 : frame->descriptor_count == 0);
}

static enum arrival receive(int fd, int signals, int64_t deadline, struct frame *frame) {
  uint8_t header[WIRE_HEADER];
  size_t need = sizeof header;
  for (size_t have = 0; have < need;) {
    struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int64_t left = deadline - now_ms();
    /* What came in time counts, even if we were stopped until now. */
    int ready = poll(polls, 2, left > INT32_MAX ? -1 : left < 0 ? 0 : (int)left);
    if (ready == 0) errno = ETIMEDOUT;
    if (ready == 0 || (ready < 0 && errno != EINTR)) return ARRIVAL_FAILED;
    if (ready > 0 && polls[1].revents != 0) return ARRIVAL_SIGNAL;
    ssize_t count = receive_part(fd, frame, (frame->bytes == NULL ? header : frame->bytes) + have, need - have);
    if (count < 0) return ARRIVAL_FAILED;
    have += (size_t)count;
    if (have < need || frame->bytes != NULL) continue;
    if (!allocate(frame, header)) return ARRIVAL_FAILED;
    need = frame->length;
  }
  return is_right(frame) ? ARRIVAL_FRAME : ARRIVAL_FAILED;
}

enum arrival connection_receive(int fd, int signals, int limit_ms, struct frame *frame) {
  *frame = (struct frame){.descriptors = {-1, -1}};
  enum arrival arrival = receive(fd, signals, limit_ms < 0 ? INT64_MAX : now_ms() + limit_ms, frame);
  if (arrival != ARRIVAL_FRAME) frame_free(frame);
  return arrival;
}

void frame_free(struct frame *frame) {
  int error = errno;
  free(frame->bytes);
  for (size_t i = 0; i < frame->descriptor_count; i++) close(frame->descriptors[i]);
  *frame = (struct frame){.descriptors = {-1, -1}};
  errno = error;
}

/* The tree belongs to the ids of its namespace; with others the sandbox would not be what was planned. */
static bool has_maps(const struct frame *frame, uint32_t tag, const struct id_maps *maps) {
  struct wire_item item;
  size_t count = 0;
  for (size_t at = 0; wire_next(frame->bytes, frame->length, &at, &item);) {
    if (item.tag != tag) continue;
    if (count == maps->count || item.length != 12) return false;
    const struct id_map *map = &maps->items[count++];
    if (wire_get(item.value) != map->inside || wire_get(item.value + 4) != map->outside) return false;
    if (wire_get(item.value + 8) != map->count) return false;
  }
  return count == maps->count;
}

/* Says why the daemon refused, and sets errno. */
static bool tell_refusal(const struct frame *frame) {
  struct wire_item text;
  if (wire_kind(frame->bytes) != MESSAGE_REFUSE || !wire_find(frame->bytes, frame->length, ITEM_TEXT, &text)) return false;
  if (write(STDERR_FILENO, text.value, text.length) < 0) errno = 0;
  return errno = ECONNREFUSED, true;
}

static bool take_tree(struct frame *frame, const struct record *record, int *user_namespace, int *tree) {
  if (tell_refusal(frame)) return false;
  errno = EPROTO;
  if (wire_kind(frame->bytes) != MESSAGE_TREE) return false;
  bool given = record->map_writer == MAP_GIVEN;
  static const struct id_maps none;
  bool right = frame->descriptor_count == (given ? 2 : 1) && has_maps(frame, ITEM_UID_MAP, given ? &record->uid_maps : &none) &&
               has_maps(frame, ITEM_GID_MAP, given ? &record->gid_maps : &none);
  if (!right) return errno = EINVAL, false;
  if (given) *user_namespace = above_planned(frame->descriptors[0]);
  *tree = above_planned(frame->descriptors[given]);
  frame->descriptor_count = 0;
  return (!given || *user_namespace >= 0) && *tree >= 0;
}

bool connection_tree(int fd, const struct record *record, uint32_t number, int *user_namespace, int *tree) {
  uint8_t bytes[WIRE_HEADER + WIRE_ITEM_HEADER + 4];
  struct wire_writer writer;
  struct frame frame;
  wire_begin(&writer, bytes, sizeof bytes, MESSAGE_MOUNT);
  if (fd < 0) return errno = EBADF, false;
  if (number > 0) wire_add_number(&writer, ITEM_NUMBER, number);
  /* With a launch of its own the daemon sends the first one unasked. */
  if ((record->supervised || number > 0) && !connection_send(fd, bytes, wire_end(&writer, WIRE_CLIENT))) return false;
  if (connection_receive(fd, -1, TREE_LIMIT_MS, &frame) != ARRIVAL_FRAME) return false;
  bool taken = take_tree(&frame, record, user_namespace, tree);
  frame_free(&frame);
  return taken;
}

/* Over a connection of this process's own, because the daemon moves the process that the kernel names. */
bool connection_join(const char *run) {
  uint8_t bytes[WIRE_HEADER + WIRE_ITEM_HEADER + RUN_ID_MAX];
  struct wire_writer writer;
  struct frame frame;
  errno = ECONNREFUSED;
  int fd = connection_open();
  if (fd < 0) return false;
  wire_begin(&writer, bytes, sizeof bytes, MESSAGE_JOIN);
  wire_add_text(&writer, ITEM_RUN, run);
  size_t length = wire_end(&writer, WIRE_CLIENT);
  errno = EINVAL;
  bool joined = length > 0 && connection_send(fd, bytes, length) && connection_receive(fd, -1, TREE_LIMIT_MS, &frame) == ARRIVAL_FRAME;
  if (joined) {
    joined = !tell_refusal(&frame) && wire_kind(frame.bytes) == MESSAGE_JOINED;
    frame_free(&frame);
  }
  close_quietly(fd);
  return joined;
}
