/* User namespaces and the ids of a sandbox. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "record.h"
#include "step.h"

/* The kernel's id behind the sandbox's 0; 0 where there is no map. */
uint32_t identity_of_root(const struct id_map *maps, size_t count);
/* A descriptor of a new user namespace with the record's maps; -1 with errno and `*step`. */
int identity_make(const struct record *record, enum step *step);
/* A user namespace in which the one on-disk owner `uid`/`gid` is the sandbox's 0, for an idmapped mount; -1 with errno. */
int identity_make_for_owner(const struct record *record, uint32_t uid, uint32_t gid);
/* Enters the namespace and becomes its 0/0; false with errno. */
bool identity_enter(int user_namespace, bool may_set_groups);

#endif
