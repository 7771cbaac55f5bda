/*
 * Parses a launch record. Nothing is done with any of it before all of it was found right: the bytes come from our own
 * encoder, so whatever is odd is a defect or an attack, and is refused whole.
 */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum tag {
  TAG_FILE_PATH = 1,
  TAG_FILE_DESCRIPTOR,
  TAG_ARGUMENT,
  TAG_ENVIRONMENT,
  TAG_DESCRIPTOR_DATA,
  TAG_DESCRIPTOR_FILE,
  TAG_DESCRIPTOR_STAGE,
  TAG_DESCRIPTOR_STAGE_STATUS,
  TAG_USER_NAMESPACE,
  TAG_UID_MAP,
  TAG_GID_MAP,
  TAG_NEWUIDMAP,
  TAG_NEWGIDMAP,
  TAG_NAMESPACES,
  TAG_HOST_MOUNT,
  TAG_SANDBOX_MOUNT,
  TAG_CGROUP,
  TAG_CGROUP_SETTING,
  TAG_ROOT,
  TAG_WORKING_DIRECTORY,
  TAG_NO_NEW_PRIVILEGES,
  TAG_SECCOMP_FILTER,
  TAG_SUPERVISED,
  TAG_GRACE,
  TAG_STAGE_TAKES_TERMINAL,
  TAG_COUNT
};

/* What is left of an item; `bad` sticks. Strings are copied to `arena`, which is as large as the body and so never short. */
struct reader {
  const uint8_t *at;
  size_t left;
  char *arena;
  bool bad;
};

