/* The launcher's life while the run goes on. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

#include "record.h"
#include "terminal.h"

struct supervision {
  const struct record *record;
  struct terminal *terminal;
  pid_t parent, child;
  int events, control; /* status descriptor; where a supervising parent writes signal numbers, or -1 */
  int report, stage;   /* the child's report pipe; the stage's socket or -1 */
};

/* The signals that go to the command, SIGCHLD, and the terminal's own, which must not stop us. */
void supervise_signals(sigset_t *signals);
/* Tells what happened on the status descriptor and returns the exit status. */
int supervise(const struct supervision *supervision);
void supervise_report(int events, uint32_t kind, uint32_t a, uint32_t b, uint32_t c);

#endif
