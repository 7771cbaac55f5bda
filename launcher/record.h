/* The launch record as the launcher sees it: see RECORD.md. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_HEADER = 12, RECORD_BODY_MAX = 16 * 1024 * 1024 };
enum id_map_writer { MAP_NONE = 0, MAP_DIRECT = 1, MAP_BY_TOOLS = 2, MAP_SINGLE = 3 };
enum namespace_bit { NAMESPACE_MOUNT = 1, NAMESPACE_PID = 2, NAMESPACE_NETWORK = 4, NAMESPACE_USER_MAPS_ONLY = 8 };
enum descriptor_kind { DESCRIPTOR_DATA = 5, DESCRIPTOR_FILE = 6, DESCRIPTOR_STAGE = 7, DESCRIPTOR_STAGE_STATUS = 8 };
enum mount_kind { MOUNT_BIND = 1, MOUNT_FILE_SYSTEM = 2, MOUNT_DIRECTORY = 3 };
enum mount_flag { FLAG_RECURSIVE = 1, FLAG_READ_ONLY = 2, FLAG_NOSUID = 4, FLAG_NODEV = 8, FLAG_NOEXEC = 16 };
enum mount_create { CREATE_NONE = 0, CREATE_DIRECTORY = 1, CREATE_FILE = 2 };
enum mount_idmap { IDMAP_NONE = 0, IDMAP_SANDBOX = 1, IDMAP_OWNER = 2 };

struct id_map {
  uint32_t inside, outside, count;
};

struct descriptor {
  uint32_t item, kind, number, length;
  const uint8_t *data;
  const char *path;
};

struct mount_operation {
  uint32_t item, kind, flags, create, idmap, uid, gid, mode;
  const char *type, *source, *root, *target, *options;
};

struct cgroup_setting {
  const char *file, *value;
};

struct cgroup {
  uint32_t item;
  const char *path;
  const struct cgroup_setting *settings;
  size_t setting_count;
};

struct record {
  const char *file;
  int file_descriptor; /* -1: `file` is executed */
  char **arguments, **environment;
  size_t argument_count, environment_count;
  struct descriptor *descriptors;
  size_t descriptor_count;
  uint32_t map_writer, namespaces, grace_ms;
  struct id_map *uid_map, *gid_map;
  size_t uid_map_count, gid_map_count;
  const char *newuidmap, *newgidmap;
  struct mount_operation *host_mounts, *sandbox_mounts;
  size_t host_mount_count, sandbox_mount_count;
  struct cgroup *cgroups;
  size_t cgroup_count;
  const char *root, *working_directory, *seccomp_filter;
  bool no_new_privileges, supervised, stage_takes_terminal;
  void *memory; /* strings and arrays point into it, */
  void *bytes;  /* the content of data descriptors into the record itself */
};

/* The error is the index of the item that is wrong (from 1), or 0 for the frame; `*item` is set only on false. */
bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item);
void record_free(struct record *record);
/* One record from `fd`, nothing behind it; NULL if there is none. */
uint8_t *record_read(int fd, size_t *length);
const struct descriptor *record_descriptor(const struct record *record, uint32_t kind);

#endif
