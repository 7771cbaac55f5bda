/* Stopping and continuing, together with the caller's shell. */
#include "supervise.h"

#include <time.h>

/* After a keystroke: how soon a stop of the command is looked for, each time four times as late. */
enum { FIRST_LOOK_MS = 20, LAST_LOOK_MS = 1280 };

void job_go_on(struct state *state) {
  if (state->killing) return;
  state->terminal->paused = state->terminal->withheld = false;
  terminal_resize(state->terminal);
}

/* By the default action of a terminal's signal, which the kernel leaves undone where no shell is there to bring us back. */
static void stop_self(int signal) {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  kill(getpid(), signal);
  sigprocmask(SIG_UNBLOCK, &only, NULL);
  sigprocmask(SIG_BLOCK, &only, NULL);
  sigemptyset(&only);
  sigaddset(&only, SIGCONT); /* what brought us back, if we stopped: the command is sent its own in any case */
  sigtimedwait(&only, NULL, &(struct timespec){0});
}

/* The caller's shell must see its job stop; a supervising parent gets the signal too and does the same. */
void job_stop(struct state *state, int signal, bool whole_job) {
  terminal_swallow_answers(state->terminal);
  state->terminal->paused = true;
  terminal_settle(state->terminal);
  if (whole_job) kill(0, signal);
  if (state->run->record.supervised) return;
  stop_self(signal);
  signal_command(state, SIGCONT);
  job_go_on(state);
}

/*
 * A command that has made its terminal raw wants the screen and the keyboard. In the background it is stopped, as the kernel would stop a
 * program, before any of its output is shown.
 */
bool job_stop_in_background(struct state *state) {
  if (!state->started || !terminal_is_wanted_in_background(state->terminal) || !process_is_job()) return false;
  state->terminal->withheld = true;
  signal_command(state, SIGTTOU);
  job_stop(state, SIGTTOU, true);
  return true;
}

/* A stop inside (Ctrl-Z, `suspend`) is visible only in the command's state, which is checked after keystrokes. */
void job_look_for_stop(struct state *state, int64_t now) {
  if (state->terminal->keystroke) {
    state->terminal->keystroke = false;
    state->look_ms = FIRST_LOOK_MS;
    state->look_at = now + FIRST_LOOK_MS;
  }
  if (state->look_at == 0 || now < state->look_at || !state->started) return;
  bool stopped = !state->terminal->paused && process_state(state->command) == 'T';
  state->look_ms *= 4;
  state->look_at = stopped || state->look_ms > LAST_LOOK_MS ? 0 : now + state->look_ms;
  if (!stopped) return;
  /* First what it wrote to leave the screen: more reads than a pty holds, but an end where others inside go on writing. */
  terminal_drain(state->terminal, SLOW_READER_MS, 64);
  job_stop(state, SIGTSTP, true);
}
