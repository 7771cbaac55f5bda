/* Written by scripts/build-schema.ts from src/launch/schema.ts; RECORD.md says what each item means. */
#ifndef LAUNCH_SCHEMA_H
#define LAUNCH_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step { STEP_RECORD = 1, STEP_SUPERVISION = 2, STEP_FILTER_FILE = 3, STEP_USER_NAMESPACE = 4, STEP_ID_MAP = 5, STEP_CGROUP = 6, STEP_TERMINAL = 7, STEP_PROCESS_NAMESPACE = 8, STEP_DESCRIPTOR = 9, STEP_KEYRING = 10, STEP_SESSION = 11, STEP_MOUNT_NAMESPACE = 12, STEP_MOUNT = 13, STEP_IDENTITY = 14, STEP_ROOT = 15, STEP_WORKING_DIRECTORY = 16, STEP_NO_NEW_PRIVILEGES = 17, STEP_FILTER = 18, STEP_EXECUTE = 19, STEP_ENGINE = 20, STEP_NETWORK_NAMESPACE = 21, STEP_TREE = 22, STEP_STREAM = 23, STEP_FILE = 24, STEP_USER = 25, STEP_COMPANION = 26, STEP_JOIN = 27 };
enum event_kind { EVENT_STARTED = 1, EVENT_EXITED = 2, EVENT_KILLED = 3, EVENT_FAILED = 4, EVENT_NOT_EXECUTED = 5, EVENT_TIMED_OUT = 6, EVENT_UNREMOVED = 7 };
enum tag { TAG_FILE_PATH = 1, TAG_FILE_DESCRIPTOR = 2, TAG_ARGUMENT = 3, TAG_ENVIRONMENT = 4, TAG_DESCRIPTOR_DATA = 5, TAG_DESCRIPTOR_FILE = 6, TAG_DESCRIPTOR_STAGE = 7, TAG_DESCRIPTOR_STAGE_STATUS = 8, TAG_USER_NAMESPACE = 9, TAG_UID_MAP = 10, TAG_GID_MAP = 11, TAG_NEWUIDMAP = 12, TAG_NEWGIDMAP = 13, TAG_NAMESPACES = 14, TAG_HOST_MOUNT = 15, TAG_SANDBOX_MOUNT = 16, TAG_CGROUP = 17, TAG_CGROUP_SETTING = 18, TAG_ROOT = 19, TAG_WORKING_DIRECTORY = 20, TAG_NO_NEW_PRIVILEGES = 21, TAG_SECCOMP_FILTER = 22, TAG_SUPERVISED = 23, TAG_GRACE = 24, TAG_STAGE_TAKES_TERMINAL = 25, TAG_ENGINE = 26, TAG_CONTAINED_STREAMS = 27, TAG_GROUPS_OF_RUN = 28, TAG_DEADLINE = 29, TAG_MADE_FILE = 30, TAG_GROUP = 31, TAG_DESCRIPTOR_CHANNEL = 32, TAG_DESCRIPTOR_READY = 33, TAG_COMPANION = 34, TAG_SHELF_TREE = 35, TAG_INSIDE = 36, TAG_JOIN = 37, TAG_DIES_WITH_PARENT = 38 };
enum { MOUNT_BIND = 1, MOUNT_MOUNT = 2, MOUNT_MKDIR = 3, MOUNT_ATTACH = 4, MOUNT_MAKE = 5, MOUNT_COPY = 6 };
enum { FILE_DIRECTORY = 1, FILE_FILE = 2, FILE_UNLINK = 3, FILE_MOVE = 4, FILE_NOTE = 5, FILE_START = 6, FILE_TAKE = 7, FILE_REPLACE = 8 };
enum { MAP_DIRECT = 1, MAP_NEWIDMAP = 2, MAP_SINGLE = 3, MAP_GIVEN = 4 };
enum { NAMESPACE_MOUNT = 1, NAMESPACE_PID = 2, NAMESPACE_NETWORK = 4, NAMESPACE_USER_MAPS_ONLY = 8 };
enum { FLAG_RECURSIVE = 1, FLAG_RO = 2, FLAG_NOSUID = 4, FLAG_NODEV = 8, FLAG_NOEXEC = 16, FLAG_REAL = 32 };
enum { CREATE_NONE = 0, CREATE_DIRECTORY = 1, CREATE_FILE = 2 };
enum { IDMAP_NONE = 0, IDMAP_SANDBOX = 1, IDMAP_OWNER = 2 };
enum { EXISTING_FINE = 0, EXISTING_REFUSED = 1 };
enum { ACCESS_READ_ONLY = 0, ACCESS_READ_WRITE = 1 };
enum { END_STAYS = 0, END_REMOVED = 1 };
enum { IDENTITY_CALLER = 0, IDENTITY_SANDBOX = 1 };
enum { HELD_CALLERS = 0, HELD_AMBIENT = 1, HELD_BOUNDING = 2 };
enum { RULE_NO_NEW_PRIVILEGES = 1, RULE_NO_GROUPS = 2 };
enum { JOIN_SANDBOX = 1, JOIN_FILES = 2 };

