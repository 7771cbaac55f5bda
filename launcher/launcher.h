/* What the parts of the launcher share: the record, the run, and what each part does for the others. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "schema.h"

/* record.c: the launch record (schema.h) as the launcher sees it. */

enum { RECORD_HEADER = 12, RECORD_BODY_MAX = 16 * 1024 * 1024 };
enum { FIRST_PLANNED = 3, LAST_PLANNED = 99, OWN_DESCRIPTORS = 200 }; /* our own descriptors live from there up */
enum { MAP_NONE = 0 };    /* no user namespace */
enum { KEPT_RECORD = OWN_DESCRIPTORS - 1 }; /* where a launcher keeps its record (join.c) */
enum { GROUPS_MAX = 64 }; /* supplementary groups that are wanted */
enum { COMPANIONS_MAX = 16, CHANNELS_MAX = 16, TREES_MAX = 2 };

/* On false `*item` is the index of the item that is wrong (from 1), or 0 for the frame or the whole. */
bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item);
/* The same for the record of a companion, which has none itself. */
bool record_parse_program(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item);
/* Reads and parses one record from `fd`, and nothing behind it. */
bool record_read(int fd, struct record *record, uint32_t *item);
void record_free(struct record *record);
const struct descriptor *record_descriptor(const struct record *record, uint32_t kind);
/* fit.c: what a record makes sense as; a companion's has only what concerns a program. */
bool record_is_launch(const struct record *record);
bool record_is_program(const struct record *record);
/* The daemon has to hand one over. */
/* How many trees are attached, TREES_MAX at most. */
size_t record_trees(const struct record *record);

/* system.c: small operations. Where they fail, they say so by false or -1 and errno. */

/* Where this process is: the step under way and the record's item it works on, or 0. A failure is reported with it. */
extern struct place { uint32_t step, item; } place;

enum { STATUS_TIMED_OUT = 124, STATUS_FAILED = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };
struct event {
  uint32_t kind, a, b, c;
};
bool send_event(int fd, struct event event);
/* The event for what failed at `place` with errno. */
struct event failure(void);
/* What a process with this wait status would have its parent exit with, as in a shell; what we exit with after a run's last event. */
int exit_status(int wait_status);
int event_status(struct event event);

/* On a clock that only goes forward. */
int64_t now_ms(void);
/* The same open file at OWN_DESCRIPTORS or above, close on exec; closes `fd`. */
int above_planned(int fd);
/* What a call made that returned `made`, at OWN_DESCRIPTORS or above. */
bool lift_pair(int made, int pair[2]);
/* Closes it if it is one, and leaves errno as it was. */
void close_quietly(int fd);
/* Closes a descriptor that poll(2) is to leave out from now on. */
void close_source(int *fd);
bool write_file(const char *path, const char *text);
/* Reads at most `size` bytes and returns their number. */
ssize_t read_file(const char *path, void *buffer, size_t size);
/* Reads at most `size` - 1 bytes as a string, which is empty where the file cannot be read. */
void read_text(const char *path, char *text, size_t size);
/* Kills the processes whose numbers the file lists. */
void kill_listed(const char *path);
/* Writes what stands for the first character of a text in a line for a terminal, as src/cli/escape.ts does; returns its length in the text. */
size_t escape_character(const char *text, char shown[8]);
/* A sealed memory file with this content, at its beginning and close on exec; or -1. */
enum { ALL_SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };
int sealed_file(const char *name, struct bytes content);
/* Default dispositions for all signals and an empty mask. */
void reset_signals(void);

/* streams.c: the caller's standard streams that are no terminal. */

/* A second descriptor of an open file that the guest gets, or -1, and the properties that it had. */
struct stream {
  int fd, flags, signal, pipe_size;
  struct f_owner_ex owner;
  bool locked;
};

/* Whether none of 0 to 2 gives more than itself; else errno says why not, and place.item is its number. */
bool streams_lead_nowhere(void);
void streams_keep(struct stream streams[3]);
/* To be called when nothing of the guest runs any more. */
void streams_restore(struct stream streams[3]);

/* answers.c: what the guest may have asked the terminal emulator; `state` is the reader's place in a control sequence, and `more` how
 * many bytes of a letter in UTF-8 that began with `lead` are still to come. */
struct questions {
  enum { IN_TEXT, IN_ESCAPE, IN_SEQUENCE, IN_STRING } state;
  bool asked, private;
  unsigned char lead, more;
};
void questions_watch(struct questions *questions, const char *bytes, size_t count);
/* Throws away what the terminal, which is raw, has answered; it is not asked for longer than a second. */
void questions_settle(struct questions *questions, int in, int out);

/* terminal.c: the caller's terminal and the pty that stands in for it. */

