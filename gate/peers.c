/* Connections by number, and what is still to be written to each. */
#include "gate.h"

#include <sys/epoll.h>

enum { BUCKETS = 4096, QUEUE_MAX = 20 * 1024 * 1024, QUEUES_MAX = 256 * 1024 * 1024, USER_QUEUES_MAX = QUEUES_MAX / 8 };

static struct peer peers[CONNECTIONS_MAX];
static uint16_t buckets[BUCKETS], next_in_bucket[CONNECTIONS_MAX]; /* slots from 1; 0 ends */
static size_t queued_of_all, waiting_count;
static int epoll;

bool queue_add(struct queue *queue, const void *bytes, size_t length) {
  size_t used = queue->to - queue->from;
  if (queue->capacity - queue->to < length) {
    if (queue->from > 0) memmove(queue->bytes, queue->bytes + queue->from, used);
    queue->from = 0;
    queue->to = used;
  }
  if (queue->capacity - used < length) {
    size_t capacity = used + length < 4096 ? 4096 : (used + length) + (used + length) / 2;
    uint8_t *grown = realloc(queue->bytes, capacity);
    if (grown == NULL) return false;
    queue->bytes = grown;
    queue->capacity = capacity;
  }
  if (length > 0) memcpy(queue->bytes + queue->to, bytes, length);
  queue->to += length;
  return true;
}

void queue_free(struct queue *queue) {
  free(queue->bytes);
  *queue = (struct queue){0};
}

void peers_begin(int epoll_of_broker) {
  epoll = epoll_of_broker;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) peers[i].fd = -1;
}

struct peer *peers_add(uint32_t number, uint32_t kind, uid_t uid, int fd) {
  uint16_t slot = 0;
  while (slot < CONNECTIONS_MAX && peers[slot].fd >= 0) slot++;
  if (slot == CONNECTIONS_MAX) return NULL;
  peers[slot] = (struct peer){.number = number, .kind = kind, .uid = uid, .fd = fd, .tree = {-1, -1}};
  next_in_bucket[slot] = buckets[number % BUCKETS];
  buckets[number % BUCKETS] = (uint16_t)(slot + 1);
  return &peers[slot];
}

struct peer *peers_find(uint32_t number) {
  for (uint16_t at = buckets[number % BUCKETS]; at != 0; at = next_in_bucket[at - 1])
    if (peers[at - 1].number == number) return &peers[at - 1];
  return NULL;
}

static void wait_for_room(struct peer *peer, bool wanted) {
  struct epoll_event event = {.events = EPOLLOUT, .data.u64 = peer->number};
  if (epoll_ctl(epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, peer->fd, &event) < 0 && wanted) fail("watch a connection");
  waiting_count += wanted ? 1 : (size_t)-1;
  peer->since = wanted ? now_ms() : 0;
}

static void close_tree(struct peer *peer) {
  for (int i = 0; i < 2; i++)
    if (peer->tree[i] >= 0) close(peer->tree[i]);
  peer->tree[0] = peer->tree[1] = -1;
}

static void drop_queue(struct peer *peer) {
  if (peer->since != 0) wait_for_room(peer, false);
  queued_of_all -= peer->queue.capacity;
  queue_free(&peer->queue);
  close_tree(peer);
}

void peers_remove(struct peer *peer) {
  uint16_t slot = (uint16_t)(peer - peers), *at = &buckets[peer->number % BUCKETS];
  drop_queue(peer);
  while (*at != slot + 1) at = &next_in_bucket[*at - 1];
  *at = next_in_bucket[slot];
  shutdown(peer->fd, SHUT_RDWR);
  close_connection(peer->fd);
  peer->fd = -1;
}

void peers_remove_all(void (*visit)(struct peer *peer)) {
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
    if (peers[i].fd < 0) continue;
    visit(&peers[i]);
    peers_remove(&peers[i]);
  }
}

