/* What the parts of a machine's host end share. */
#ifndef AGENT_H
#define AGENT_H

#include "../guest/frame.h"
#include "../launcher/launcher.h"

/* link.c: the host's end of the channel, without any descriptor. The guest is hostile: what it sends is checked here alone. */

/* Bytes for the guest that it has not taken yet. */
struct outflow {
  uint8_t *bytes;
  size_t from, to, size;
};

struct link {
  enum { LINK_BOOTING, LINK_PREPARING, LINK_RUNNING, LINK_ENDED } state;
  bool started; /* the command was executed; it may have ended since */
  struct inflow inflow;
  struct outflow outflow;
  struct ring output[2];
  bool output_ended[2];
  uint32_t granted[2]; /* what the guest may still send of each stream, */
  uint32_t owed[2];    /* and what it is to be granted as soon as it has taken what waits for it */
  uint32_t input_credit;
  bool input_unread;
  uint32_t continued;   /* how often the command was told to go on after a stop */
  int stopped;          /* the signal that stopped the command; whoever heeds it clears it */
  uint32_t failure[3];  /* why it was not executed: what, an errno, which is not 0, and how many preparations were done */
  int status;           /* as wait(2) has it, once it has ended */
};

/* Takes what has been read into `link->inflow`; false for what no sound guest sends. */
bool link_take(struct link *link);
/* Puts a frame behind what waits for the guest. Memory that is not there ends the process. */
void link_send(struct link *link, unsigned kind, const void *body, size_t length);
void link_send_numbers(struct link *link, unsigned kind, const uint32_t *numbers, size_t count);
/* Frames as they are. */
void link_send_bytes(struct link *link, const void *bytes, size_t length);
size_t link_waiting(const struct link *link);
/* That so much of a stream has been handed on. */
void link_wrote(struct link *link, int stream, size_t length);
/* Grants what is owed, once little waits for the guest; also to be called when some of that has gone. */
void link_settle(struct link *link);

/* caller.c: the caller's standard streams. */

struct caller {
  unsigned terminals; /* bit N: stream N is one; bit 3: the caller's terminal echoes, so the guest's does not */
  bool input_ended, unread_told[2], output_lost;
};

/* Finds out which streams are terminals, and leaves echo and lines to the guest's own where its output is seen here. */
void caller_take_terminal(struct caller *caller);
/* Rows, columns, width, height of the terminal; 0 where there is none. */
void caller_size(uint32_t size[4]);
void caller_read_input(struct caller *caller, struct link *link, short events);
void caller_write_output(struct caller *caller, struct link *link, int stream, short events);

/* qemu.c: QEMU and what it says. */

enum { QEMU_CHANNEL = 3, QEMU_CONSOLE = 4, QEMU_DISK = 5, MOST_DISKS = 8, TAIL_SIZE = 4096 };

/* The last that was written by somebody. */
struct tail {
  char bytes[TAIL_SIZE];
  size_t total;
};

struct qemu {
  pid_t pid;
  int channel, console, errors; /* our ends; -1 when they have ended */
  struct tail said, shown;      /* by QEMU itself, on the console of the machine */
  bool shows, raw;              /* the console, on standard error, which is a terminal in raw mode */
  int disks[MOST_DISKS];        /* until it has them */
  int disk_count;
};

/* Descriptors for it, as numbers separated by commas; false for what are none. */
bool qemu_add_disks(struct qemu *qemu, char *numbers);

/* Starts it with `words`, its argv. In the last of them `{tsc}` stands for the frequency of the processor's counter in kHz. */
bool qemu_start(struct qemu *qemu, char **words);
void qemu_listen(struct qemu *qemu, short errors, short console);
/* Writes what both said to standard error, for a person. */
void qemu_complain(struct qemu *qemu);

#endif
