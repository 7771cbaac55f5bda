/* The child that becomes the engine. */
#ifndef CHILD_H
#define CHILD_H

#include <linux/filter.h>

#include "record.h"

/* What the launcher prepared; -1 where there is none. */
struct preparation {
  int report, user_namespace, pty, stage_status, program;
  bool terminal[3]; /* which of 0, 1, 2 is a terminal and becomes the pty */
  struct sock_fprog filter;
};

/* Runs in the forked child; never returns. */
_Noreturn void child_main(const struct record *record, const struct preparation *preparation);
/* Reads a file of struct sock_filter; false with errno. */
bool filter_read(const char *path, struct sock_fprog *filter);
/* Whether the filter, and not the kernel, answers calls that every filter of ours refuses. */
bool filter_answers(void);

#endif
