/* The fast client: a run planned by the daemon (../gate/PROTOCOL.md) and carried out by the launcher's code in this process. */
#ifndef CLIENT_H
#define CLIENT_H

#include "../gate/wire.h"
#include "../launcher/launcher.h"

/* client.c: whether the program was started as the client, under any name except the launcher's and the stage's. */
bool client_is(const char *name);
/* Does what `isolate` with these arguments does, and returns the exit status, or becomes the program in Node; `own` is an empty run. */
int client_main(char **argv, struct run *own);

/*
 * node.c: becomes the program in Node, with these arguments; returns the exit status if that fails, which was reported. With a descriptor
 * it decides for the client behind that and looks at clones below `shelf`, if that is one; else it does all itself.
 */
int node_become(char **argv, int client, int shelf);

/* decider.c: the program in Node, where it decides in the daemon's place. */

/* Whether it is to be executed in our place instead: for other verbs than `run`, and for what it cannot leave to us. */
bool decider_has_all(char **argv);
/* Whether it is a command for a run that is under way. */
bool decider_joins(char **argv);
/* Starts it with the signal mask; it ends with us, however we end. A connection that it answers over, or -1. */
int decider_start(char **argv, const sigset_t *mask);
bool decider_runs(void);
/* Hands it the next signal; false: there is none. */
bool decider_takes(int signals);
/* Once SIGCHLD is blocked: what is not dead yet the supervisor reaps. */
void decider_reap(void);
/* A signal that came when it had already decided; 0: none but those ignored. */
int decider_missed(const sigset_t *ignored);
/* Waits for its end, with the exit status that is ours then; false: there is none. */
bool decider_end(struct run *run, int *status);

/* connection.c */

struct frame {
  uint8_t *bytes; /* of this frame alone; to be freed */
  size_t length, descriptor_count;
  int descriptors[2];
};
enum arrival { ARRIVAL_FRAME, ARRIVAL_SIGNAL, ARRIVAL_FAILED };

/* A connection to the daemon, or -1: none that root vouches for is there. */
int connection_open(void);
/* Sends all of it; fails after a few seconds without progress. */
bool connection_send(int fd, const uint8_t *bytes, size_t length);
/* The next frame, checked. Whatever is readable on `signals`, if it is one, comes first. */
enum arrival connection_receive(int fd, int signals, int limit_ms, struct frame *frame);
void frame_free(struct frame *frame);
/* Asks for a tree of the lease and, as the record says, its user namespace, which must have the record's maps; or an errno. */
bool connection_tree(int fd, const struct record *record, uint32_t number, int *user_namespace, int *tree);

/* Has the daemon move this process into the groups that it makes for the run of this id; errno where it does not. */
bool connection_join(const char *run);

/* tree.c */

/* The root of the shelf, for Node to look at the clones on it; -1: there is none, or it is not for this user. */
int tree_shelf_root(void);
/* What the record needs from the shelf or the daemon: the trees of the clone and, from the daemon, their user namespace; or an errno. */
bool trees_take(struct run *run);

/* answer.c: writes the answer to a frame `ask`; 0 where Node has to do it, else the answer's length. */
size_t answer_write(struct run *run, const struct frame *ask, uint8_t *bytes, size_t size);

/* look.c: what paths are in the tree that was named last. */

/* Names the tree; false: the caller cannot enter it. */
bool look_into(const char *root);
void look_add(struct wire_writer *writer, const char *path);
/* Opens a plain file to be read, to which no link leads: opening a device may do something. -1 and errno: it could not. */
int look_open(const char *path);
/* Adds a path without its links. */
void look_add_real(struct wire_writer *writer, const char *path);

/* print.c: prints what does not need Node. */

/* The width of the terminal of standard output. */
uint32_t print_columns(void);
/* Prints what the daemon sent to be printed; false: it could not be, and Node has to say why. */
bool print_answer(const struct frame *frame);
/* Prints the version; false: it could not be. */
bool print_version(void);

/* limits.c: whether the caller's limits leave enough for Node; prints an error if not. */
bool limits_suffice(void);

/* failure.c: why a launch failed, in the words of the program in Node (src/launch/failure.ts). */
struct failure {
  const char *code, *message, *hint; /* the hint may be NULL; the message is good until the next one */
};
/* Of the last event, and of what could not be removed. */
struct failure failure_of(const struct record *record, struct event event);

/* report.c: a copy of this descriptor of the caller's for the status of the run; -1 where it is not open for writing. */
int report_open(int fd);
/* Keeps the lines of a frame `report`, and so its bytes. */
void report_take(struct frame *frame);
/* Writes all of it, as it is. */
void report_text(int fd, const void *text, size_t length);
/* Tell of an event that is not the last one, and of the last; `cause` NULL where that is no failure. */
void report_event(const struct run *run, struct event event);
void report_end(const struct run *run, struct event last, const struct failure *cause);

#endif
