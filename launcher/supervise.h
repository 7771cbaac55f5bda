/* What supervising and job control share. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "launcher.h"

enum { SLOW_READER_MS = 2000 };

struct state {
  const struct run *run;
  struct terminal *terminal;
  int signals, control, report, stage, start;
  pid_t command;
  int command_fd;
  bool child_ended, started, killing, command_ended, insisted, timed_out;
  int child_status, init_status, command_status, ended_by;
  struct event failure; /* what was reported instead of a start */
  uint32_t kept;        /* signals that came before the start */
  int64_t kill_at, look_at, look_ms, engine_until;
};

/* supervise.c: to the command, or its whole process group where that is about stopping. */
void signal_command(const struct state *state, int signal);

/* jobs.c: the command has stopped, or is to; `whole_job`: so are those that the caller's shell started with us. */
void job_stop(struct state *state, int signal, bool whole_job);
void job_go_on(struct state *state);
/* Stops a command in the background that wants the terminal. */
bool job_stop_in_background(struct state *state);
/* Stops with a command that was stopped from inside. */
void job_look_for_stop(struct state *state, int64_t now);

#endif