/* The front sees the end and says so; until then the number is known. */
void peer_shut(struct peer *peer) {
  drop_queue(peer);
  shutdown(peer->fd, SHUT_RDWR);
  peer->shut = true;
}

/* How much may go in one call: bytes before a tree go without its descriptors. */
static size_t portion(const struct peer *peer, size_t left) {
  size_t before = peer->tree[0] >= 0 ? peer->tree_at - peer->queue.from : 0;
  return before > 0 ? before : left;
}

void peer_flush(struct peer *peer) {
  static const int none[2] = {-1, -1};
  while (!peer->shut && peer->queue.to > peer->queue.from) {
    bool with_tree = peer->tree[0] >= 0 && peer->tree_at == peer->queue.from;
    size_t length = portion(peer, peer->queue.to - peer->queue.from);
    ssize_t sent = send_with(peer->fd, peer->queue.bytes + peer->queue.from, length, with_tree ? peer->tree : none, MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) {
      if (peer->since == 0) wait_for_room(peer, true);
      return;
    }
    if (sent < 0) return peer_shut(peer);
    if (with_tree) close_tree(peer);
    peer->queue.from += (size_t)sent;
  }
  drop_queue(peer);
  if (peer->closing && !peer->shut) peer_shut(peer);
}

/* Root's connections together have no limit. */
static bool user_has_room(uid_t uid, size_t length) {
  size_t queued = length;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++)
    if (peers[i].fd >= 0 && peers[i].uid == uid) queued += peers[i].queue.capacity;
  return uid == 0 || queued <= USER_QUEUES_MAX;
}

static bool enqueue(struct peer *peer, const void *bytes, size_t length) {
  size_t capacity = peer->queue.capacity, from = peer->queue.from;
  bool fits = peer->queue.to - peer->queue.from + length <= QUEUE_MAX && queued_of_all + length <= QUEUES_MAX && user_has_room(peer->uid, length);
  fits = fits && queue_add(&peer->queue, bytes, length);
  queued_of_all += peer->queue.capacity - capacity;
  if (peer->tree[0] >= 0) peer->tree_at -= from - peer->queue.from;
  return fits;
}

void peer_send(struct peer *peer, const void *bytes, size_t length) {
  static const int none[2] = {-1, -1};
  ssize_t sent = 0;
  if (peer->shut || peer->closing) return;
  if (peer->queue.to == peer->queue.from) sent = send_with(peer->fd, bytes, length, none, MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) return peer_shut(peer);
  if (sent < 0) sent = 0;
  if ((size_t)sent == length) return;
  if (!enqueue(peer, (const uint8_t *)bytes + sent, length - (size_t)sent)) return peer_shut(peer);
  if (peer->since == 0) wait_for_room(peer, true);
}

bool peer_send_tree(struct peer *peer, const void *bytes, size_t length, const int tree[2]) {
  bool possible = !peer->shut && !peer->closing && peer->tree[0] < 0;
  errno = peer->tree[0] >= 0 ? EBUSY : EPIPE;
  if (possible && !enqueue(peer, bytes, length)) {
    peer_shut(peer);
    errno = ENOBUFS;
    possible = false;
  }
  if (!possible) {
    int error = errno;
    for (int i = 0; i < 2; i++)
      if (tree[i] >= 0) close(tree[i]);
    errno = error;
    return false;
  }
  memcpy(peer->tree, tree, sizeof peer->tree);
  peer->tree_at = peer->queue.to - length;
  peer_flush(peer);
  return true;
}

void peer_close(struct peer *peer) {
  peer->closing = true;
  if (!peer->shut && peer->queue.to == peer->queue.from) peer_shut(peer);
}

bool peers_expire(uint64_t limit_ms) {
  uint64_t now = now_ms();
  for (size_t i = 0; i < CONNECTIONS_MAX && waiting_count > 0; i++)
    if (peers[i].fd >= 0 && peers[i].since != 0 && now - peers[i].since >= limit_ms) peer_shut(&peers[i]);
  return waiting_count > 0;
}
