/* The caller's terminal and the pty that stands in for it. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

struct flow {
  char bytes[8192];
  size_t from, to;
};

struct terminal {
  bool present;
  bool is[3];        /* which of 0, 1, 2 is a terminal */
  bool full;         /* standard output is one: raw all along; else only while the guest's pty is */
  bool raw;          /* the caller's terminal is in our hands */
  bool paused;       /* the run is stopped */
  bool hung_up, pty_ended, unwritable;
  bool keystroke;    /* set when input went in; the supervisor clears it */
  int in, out, master, slave;
  struct termios saved;
  struct flow input, output;
};

/* Finds the caller's terminal and makes the pty, owned by `uid`; false with errno. */
bool terminal_open(struct terminal *terminal, uid_t uid);
/* After the fork: lets go of the caller's streams that are no terminal. */
void terminal_hand_over(struct terminal *terminal);
/* Takes the terminal if we are its foreground and the run goes on, gives it back otherwise. */
void terminal_settle(struct terminal *terminal);
void terminal_give_back(struct terminal *terminal);
void terminal_resize(struct terminal *terminal);
/* Fills three entries for poll(2); true when a look again after a while is needed. */
bool terminal_wishes(struct terminal *terminal, struct pollfd polls[3]);
void terminal_proceed(struct terminal *terminal, const struct pollfd polls[3]);
/* Hands on what the guest wrote before it ended; waits for a slow reader at most `wait_ms` without progress. */
void terminal_drain(struct terminal *terminal, int wait_ms);

#endif
