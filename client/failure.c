/* The sentences of src/launch/failure.ts in C. Their words are in texts.h, which is written from the same sources. */
#include "client.h"

#include <stdarg.h>

#include "texts.h"

static char text[65536];
static size_t used;

static __attribute__((format(printf, 1, 2))) void add(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text + used, sizeof text - used, format, arguments);
  va_end(arguments);
  if (length > 0) used += (size_t)length;
  if (used > sizeof text - 1) used = sizeof text - 1;
}

static const struct mount_operation *find_mount(const struct record *record, uint32_t item) {
  const struct mount_operations *lists[] = {&record->host_mounts, &record->sandbox_mounts};
  for (int list = 0; list < 2; list++)
    for (size_t i = 0; i < lists[list]->count; i++)
      if (lists[list]->items[i].item == item) return &lists[list]->items[i];
  return NULL;
}

static void add_mount(const struct mount_operation *operation) {
  const char *root = operation->root == NULL ? "" : operation->root;
  switch (operation->kind) {
  case MOUNT_MKDIR: add("%s", operation->path); break;
  case MOUNT_MAKE: add("%s%s", root, operation->target); break;
  case MOUNT_COPY: add("%s%s on %s", root, operation->source, operation->target); break;
  default: add("%s on %s%s", operation->source, root, operation->target);
  }
}

/* What the item of the record is about: " (OBJECT)", or nothing. */
static void add_object(const struct record *record, uint32_t item) {
  const struct mount_operation *operation = find_mount(record, item);
  if (operation != NULL) {
    add(" (");
    add_mount(operation);
    add(")");
  }
  for (size_t i = 0; i < record->descriptors.count; i++)
    if (record->descriptors.items[i].item == item) {
      if (record->descriptors.items[i].path != NULL) add(" (%s)", record->descriptors.items[i].path);
      else add(" (descriptor %u)", record->descriptors.items[i].number);
    }
  for (size_t i = 0; i < record->files.count; i++)
    if (record->files.items[i].item == item) add(" (%s)", record->files.items[i].path);
  for (size_t i = 0; i < record->cgroups.count; i++) {
    const struct cgroup *cgroup = &record->cgroups.items[i];
    if (cgroup->item == item) add(" (%s%s%s)", cgroup->path, cgroup->file == NULL ? "" : "/", cgroup->file == NULL ? "" : cgroup->file);
  }
}

static const char *companion_name(const struct record *record, uint32_t item) {
  for (size_t i = 0; i < record->companions.count; i++)
    if (record->companions.items[i].item == item) return record->companions.items[i].name;
  return "";
}

static void add_place(const struct record *record, struct event event) {
  if (event.a == STEP_TREE && record->shelf != NULL) {
    add("while taking %s from the shelf", record->shelf_path);
    return;
  }
  switch (event.a) {
  case STEP_EXECUTE:
    if (record->file == NULL) add("while executing %u", record->file_descriptor);
    else add("while executing %s", record->file);
    break;
  case STEP_ROOT: add("while changing the root to %s", record->root); break;
  case STEP_STREAM: add("at standard %s", event.c == 0 ? "input" : event.c == 1 ? "output" : "error"); break;
  case STEP_WORKING_DIRECTORY: add("while changing the directory to %s", record->working_directory); break;
  case STEP_COMPANION:
    add(event.b == 0 ? "because the companion %s ended" : "while starting the companion %s", companion_name(record, event.c));
    break;
  default:
    add("in the step %s", event.a < sizeof step_names / sizeof *step_names ? step_names[event.a] : step_names[STEP_SUPERVISION]);
    if (event.c != 0) add_object(record, event.c);
  }
}

static void add_cause(uint32_t error) {
  bool known = error < sizeof error_texts / sizeof *error_texts && error_texts[error] != NULL;
  if (error != 0 && known) add(": %s", error_texts[error]);
  else if (error != 0) add(": Unknown system error %d", -(int)error);
}

