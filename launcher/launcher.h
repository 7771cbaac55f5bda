/* What the launcher's parts share: the way a start reports its end, and three small file and signal operations. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Our own descriptors live from here up; the planned ones are 3 to 99. */
enum { OWN_DESCRIPTORS = 200 };

/* What a child tells the launcher over its report pipe; closing it by execve(2) says that all went well. */
enum report_kind { REPORT_FAILED = 1, REPORT_STATUS = 2 };
struct report {
  uint32_t kind;
  uint32_t step; /* REPORT_STATUS: the command's wait status */
  int32_t error;
  uint32_t item;
};

struct event {
  uint32_t kind, a, b, c;
};
enum event_kind { EVENT_STARTED = 1, EVENT_EXITED = 2, EVENT_KILLED = 3, EVENT_FAILED = 4, EVENT_NOT_EXECUTED = 5 };

enum { STATUS_FAILED = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

/* The same open file at OWN_DESCRIPTORS or above, close on exec; closes `fd`. -1 with errno. */
int above_planned(int fd);
bool write_file(const char *path, const char *text, size_t length);
/* Default dispositions for all signals and an empty mask. */
void reset_signals(void);

#endif