struct bytes { const uint8_t *at; uint32_t length; };
/* `item`: its place in the record, from 1; `kind`: its tag, or that of the operation. */
struct descriptor { uint32_t item, kind; uint32_t number; struct bytes content; uint32_t access; const char *path; const char *user; uint32_t channel; uint32_t end; };
struct id_map { uint32_t item, kind; uint32_t inside; uint32_t outside; uint32_t count; };
struct mount_operation { uint32_t item, kind; uint32_t flags; uint32_t create; uint32_t idmap; uint32_t uid; uint32_t gid; const char *source; const char *root; const char *target; const char *type; const char *options; uint32_t mode; const char *path; const char *layer; const char *otherwise; const char *line; };
struct cgroup { uint32_t item, kind; const char *path; const char *file; const char *value; };
struct file_operation { uint32_t item, kind; uint32_t mode; uint32_t existing; uint32_t end; const char *path; const char *content; const char *numbers_of; const char *to; struct bytes words; const char *claim; const char *boot; };
struct id { uint32_t item, kind; uint32_t gid; };
struct companion { uint32_t item, kind; const char *name; uint32_t identity; const char *ready_socket; struct bytes program; };
/* A list of texts ends with NULL. */
struct texts { char * *items; size_t count; };
struct descriptors { struct descriptor *items; size_t count; };
struct id_maps { struct id_map *items; size_t count; };
struct mount_operations { struct mount_operation *items; size_t count; };
struct cgroups { struct cgroup *items; size_t count; };
struct file_operations { struct file_operation *items; size_t count; };
struct ids { struct id *items; size_t count; };
struct companions { struct companion *items; size_t count; };
struct record {
  struct texts arguments;
  struct texts environment;
  struct descriptors descriptors;
  struct id_maps uid_maps;
  struct id_maps gid_maps;
  struct mount_operations host_mounts;
  struct mount_operations sandbox_mounts;
  struct cgroups cgroups;
  struct file_operations files;
  struct ids groups;
  struct companions companions;
  const char *file;
  uint32_t file_descriptor;
  uint32_t map_writer;
  const char *newuidmap;
  const char *newgidmap;
  uint32_t namespaces;
  const char *root;
  const char *working_directory;
  bool no_new_privileges;
  const char *seccomp_filter;
  bool supervised;
  uint32_t grace_ms;
  bool stage_takes_terminal;
  const char *engine;
  bool contained_streams;
  const char *groups_of_run;
  uint32_t deadline_ms;
  const char *shelf;
  const char *shelf_path;
  uint32_t shelf_device;
  const char *inside_run;
  uint32_t inside_held;
  uint32_t inside_capabilities;
  uint32_t inside_rules;
  const char *inside_variable;
  const char *inside_filter;
  const char *inside_directory;
  uint32_t inside_command;
  uint32_t join_kind;
  uint32_t join_holder;
  const char *join_start;
  const char *join_run;
  bool dies_with_parent;
  struct bytes whole; /* what it was read from */
  void *texts, *bytes; /* what the texts and the contents point into */
};