struct flow {
  char bytes[8192];
  size_t from, to;
};
struct terminal {
  bool present;
  bool is[3];     /* which of 0, 1, 2 is a terminal, and becomes the pty inside */
  bool full;      /* standard output is one: raw all along; else only while the guest's pty is */
  bool raw;       /* the caller's terminal is in our hands */
  bool paused;    /* the run is stopped, */
  bool withheld;  /* and what the guest writes is not shown until it goes on */
  bool keystroke; /* set when input went in; the supervisor clears it */
  bool hung_up, pty_ended, unwritable;
  int in, out, master, slave;
  struct termios saved;
  struct flow input, output;
  struct questions questions;
};

/* Finds the caller's terminal and makes the pty, owned by `uid`. */
bool terminal_open(struct terminal *terminal, uid_t uid);
/* After the fork: lets go of the caller's streams that are no terminal. */
void terminal_hand_over(struct terminal *terminal);
/* Takes the terminal if we are its foreground and the run goes on, gives it back otherwise. */
void terminal_settle(struct terminal *terminal);
void terminal_give_back(struct terminal *terminal);
/* Whether the guest has made its terminal raw while the caller's is not ours. */
bool terminal_is_wanted_in_background(const struct terminal *terminal);
void terminal_resize(struct terminal *terminal);
/* Fills three entries for poll(2); true when a look again after a while is needed. */
bool terminal_wishes(struct terminal *terminal, struct pollfd polls[3]);
void terminal_proceed(struct terminal *terminal, const struct pollfd polls[3]);
/* Hands on what the guest wrote, in at most `reads` reads (-1: any number); waits `wait_ms` for a slow reader that makes no progress. */
void terminal_drain(struct terminal *terminal, int wait_ms, int reads);
/* Before it is given back: keeps answers that the guest asked for from the next reader. */
void terminal_swallow_answers(struct terminal *terminal);

/* The run: what launch.c makes for the child and the supervisor. Descriptors are -1 where there is none. */

struct run {
  int control, events; /* where a supervising parent writes signal numbers, and where it reads ours, or the client's caller its status */
  int lease;           /* the connection to the daemon: its end is the lease's, so it is open as long as we live */
  int user_namespace, program;       /* `program`: our own file, for the stage */
  int trees[TREES_MAX];              /* what is attached, in this order: mounts that the daemon handed over, or one from the shelf */
  int report[2], stage[2];           /* the child's report pipe and the stage's socket: our end, theirs */
  int processes;                     /* our own process namespace, where the child is in another one */
  int alive[2];                      /* a pipe that nothing is written to: we have the one end, the engine's processes have the other */
  int gate[2];                       /* where the child waits for the companions, if there are any: its end, ours */
  int ready[2];                      /* of a companion: our end, its own */
  int channels[CHANNELS_MAX][2];     /* by number and end; 0: not made yet */
  struct record record;
  struct record joined; /* of the run that this one's program joins */
  struct { int init, root, record; pid_t pid; uint32_t namespaces; } join; /* its first process, with its number, the root of that, its record */
  struct terminal terminal;
  struct stream streams[3];
  struct sock_fprog filter;
  pid_t parent, child;
  void (*tell)(const struct run *run, struct event event); /* what is not the last event */
  int64_t deadline_at; /* on the clock of now_ms; 0: none */
};

/* launch.c: only the standard three and these descriptors of the run stay open; false, and nothing closed, if they cannot. */
bool keep_descriptors(struct run *run);
/* Carries out the record and stays until the end; the last event tells how it came. */
struct event launch(struct run *run);

/* companions.c: makes those of the program's channels that are not there; closes its ends once it has them, so that the other end sees its end. */
bool channels_open(struct run *run, const struct record *program);
void channels_let_go(struct run *run, const struct record *program);

/* child.c, in the forked child. */
_Noreturn void child_main(struct run *run);
/* Where `must` tells of what failed. */
void child_reports_to(int fd);
/* Ends the child with errno, which the condition has just set. */
void must(bool done, enum step step);
/* Asked for again after every change of identity, which clears it; the launcher may have ended in between. */
void die_with_launcher(void);
/* As the parent of the command, or the first process of a process namespace: reaps, tells how the command ended, and ends with it. */
_Noreturn void wait_for_command(pid_t command);
/* Reads a file of struct sock_filter. */
bool filter_read(const char *path, struct sock_fprog *filter);
/* Whether the filter, and not the kernel, answers calls that every filter of ours refuses. */
bool filter_answers(void);

/* command.c: what the stage becomes. Both lists end with NULL. */
struct command { char **words, **environment; };
/* Reads it from a memory file as RECORD.md describes; false for any other. */
bool command_read(int fd, struct command *command);
/* As execvpe(3), but a file of no known format is an error and not handed to a shell. Returns errno. */
int command_execute(const struct command *command);
/* Tells the command's user, as a shell would; the name is the guest's, so control characters are escaped. */
void command_complain(const struct command *command, int error);

