/* The control groups of a run. */
#ifndef CGROUP_H
#define CGROUP_H

#include "record.h"

/* Makes the directories and writes their settings; on false errno is set, `*item` names the item and none is left. */
bool cgroup_make(const struct record *record, uint32_t *item);
/* Puts the calling process into all of them. */
bool cgroup_join(const struct record *record, uint32_t *item);
/* Kills what is left in them and removes them; waits at most two seconds. */
void cgroup_remove(const struct record *record);

#endif
