/* What supervising and job control share. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "launcher.h"

enum { SLOW_READER_MS = 2000 };

/* Of the companions; `report` and `ready` are those of the latest, which `writes` to the second when it is ready, and has until then. */
struct beside {
  size_t started;
  pid_t pids[COMPANIONS_MAX]; /* 0: has ended */
  int report, ready;
  bool writes;
  int64_t ready_until;
  uint32_t grace_ms;
};

struct state {
  struct run *run;
  struct terminal *terminal;
  int signals, control, report, stage, start;
  pid_t command;
  int command_fd;
  bool child_ended, started, killing, command_ended, insisted, timed_out;
  int child_status, init_status, command_status, ended_by;
  struct event failure; /* what was reported instead of a start */
  uint32_t kept;        /* signals that came before the start */
  int64_t kill_at, look_at, look_ms, engine_until;
  struct beside beside;
};

/* supervise.c: to the command, or its whole process group where that is about stopping. */
void signal_command(const struct state *state, int signal);

void kill_all(struct state *state);

/* companions.c: starts the next companion, or lets the child go on. */
void companions_go_on(struct state *state);
/* When to look whether the latest is ready; INT64_MAX: all are. */
int64_t companions_look_again(const struct state *state, int64_t now);
/* `polls` are of the latest's report and ready. */
void companions_proceed(struct state *state, const struct pollfd polls[2]);
/* For a process that has ended. */
void companions_reap(struct state *state, pid_t pid);
/* Asks them to end and waits for it. */
void companions_end(struct state *state);

/* jobs.c: the command has stopped, or is to; `whole_job`: so are those that the caller's shell started with us. */
void job_stop(struct state *state, int signal, bool whole_job);
void job_go_on(struct state *state);
/* Stops a command in the background that wants the terminal. */
bool job_stop_in_background(struct state *state);
/* Stops with a command that was stopped from inside. */
void job_look_for_stop(struct state *state, int64_t now);

#endif