/* What the caller knows as `path`, which the plan put together. */
static const char *source_of(const struct record *record, const char *path) {
  char at[8192];
  for (size_t i = 0; i < record->host_mounts.count; i++) {
    const struct mount_operation *operation = &record->host_mounts.items[i];
    if (operation->kind != MOUNT_BIND && operation->kind != MOUNT_ATTACH) continue;
    snprintf(at, sizeof at, "%s%s", operation->root == NULL ? "" : operation->root, operation->target);
    if (strcmp(at, path) == 0) return operation->source;
  }
  return path;
}

/* Why a command is not executed in a run; false: for a reason that every launch may have. */
static bool add_join_failure(const struct record *record, struct event event, const char **code) {
  if (event.a == STEP_JOIN && event.b == ESRCH) *code = "run-missing", add(JOIN_ENDED, record->join_run);
  else if (event.a == STEP_JOIN && event.b == EAGAIN) *code = "run-missing", add(JOIN_EARLY, record->join_run);
  else if (event.a == STEP_ENGINE) *code = "engine-failed", add(JOIN_KILLED, record->join_run);
  else if (event.a == STEP_WORKING_DIRECTORY) add(JOIN_DIRECTORY, record->join_run);
  else if (event.a == STEP_USER) *code = "bad-name", add(JOIN_USER, record->join_run);
  return used > 0;
}

/* What another run had taken before us. */
static bool was_taken(const struct record *record, struct event event) {
  if (event.a != STEP_FILE || (event.b != ENOENT && event.b != EEXIST)) return false;
  for (size_t i = 0; i < record->files.count; i++)
    if (record->files.items[i].item == event.c) return record->files.items[i].kind == FILE_TAKE;
  return false;
}

struct failure failure_of(const struct record *record, struct event event) {
  const struct mount_operation *operation = event.a == STEP_MOUNT ? find_mount(record, event.c) : NULL;
  struct failure failure = {.code = "launch-failed", .message = text};
  used = 0;
  if (event.kind == EVENT_UNREMOVED) {
    add("The run could not clean up");
    add_object(record, event.b);
    add_cause(event.a);
    add(".");
  } else if (record->join_run != NULL && add_join_failure(record, event, &failure.code)) {
    return failure;
  } else if (was_taken(record, event)) {
    failure.code = "session-in-use";
    failure.hint = TAKEN_HINT;
    add("%s", TAKEN_FAILURE);
  } else if (event.a == STEP_ENGINE) {
    failure.code = "engine-failed";
    add("%s could not start the command%s.", record->engine == NULL ? "" : record->engine, event.b == ENOMEM ? ENGINE_OUT_OF_MEMORY : "");
  } else if (event.a == STEP_USER) {
    const struct descriptor *stage = record_descriptor(record, TAG_DESCRIPTOR_STAGE_STATUS);
    bool named = event.b == ENOENT || event.b == ESRCH || event.b == ENODATA;
    failure.code = named ? "bad-name" : "cannot-enforce";
    add("The user %s ", stage == NULL ? "" : stage->user);
    add("%s.", event.b == ENOENT ? USER_ENOENT : event.b == ESRCH ? USER_ESRCH : named ? USER_ENODATA : USER_EINVAL);
  } else if (operation != NULL && operation->kind == MOUNT_MAKE) {
    bool full = event.b == ENOSPC || event.b == EDQUOT;
    failure.code = full ? "pool-full" : "bad-bind";
    failure.hint = full ? "free some space there" : "make it before the run";
    add("The bind target %s%s could not be made", source_of(record, operation->root), operation->target);
    add_cause(event.b);
    add(".");
  } else if (operation != NULL && operation->kind == MOUNT_COPY && event.b == EFBIG) {
    failure.code = "cannot-enforce";
    failure.hint = "make the file smaller in the template";
    add("%s in %s is too large to copy: over 8 MiB, or over your file size limit.", operation->source,
        source_of(record, operation->root));
  } else {
    add("The launch failed ");
    add_place(record, event);
    add_cause(event.b);
    add(".");
  }
  return failure;
}