/* stage.c: true when the program was started as the stage; argv: name, options, STATUSFD COMMANDFD. */
bool stage_is(const char *name);
_Noreturn void stage_main(int argc, char **argv);
/* Tells the launcher that it is there, and becomes the command. */
_Noreturn void stage_execute(const struct command *command, int status);

/* duty.c */
void take_foreground(void);
/* Tells the launcher over the stage's status socket that the command is there, and waits for leave to go on. The write end of the
   pipe on which an errno may follow, or -1. */
int report_for_duty(int status);
/* A number that a planned descriptor may have, or -1. */
int planned_number(const char *text);

/* user.c: whom --user names. */
struct user {
  uint32_t uid, gid;
  size_t count; /* of the groups beside `gid` */
  gid_t groups[1024];
};
/*
 * `NAME|UID[:GROUP|GID]`, of which NAME is left. What the user is known by goes to the variables that the command has unless it is
 * given others. Returns 0, or which part of it is missing, as an errno for which src/launch/failure.ts has the words.
 */
int user_find(char *wanted, struct user *user);
bool user_become(const struct user *user);

/* join.c: keeps the record of a run whose command has started for those that join the run. */
void record_keep(const struct record *record);
/* Finds the run that the record says; errno: ESRCH there is none, EAGAIN it has not started, or what else prevents it. */
bool join_find(struct run *run);
/* The record with the groups that the child joins. */
const struct record *run_groups(const struct run *run);

/* enter.c: the process that joins a run, as its child executes it. */
bool enter_is(const char *name);
_Noreturn void enter_main(int argc, char **argv);
_Noreturn void enter_execute(const struct run *run, int report);

/* process.c: as proc_pid_stat(5) has it, X where there is none. */
char process_state(pid_t pid);
/* When it started, in clock ticks since boot; 0 where there is none, or it is dead. */
unsigned long long process_start(pid_t pid);
pid_t process_parent(pid_t pid);
/* Whether it has begun to end, which is so before others see any of its descriptors closed. */
bool process_is_ending(pid_t pid);
/* Whether our process group has a parent outside of it in its session: a shell that sees it stop and can continue it. */
bool process_is_job(void);
/* The wait status of a dead process that nobody has waited for, or -1; of one that its parent has waited for, where the kernel still has it. */
int process_status(pid_t pid, int pidfd);
bool process_exit(int pidfd, int *status);

/* supervise.c: the signals to block; tells of the start on the status descriptor and returns the last event. */
void supervise_signals(sigset_t *signals);
struct event supervise(struct run *run);

/* identity.c: the kernel's id behind the sandbox's 0, or 0; a descriptor of a new user namespace with the record's maps. */
uint32_t identity_of_root(const struct id_maps *maps);
int identity_make(const struct record *record);
/* A user namespace in which the one on-disk owner `uid`/`gid` is the sandbox's 0, for an idmapped mount. */
int identity_make_for_owner(const struct record *record, uint32_t uid, uint32_t gid);
/* Becomes 0/0 of the namespace that it is in, with the record's groups or, unless `grouped`, none. */
bool identity_become(const struct record *record, bool grouped);
/* Enters the namespace and becomes its 0/0. */
bool identity_enter(const struct run *run);

/* files.c: makes the files of a launch in order; where one fails those before it stay to be removed. Errno says why. */
bool files_make(struct file_operations *files);
/* Removes those that were made and does what else is to be done at the end; tells of what cannot be. */
void files_end(const struct run *run);
/* The same where nothing was made. */
void files_give_up(struct run *run);

/* detached.c: starts the program of the operation, which goes on when we have ended, unless one of its kind lives. */
bool detached_start(const struct file_operation *operation);

/* beneath.c */
int open_beneath(int root, const char *path, uint64_t flags);
/* Makes a file or a directory, and leaves nothing open. */
typedef bool place_maker(int parent, const char *name, bool directory);
/* Opens `path` beneath `root` (O_PATH) and makes what is missing, the last component as `create` says. */
int open_or_make(int root, const char *path, uint32_t create, place_maker *make);

/* mounts.c: carries the operations out in order. */
bool mounts_apply(const struct run *run, const struct mount_operations *mounts);

/* cgroup.c: makes the groups with their settings, or none; joins them; kills what is left in them and removes them. */
bool cgroup_make(const struct cgroups *cgroups);
/* As fork(2); the child is in its group of version 2 from the start, where the kernel lets it. */
pid_t cgroup_fork(const struct record *record);
/* Groups of the daemon's come to be with this. */
bool cgroup_join(const struct record *record);
/* How many processes in the groups with a memory limit the kernel has killed because memory ran out. */
uint32_t cgroup_memory_kills(const struct cgroups *cgroups);
void cgroup_remove(const struct cgroups *cgroups);

#endif
