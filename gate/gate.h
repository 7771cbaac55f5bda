/* What the parts of isolate-gate share. PROTOCOL.md says what goes between front, broker and daemon. */
#ifndef GATE_H
#define GATE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "errand.h"
#include "wire.h"

enum operation {
  OPERATION_READY = 0, OPERATION_OPENED = 1, OPERATION_MESSAGE = 2, OPERATION_CLOSED = 3, OPERATION_FAILED = 4,
  OPERATION_SEND = 16, OPERATION_TREE = 17, OPERATION_CLOSE = 18,
};
enum { LINK_HEADER = 12, KIND_CLIENT = 0, KIND_METRICS = 1 };
enum { CONNECTIONS_MAX = 4096, USER_CONNECTIONS_MAX = 512, ROOT_CONNECTIONS_MAX = 2048 };
enum { UNFINISHED_MAX = 64 * 1024 * 1024, USER_UNFINISHED_MAX = UNFINISHED_MAX / 4, TURN_BYTES = 64 * 1024 };

struct options {
  unsigned frame_seconds; /* time for a frame to be whole, and for answers to be read */
  uid_t user;
  gid_t group;
  const char *shelf; /* NULL: none */
};

/* system.c */

/* Prints what cannot be done, and the reason from errno, and exits. */
_Noreturn void fail(const char *what);
uint64_t now_ms(void);
/* Closes all descriptors from 3 up except those given (-1: none), and opens /dev/null for 0, 1 and 2 if they are closed. */
void keep_descriptors(const int *kept, size_t count);
bool is_unix_stream(int fd, bool listening);
/*
 * What clients send may come with descriptors, which are closed by the process that reads it or closes the connection last. Closing
 * one of a TCP socket that lingers (SO_LINGER) would take as long as its sender likes. Linux 6.16 and later can refuse them to the
 * sender; on earlier kernels signals cut such waits short, in these two.
 */
void refuse_descriptors(int listener);
/* As recv(2) without waiting. Descriptors are an error, EPROTO. */
ssize_t receive_bytes(int socket, void *into, size_t room);
void close_connection(int fd);
void put_link_header(uint8_t *header, size_t length, uint32_t connection, uint32_t operation);
/* As sendmsg(2) of one buffer with up to two descriptors (-1: none); never SIGPIPE. */
ssize_t send_with(int socket, const void *bytes, size_t length, const int descriptors[2], int flags);

/* front.c: serves until the broker closes its end. `metrics` is -1 if there is none. */
_Noreturn void front_main(int clients, int metrics, int broker, const struct options *options);
/* restrict.c: gives up what a front does not need; returns how many descriptors it may have. */
size_t restrict_front(void);

/* sockets.c */

/* A listening socket with this mode, in a directory that only root can write. Replaces one nobody listens on. */
int make_socket(const char *path, uid_t owner, gid_t group, mode_t mode);
/* Starts the front in an empty root as `options->user`; returns our end of its socket. */
int start_front(int clients, int metrics, const struct options *options);

/* broker.c: `front` is connected; where it is -1 the front comes to `listener`. */
_Noreturn void broker_main(int front, int listener, const struct options *options);

/* peers.c: the connections as the broker has them. */

struct queue {
  uint8_t *bytes;
  size_t from, to, capacity;
};
bool queue_add(struct queue *queue, const void *bytes, size_t length);
void queue_free(struct queue *queue);

struct peer {
  uint32_t number, kind;
  uid_t uid;
  int fd;                 /* -1: the slot is free */
  bool closing, shut;     /* closing: to be shut down once all is written */
  struct queue queue;
  uint64_t since;         /* when the queue began to fill */
  int tree[2];            /* descriptors that go with the byte at `tree_at` of the queue, or -1 */
  size_t tree_at;
};
/* Registers waiting peers there with `number` as data. */
void peers_begin(int epoll);
struct peer *peers_add(uint32_t number, uint32_t kind, uid_t uid, int fd);
struct peer *peers_find(uint32_t number);
void peers_remove(struct peer *peer);
/* Calls `visit` for each and then removes it. */
void peers_remove_all(void (*visit)(struct peer *peer));
/* Writes or queues; shuts down a peer that has too much in its queue. */
void peer_send(struct peer *peer, const void *bytes, size_t length);
/* The same with two descriptors, which it closes; false with errno if that is impossible. */
bool peer_send_tree(struct peer *peer, const void *bytes, size_t length, const int tree[2]);
void peer_flush(struct peer *peer);
void peer_close(struct peer *peer);
void peer_shut(struct peer *peer);
/* Shuts down peers that have had something to read for too long; true if any still has. */
bool peers_expire(uint64_t limit_ms);

/* shelf.c: makes the shelf and moves clones to it and back, by the commands on standard input. */
_Noreturn void shelf_main(const char *directory);

/* tree.c */

enum tree_step { TREE_DONE = 0, TREE_MOUNT = 1, TREE_NAMESPACE = 2, TREE_MAP = 3, TREE_LOCK = 4, TREE_SEND = 5 };
enum { TREE_MAPS_MAX = 340 };
struct tree_map {
  uint32_t inside, outside, count;
};
struct tree_order {
  uid_t uid;
  gid_t gid;
  bool idmap;
  uint32_t uid_count, gid_count;
  uint32_t device; /* of the clone's file system; when the clone has gone, what is left at its path is not handed over */
  struct tree_map uid_maps[TREE_MAPS_MAX], gid_maps[TREE_MAPS_MAX];
  char path[4096];
};
/*
 * Makes a user namespace that `uid` owns (made[0]) and a detached tree (made[1]); for root, which has the rights to make the
 * namespace, the tree alone (made[0]). `shelf_directory` is NULL where there is none. Returns the step that failed, with errno.
 */
enum tree_step tree_make(struct tree_order *order, const char *shelf_directory, int made[2]);

#endif