enum field_type { FIELD_FLAG, FIELD_NUMBER, FIELD_BITS, FIELD_TEXT, FIELD_PATH, FIELD_OPTIONAL_PATH, FIELD_NAME, FIELD_VARIABLE, FIELD_BYTES };
struct field { enum field_type type; size_t offset; uint32_t low, high; };
struct shape { const struct field *fields; size_t count; };
/* `kinds`: its value begins with the number of one of these. `size`: of an element of the list at `offset`; 0: no list. */
struct rule { struct shape shape; const struct shape *kinds; size_t kind_count, offset, size; bool once, required; };

static const struct field bind_mount_operation[] = {{FIELD_BITS, offsetof(struct mount_operation, flags), 0u, 63u}, {FIELD_NUMBER, offsetof(struct mount_operation, create), 0u, 2u}, {FIELD_NUMBER, offsetof(struct mount_operation, idmap), 0u, 2u}, {FIELD_NUMBER, offsetof(struct mount_operation, uid), 0u, 4294967295u}, {FIELD_NUMBER, offsetof(struct mount_operation, gid), 0u, 4294967295u}, {FIELD_PATH, offsetof(struct mount_operation, source), 0u, 0u}, {FIELD_OPTIONAL_PATH, offsetof(struct mount_operation, root), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, target), 0u, 0u}};
static const struct field mount_mount_operation[] = {{FIELD_BITS, offsetof(struct mount_operation, flags), 0u, 30u}, {FIELD_TEXT, offsetof(struct mount_operation, type), 0u, 0u}, {FIELD_TEXT, offsetof(struct mount_operation, source), 0u, 0u}, {FIELD_OPTIONAL_PATH, offsetof(struct mount_operation, root), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, target), 0u, 0u}, {FIELD_TEXT, offsetof(struct mount_operation, options), 0u, 0u}};
static const struct field mkdir_mount_operation[] = {{FIELD_NUMBER, offsetof(struct mount_operation, mode), 0u, 4095u}, {FIELD_PATH, offsetof(struct mount_operation, path), 0u, 0u}};
static const struct field attach_mount_operation[] = {{FIELD_BITS, offsetof(struct mount_operation, flags), 0u, 30u}, {FIELD_NUMBER, offsetof(struct mount_operation, idmap), 0u, 1u}, {FIELD_TEXT, offsetof(struct mount_operation, source), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, target), 0u, 0u}};
static const struct field make_mount_operation[] = {{FIELD_NUMBER, offsetof(struct mount_operation, create), 1u, 2u}, {FIELD_PATH, offsetof(struct mount_operation, root), 0u, 0u}, {FIELD_OPTIONAL_PATH, offsetof(struct mount_operation, layer), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, target), 0u, 0u}};
static const struct field copy_mount_operation[] = {{FIELD_PATH, offsetof(struct mount_operation, root), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, source), 0u, 0u}, {FIELD_PATH, offsetof(struct mount_operation, target), 0u, 0u}, {FIELD_TEXT, offsetof(struct mount_operation, otherwise), 0u, 0u}, {FIELD_TEXT, offsetof(struct mount_operation, line), 0u, 0u}};
static const struct shape mount_operation_shapes[] = {[1] = {bind_mount_operation, 8}, [2] = {mount_mount_operation, 6}, [3] = {mkdir_mount_operation, 2}, [4] = {attach_mount_operation, 4}, [5] = {make_mount_operation, 4}, [6] = {copy_mount_operation, 5}};
static const struct field directory_file_operation[] = {{FIELD_NUMBER, offsetof(struct file_operation, mode), 0u, 4095u}, {FIELD_NUMBER, offsetof(struct file_operation, existing), 0u, 1u}, {FIELD_NUMBER, offsetof(struct file_operation, end), 0u, 1u}, {FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}};
static const struct field file_file_operation[] = {{FIELD_NUMBER, offsetof(struct file_operation, mode), 0u, 4095u}, {FIELD_NUMBER, offsetof(struct file_operation, existing), 0u, 1u}, {FIELD_NUMBER, offsetof(struct file_operation, end), 0u, 1u}, {FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_TEXT, offsetof(struct file_operation, content), 0u, 0u}, {FIELD_OPTIONAL_PATH, offsetof(struct file_operation, numbers_of), 0u, 0u}};
static const struct field unlink_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}};
static const struct field move_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_PATH, offsetof(struct file_operation, to), 0u, 0u}};
static const struct field note_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_TEXT, offsetof(struct file_operation, content), 0u, 0u}};
static const struct field start_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_BYTES, offsetof(struct file_operation, words), 0u, 0u}, {FIELD_PATH, offsetof(struct file_operation, claim), 0u, 0u}, {FIELD_TEXT, offsetof(struct file_operation, boot), 0u, 0u}};
static const struct field take_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_PATH, offsetof(struct file_operation, to), 0u, 0u}};
static const struct field replace_file_operation[] = {{FIELD_PATH, offsetof(struct file_operation, path), 0u, 0u}, {FIELD_PATH, offsetof(struct file_operation, to), 0u, 0u}, {FIELD_TEXT, offsetof(struct file_operation, content), 0u, 0u}};
static const struct shape file_operation_shapes[] = {[1] = {directory_file_operation, 4}, [2] = {file_file_operation, 6}, [3] = {unlink_file_operation, 1}, [4] = {move_file_operation, 2}, [5] = {note_file_operation, 2}, [6] = {start_file_operation, 4}, [7] = {take_file_operation, 2}, [8] = {replace_file_operation, 3}};
static const struct field file_path_fields[] = {{FIELD_PATH, offsetof(struct record, file), 0u, 0u}};
static const struct field file_descriptor_fields[] = {{FIELD_NUMBER, offsetof(struct record, file_descriptor), 3u, 99u}};
static const struct field argument_fields[] = {{FIELD_TEXT, 0, 0u, 0u}};
static const struct field environment_fields[] = {{FIELD_VARIABLE, 0, 0u, 0u}};
static const struct field descriptor_data_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}, {FIELD_BYTES, offsetof(struct descriptor, content), 0u, 0u}};
static const struct field descriptor_file_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}, {FIELD_NUMBER, offsetof(struct descriptor, access), 0u, 1u}, {FIELD_PATH, offsetof(struct descriptor, path), 0u, 0u}};
static const struct field descriptor_stage_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}};
static const struct field descriptor_stage_status_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}, {FIELD_TEXT, offsetof(struct descriptor, user), 0u, 0u}};
static const struct field user_namespace_fields[] = {{FIELD_NUMBER, offsetof(struct record, map_writer), 1u, 4u}};
static const struct field uid_map_fields[] = {{FIELD_NUMBER, offsetof(struct id_map, inside), 0u, 4294967295u}, {FIELD_NUMBER, offsetof(struct id_map, outside), 0u, 4294967295u}, {FIELD_NUMBER, offsetof(struct id_map, count), 1u, 4294967295u}};
static const struct field gid_map_fields[] = {{FIELD_NUMBER, offsetof(struct id_map, inside), 0u, 4294967295u}, {FIELD_NUMBER, offsetof(struct id_map, outside), 0u, 4294967295u}, {FIELD_NUMBER, offsetof(struct id_map, count), 1u, 4294967295u}};
static const struct field newuidmap_fields[] = {{FIELD_PATH, offsetof(struct record, newuidmap), 0u, 0u}};
static const struct field newgidmap_fields[] = {{FIELD_PATH, offsetof(struct record, newgidmap), 0u, 0u}};
static const struct field namespaces_fields[] = {{FIELD_BITS, offsetof(struct record, namespaces), 0u, 15u}};
static const struct field cgroup_fields[] = {{FIELD_PATH, offsetof(struct cgroup, path), 0u, 0u}};
static const struct field cgroup_setting_fields[] = {{FIELD_PATH, offsetof(struct cgroup, path), 0u, 0u}, {FIELD_NAME, offsetof(struct cgroup, file), 0u, 0u}, {FIELD_TEXT, offsetof(struct cgroup, value), 0u, 0u}};
static const struct field root_fields[] = {{FIELD_PATH, offsetof(struct record, root), 0u, 0u}};
static const struct field working_directory_fields[] = {{FIELD_PATH, offsetof(struct record, working_directory), 0u, 0u}};
static const struct field no_new_privileges_fields[] = {{FIELD_FLAG, offsetof(struct record, no_new_privileges), 0u, 0u}};
static const struct field seccomp_filter_fields[] = {{FIELD_PATH, offsetof(struct record, seccomp_filter), 0u, 0u}};
static const struct field supervised_fields[] = {{FIELD_FLAG, offsetof(struct record, supervised), 0u, 0u}};
static const struct field grace_fields[] = {{FIELD_NUMBER, offsetof(struct record, grace_ms), 0u, 2147483647u}};
static const struct field stage_takes_terminal_fields[] = {{FIELD_FLAG, offsetof(struct record, stage_takes_terminal), 0u, 0u}};
static const struct field engine_fields[] = {{FIELD_TEXT, offsetof(struct record, engine), 0u, 0u}};
static const struct field contained_streams_fields[] = {{FIELD_FLAG, offsetof(struct record, contained_streams), 0u, 0u}};
static const struct field groups_of_run_fields[] = {{FIELD_TEXT, offsetof(struct record, groups_of_run), 0u, 0u}};
static const struct field deadline_fields[] = {{FIELD_NUMBER, offsetof(struct record, deadline_ms), 1u, 2147483647u}};
static const struct field group_fields[] = {{FIELD_NUMBER, offsetof(struct id, gid), 0u, 4294967295u}};
static const struct field descriptor_channel_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}, {FIELD_NUMBER, offsetof(struct descriptor, channel), 0u, 15u}, {FIELD_NUMBER, offsetof(struct descriptor, end), 0u, 1u}};
static const struct field descriptor_ready_fields[] = {{FIELD_NUMBER, offsetof(struct descriptor, number), 3u, 99u}};
static const struct field companion_fields[] = {{FIELD_TEXT, offsetof(struct companion, name), 0u, 0u}, {FIELD_NUMBER, offsetof(struct companion, identity), 0u, 1u}, {FIELD_OPTIONAL_PATH, offsetof(struct companion, ready_socket), 0u, 0u}, {FIELD_BYTES, offsetof(struct companion, program), 0u, 0u}};
static const struct field shelf_tree_fields[] = {{FIELD_PATH, offsetof(struct record, shelf), 0u, 0u}, {FIELD_PATH, offsetof(struct record, shelf_path), 0u, 0u}, {FIELD_NUMBER, offsetof(struct record, shelf_device), 0u, 4294967295u}};
static const struct field inside_fields[] = {{FIELD_TEXT, offsetof(struct record, inside_run), 0u, 0u}, {FIELD_NUMBER, offsetof(struct record, inside_held), 0u, 2u}, {FIELD_NUMBER, offsetof(struct record, inside_capabilities), 0u, 4294967295u}, {FIELD_BITS, offsetof(struct record, inside_rules), 0u, 3u}, {FIELD_TEXT, offsetof(struct record, inside_variable), 0u, 0u}, {FIELD_OPTIONAL_PATH, offsetof(struct record, inside_filter), 0u, 0u}, {FIELD_PATH, offsetof(struct record, inside_directory), 0u, 0u}, {FIELD_NUMBER, offsetof(struct record, inside_command), 3u, 99u}};
static const struct field join_fields[] = {{FIELD_NUMBER, offsetof(struct record, join_kind), 1u, 2u}, {FIELD_NUMBER, offsetof(struct record, join_holder), 1u, 4294967295u}, {FIELD_TEXT, offsetof(struct record, join_start), 0u, 0u}, {FIELD_TEXT, offsetof(struct record, join_run), 0u, 0u}};
static const struct field dies_with_parent_fields[] = {{FIELD_FLAG, offsetof(struct record, dies_with_parent), 0u, 0u}};
/* By tag. */
static const struct rule rules[] = {
  [1] = {{file_path_fields, 1}, .once = true},
  [2] = {{file_descriptor_fields, 1}, .once = true},
  [3] = {{argument_fields, 1}, .offset = offsetof(struct record, arguments), .size = sizeof(char *), .required = true},
  [4] = {{environment_fields, 1}, .offset = offsetof(struct record, environment), .size = sizeof(char *)},
  [5] = {{descriptor_data_fields, 2}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor)},
  [6] = {{descriptor_file_fields, 3}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor)},
  [7] = {{descriptor_stage_fields, 1}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor), .once = true},
  [8] = {{descriptor_stage_status_fields, 2}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor), .once = true},
  [9] = {{user_namespace_fields, 1}, .once = true},
  [10] = {{uid_map_fields, 3}, .offset = offsetof(struct record, uid_maps), .size = sizeof(struct id_map)},
  [11] = {{gid_map_fields, 3}, .offset = offsetof(struct record, gid_maps), .size = sizeof(struct id_map)},
  [12] = {{newuidmap_fields, 1}, .once = true},
  [13] = {{newgidmap_fields, 1}, .once = true},
  [14] = {{namespaces_fields, 1}, .once = true},
  [15] = {.kinds = mount_operation_shapes, .kind_count = sizeof mount_operation_shapes / sizeof *mount_operation_shapes, .offset = offsetof(struct record, host_mounts), .size = sizeof(struct mount_operation)},
  [16] = {.kinds = mount_operation_shapes, .kind_count = sizeof mount_operation_shapes / sizeof *mount_operation_shapes, .offset = offsetof(struct record, sandbox_mounts), .size = sizeof(struct mount_operation)},
  [17] = {{cgroup_fields, 1}, .offset = offsetof(struct record, cgroups), .size = sizeof(struct cgroup)},
  [18] = {{cgroup_setting_fields, 3}, .offset = offsetof(struct record, cgroups), .size = sizeof(struct cgroup)},
  [19] = {{root_fields, 1}, .once = true},
  [20] = {{working_directory_fields, 1}, .once = true, .required = true},
  [21] = {{no_new_privileges_fields, 1}, .once = true},
  [22] = {{seccomp_filter_fields, 1}, .once = true},
  [23] = {{supervised_fields, 1}, .once = true},
  [24] = {{grace_fields, 1}, .once = true, .required = true},
  [25] = {{stage_takes_terminal_fields, 1}, .once = true},
  [26] = {{engine_fields, 1}, .once = true},
  [27] = {{contained_streams_fields, 1}, .once = true},
  [28] = {{groups_of_run_fields, 1}, .once = true},
  [29] = {{deadline_fields, 1}, .once = true},
  [30] = {.kinds = file_operation_shapes, .kind_count = sizeof file_operation_shapes / sizeof *file_operation_shapes, .offset = offsetof(struct record, files), .size = sizeof(struct file_operation)},
  [31] = {{group_fields, 1}, .offset = offsetof(struct record, groups), .size = sizeof(struct id)},
  [32] = {{descriptor_channel_fields, 3}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor)},
  [33] = {{descriptor_ready_fields, 1}, .offset = offsetof(struct record, descriptors), .size = sizeof(struct descriptor), .once = true},
  [34] = {{companion_fields, 4}, .offset = offsetof(struct record, companions), .size = sizeof(struct companion)},
  [35] = {{shelf_tree_fields, 3}, .once = true},
  [36] = {{inside_fields, 8}, .once = true},
  [37] = {{join_fields, 4}, .once = true},
  [38] = {{dies_with_parent_fields, 1}, .once = true},
};

#endif
