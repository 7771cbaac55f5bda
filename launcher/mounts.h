/* The mount operations of a record. */
#ifndef MOUNTS_H
#define MOUNTS_H

#include "record.h"

/* Carries the operations out in order; on false errno is set and `*item` names the record's item. */
bool mounts_apply(const struct record *record, const struct mount_operation *operations, size_t count, int user_namespace, uint32_t *item);

#endif