static uint32_t number_at(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t take_number(struct reader *reader) {
  if (reader->bad || reader->left < 4) {
    reader->bad = true;
    return 0;
  }
  uint32_t value = number_at(reader->at);
  reader->at += 4;
  reader->left -= 4;
  return value;
}

static uint32_t take_bounded(struct reader *reader, uint32_t low, uint32_t high) {
  uint32_t value = take_number(reader);
  if (value < low || value > high) reader->bad = true;
  return value;
}

static const char *take_bytes(struct reader *reader, size_t length) {
  if (reader->bad || length > reader->left || memchr(reader->at, 0, length) != NULL) {
    reader->bad = true;
    return "";
  }
  char *copy = reader->arena;
  memcpy(copy, reader->at, length);
  copy[length] = 0;
  reader->arena += length + 1;
  reader->at += length;
  reader->left -= length;
  return copy;
}

static const char *take_string(struct reader *reader) {
  return take_bytes(reader, reader->left);
}

static const char *take_lstring(struct reader *reader) {
  uint32_t length = take_number(reader);
  return take_bytes(reader, length);
}

static const char *absolute(struct reader *reader, const char *path) {
  if (path[0] != '/') reader->bad = true;
  return path;
}

static const char *absolute_or_none(struct reader *reader, const char *path) {
  return path[0] == 0 ? NULL : absolute(reader, path);
}

static void take_mount(struct reader *reader, struct mount_operation *operation) {
  operation->kind = take_bounded(reader, MOUNT_BIND, MOUNT_DIRECTORY);
  if (operation->kind == MOUNT_DIRECTORY) {
    operation->mode = take_bounded(reader, 0, 07777);
    operation->target = absolute(reader, take_lstring(reader));
    return;
  }
  operation->flags = take_bounded(reader, 0, 31);
  if (operation->kind == MOUNT_BIND) {
    operation->create = take_bounded(reader, CREATE_NONE, CREATE_FILE);
    operation->idmap = take_bounded(reader, IDMAP_NONE, IDMAP_OWNER);
    operation->uid = take_number(reader);
    operation->gid = take_number(reader);
    operation->source = absolute(reader, take_lstring(reader));
  } else {
    if ((operation->flags & FLAG_RECURSIVE) != 0) reader->bad = true;
    operation->type = take_lstring(reader);
    operation->source = take_lstring(reader);
  }
  operation->root = absolute_or_none(reader, take_lstring(reader));
  operation->target = absolute(reader, take_lstring(reader));
  if (operation->create != CREATE_NONE && operation->root == NULL) reader->bad = true;
  if (operation->kind == MOUNT_FILE_SYSTEM) operation->options = take_lstring(reader);
}

static void take_id_map(struct reader *reader, struct id_map *map) {
  map->inside = take_number(reader);
  map->outside = take_number(reader);
  map->count = take_number(reader);
  if (map->count == 0 || map->inside > UINT32_MAX - map->count || map->outside > UINT32_MAX - map->count)
    reader->bad = true;
}

static void take_descriptor(struct reader *reader, struct descriptor *descriptor, uint32_t tag) {
  descriptor->kind = tag;
  descriptor->number = take_bounded(reader, 3, 99);
  if (tag == TAG_DESCRIPTOR_DATA) {
    descriptor->data = reader->at;
    descriptor->length = (uint32_t)reader->left;
    reader->left = 0;
  }
  if (tag == TAG_DESCRIPTOR_FILE) descriptor->path = absolute(reader, take_string(reader));
}

static const char *take_variable(struct reader *reader) {
  const char *variable = take_string(reader);
  const char *equals = strchr(variable, '=');
  if (equals == NULL || equals == variable) reader->bad = true;
  return variable;
}

static void take_item(struct reader *reader, uint32_t tag, uint32_t index, struct record *record) {
  switch (tag) {
  case TAG_FILE_PATH: record->file = absolute(reader, take_string(reader)); break;
  case TAG_FILE_DESCRIPTOR: record->file_descriptor = (int)take_bounded(reader, 3, 99); break;
  case TAG_ARGUMENT: record->arguments[record->argument_count++] = (char *)(uintptr_t)take_string(reader); break;
  case TAG_ENVIRONMENT: record->environment[record->environment_count++] = (char *)(uintptr_t)take_variable(reader); break;
  case TAG_DESCRIPTOR_DATA:
  case TAG_DESCRIPTOR_FILE:
  case TAG_DESCRIPTOR_STAGE:
  case TAG_DESCRIPTOR_STAGE_STATUS:
    record->descriptors[record->descriptor_count].item = index;
    take_descriptor(reader, &record->descriptors[record->descriptor_count++], tag);
    break;
  case TAG_USER_NAMESPACE: record->map_writer = take_bounded(reader, MAP_DIRECT, MAP_SINGLE); break;
  case TAG_UID_MAP: take_id_map(reader, &record->uid_map[record->uid_map_count++]); break;
  case TAG_GID_MAP: take_id_map(reader, &record->gid_map[record->gid_map_count++]); break;
  case TAG_NEWUIDMAP: record->newuidmap = absolute(reader, take_string(reader)); break;
  case TAG_NEWGIDMAP: record->newgidmap = absolute(reader, take_string(reader)); break;
  case TAG_NAMESPACES: record->namespaces = take_bounded(reader, 0, NAMESPACE_MOUNT | NAMESPACE_PID | NAMESPACE_NETWORK | NAMESPACE_USER_MAPS_ONLY); break;
  case TAG_HOST_MOUNT:
    record->host_mounts[record->host_mount_count].item = index;
    take_mount(reader, &record->host_mounts[record->host_mount_count++]);
    break;
  case TAG_SANDBOX_MOUNT:
    record->sandbox_mounts[record->sandbox_mount_count].item = index;
    take_mount(reader, &record->sandbox_mounts[record->sandbox_mount_count++]);
    break;
  case TAG_ROOT: record->root = absolute(reader, take_string(reader)); break;
  case TAG_WORKING_DIRECTORY: record->working_directory = absolute(reader, take_string(reader)); break;
  case TAG_NO_NEW_PRIVILEGES: record->no_new_privileges = true; break;
  case TAG_SECCOMP_FILTER: record->seccomp_filter = absolute(reader, take_string(reader)); break;
  case TAG_SUPERVISED: record->supervised = true; break;
  case TAG_GRACE: record->grace_ms = take_bounded(reader, 0, INT32_MAX); break;
  case TAG_STAGE_TAKES_TERMINAL: record->stage_takes_terminal = true; break;
  default: reader->bad = true;
  }
}

static void take_cgroup(struct reader *reader, uint32_t tag, uint32_t index, struct record *record, struct cgroup_setting **next) {
  if (tag == TAG_CGROUP) {
    struct cgroup *cgroup = &record->cgroups[record->cgroup_count++];
    cgroup->item = index;
    cgroup->path = absolute(reader, take_string(reader));
    cgroup->settings = *next;
  } else if (record->cgroup_count == 0) {
    reader->bad = true;
  } else {
    (*next)->file = take_lstring(reader);
    (*next)->value = take_lstring(reader);
    if ((*next)->file[0] == 0 || strchr((*next)->file, '/') != NULL) reader->bad = true;
    (*next)++;
    record->cgroups[record->cgroup_count - 1].setting_count++;
  }
}

static bool is_single(uint32_t tag) {
  switch (tag) {
  case TAG_ARGUMENT:
  case TAG_ENVIRONMENT:
  case TAG_DESCRIPTOR_DATA:
  case TAG_DESCRIPTOR_FILE:
  case TAG_UID_MAP:
  case TAG_GID_MAP:
  case TAG_HOST_MOUNT:
  case TAG_SANDBOX_MOUNT:
  case TAG_CGROUP:
  case TAG_CGROUP_SETTING: return false;
  default: return true;
  }
}

/* First pass: the frame holds, and how many items of each tag there are. */
static bool count_items(const uint8_t *body, size_t length, uint32_t counts[TAG_COUNT], uint32_t *item) {
  size_t at = 0;
  for (*item = 1;; ++*item) {
    if (length - at < 8) return false;
    uint32_t tag = number_at(body + at);
    uint32_t size = number_at(body + at + 4);
    at += 8;
    if (tag == 0) return size == 0 && at == length;
    if (tag >= TAG_COUNT || size > length - at) return false;
    if (++counts[tag] > 1 && is_single(tag)) return false;
    at += size;
  }
}

static bool needs_user_namespace(const struct mount_operation *operations, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (operations[i].idmap != IDMAP_NONE) return true;
  return false;
}

/* Kernel id 0 is never part of a map that root writes, whatever the plan says. */
static bool are_fit_maps(const struct id_map *maps, size_t count, uint32_t writer) {
  if (writer == MAP_SINGLE && (count != 1 || maps[0].count != 1)) return false;
  for (size_t i = 0; i < count; i++)
    if (writer == MAP_DIRECT && maps[i].outside == 0) return false;
  return count > 0;
}

static bool is_whole(const struct record *record) {
  bool numbered[100] = {false};
  for (size_t i = 0; i < record->descriptor_count; i++) {
    if (numbered[record->descriptors[i].number]) return false;
    numbered[record->descriptors[i].number] = true;
  }
  if ((record->file == NULL) == (record->file_descriptor < 0)) return false;
  if (record->file_descriptor >= 0 && !numbered[record->file_descriptor]) return false;
  if (record->argument_count == 0 || record->working_directory == NULL) return false;
  bool namespaced = record->map_writer != MAP_NONE;
  if (namespaced != are_fit_maps(record->uid_map, record->uid_map_count, record->map_writer)) return false;
  if (namespaced != are_fit_maps(record->gid_map, record->gid_map_count, record->map_writer)) return false;
  bool tools = record->map_writer == MAP_BY_TOOLS;
  if (tools != (record->newuidmap != NULL) || tools != (record->newgidmap != NULL)) return false;
  bool mounts = record->host_mount_count + record->sandbox_mount_count > 0;
  if (mounts && (record->namespaces & NAMESPACE_MOUNT) == 0) return false;
  if (needs_user_namespace(record->sandbox_mounts, record->sandbox_mount_count)) return false;
  if (needs_user_namespace(record->host_mounts, record->host_mount_count) && record->map_writer != MAP_DIRECT) return false;
  bool init = (record->namespaces & NAMESPACE_PID) != 0;
  return !init || record_descriptor(record, DESCRIPTOR_STAGE_STATUS) != NULL;
}

/* All of a record's memory in one piece: the arrays, then the arena. */
static bool allocate(struct record *record, const uint32_t counts[TAG_COUNT], size_t body, struct reader *reader, struct cgroup_setting **settings) {
  uint32_t descriptors = counts[TAG_DESCRIPTOR_DATA] + counts[TAG_DESCRIPTOR_FILE] + counts[TAG_DESCRIPTOR_STAGE] + counts[TAG_DESCRIPTOR_STAGE_STATUS];
  size_t sizes[] = {
      (counts[TAG_ARGUMENT] + 1) * sizeof(char *),
      (counts[TAG_ENVIRONMENT] + 1) * sizeof(char *),
      descriptors * sizeof(struct descriptor),
      counts[TAG_HOST_MOUNT] * sizeof(struct mount_operation),
      counts[TAG_SANDBOX_MOUNT] * sizeof(struct mount_operation),
      counts[TAG_CGROUP] * sizeof(struct cgroup),
      counts[TAG_CGROUP_SETTING] * sizeof(struct cgroup_setting),
      (counts[TAG_UID_MAP] + 1) / 2 * 2 * sizeof(struct id_map),
      (counts[TAG_GID_MAP] + 1) / 2 * 2 * sizeof(struct id_map),
      body,
  };
  void *parts[10] = {NULL};
  size_t total = 0;
  for (size_t i = 0; i < 10; i++) total += sizes[i];
  char *memory = calloc(1, total);
  if (memory == NULL) return false;
  record->memory = memory;
  for (size_t i = 0; i < 10; i++) {
    parts[i] = memory;
    memory += sizes[i];
  }
  record->arguments = parts[0];
  record->environment = parts[1];
  record->descriptors = parts[2];
  record->host_mounts = parts[3];
  record->sandbox_mounts = parts[4];
  record->cgroups = parts[5];
  *settings = parts[6];
  record->uid_map = parts[7];
  record->gid_map = parts[8];
  reader->arena = parts[9];
  return true;
}

bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  uint32_t counts[TAG_COUNT] = {0};
  *record = (struct record){.file_descriptor = -1, .grace_ms = 10000};
  *item = 0;
  if (length < RECORD_HEADER || memcmp(bytes, "ISOLREC1", 8) != 0) return false;
  uint32_t body = number_at(bytes + 8);
  if (body > RECORD_BODY_MAX || body != length - RECORD_HEADER) return false;
  if (!count_items(bytes + RECORD_HEADER, body, counts, item)) return false;

  struct reader reader = {.at = bytes + RECORD_HEADER};
  struct cgroup_setting *settings = NULL;
  if (!allocate(record, counts, body, &reader, &settings)) return false;
  for (*item = 1;; ++*item) {
    uint32_t tag = number_at(reader.at);
    const uint8_t *next = reader.at + 8 + number_at(reader.at + 4);
    if (tag == 0) break;
    reader.left = number_at(reader.at + 4);
    reader.at += 8;
    if (tag == TAG_CGROUP || tag == TAG_CGROUP_SETTING) take_cgroup(&reader, tag, *item, record, &settings);
    else take_item(&reader, tag, *item, record);
    if (reader.bad || reader.left != 0) {
      record_free(record);
      return false;
    }
    reader.at = next;
  }
  *item = 0;
  if (is_whole(record)) return true;
  record_free(record);
  return false;
}

void record_free(struct record *record) {
  free(record->memory);
  record->memory = NULL;
}

const struct descriptor *record_descriptor(const struct record *record, uint32_t kind) {
  for (size_t i = 0; i < record->descriptor_count; i++)
    if (record->descriptors[i].kind == kind) return &record->descriptors[i];
  return NULL;
}

static bool read_whole(int fd, uint8_t *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t count = read(fd, bytes + at, length - at);
    if (count == 0 || (count < 0 && errno != EINTR)) return false;
    if (count > 0) at += (size_t)count;
  }
  return true;
}

uint8_t *record_read(int fd, size_t *length) {
  uint8_t header[RECORD_HEADER];
  if (!read_whole(fd, header, sizeof header)) return NULL;
  uint32_t body = number_at(header + 8);
  uint8_t *bytes = body > RECORD_BODY_MAX ? NULL : malloc(sizeof header + body);
  if (bytes == NULL) return NULL;
  memcpy(bytes, header, sizeof header);
  *length = sizeof header + body;
  if (read_whole(fd, bytes + sizeof header, body)) return bytes;
  free(bytes);
  return NULL;
}
