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

static void add_escaped(const char *string) {
  for (char shown[8]; *string != 0;) {
    string += escape_character(string, shown);
    add("%s", shown);
  }
}

/* What the item of the record is about: " (OBJECT)", or nothing. */
static void add_object(const struct record *record, uint32_t item) {
  const struct mount_operations *lists[] = {&record->host_mounts, &record->sandbox_mounts};
  for (size_t i = 0; i < record->descriptors.count; i++)
    if (record->descriptors.items[i].item == item) add(" (descriptor %u)", record->descriptors.items[i].number);
  for (size_t i = 0; i < 2 * (record->host_mounts.count + record->sandbox_mounts.count); i++) {
    const struct mount_operations *mounts = lists[i % 2];
    if (i / 2 >= mounts->count || mounts->items[i / 2].item != item) continue;
    const struct mount_operation *operation = &mounts->items[i / 2];
    add(" (");
    if (operation->kind == MOUNT_COPY) add_escaped(operation->root);
    if (operation->kind == MOUNT_COPY || operation->kind == MOUNT_BIND || operation->kind == MOUNT_MOUNT || operation->kind == MOUNT_ATTACH) {
      add_escaped(operation->kind == MOUNT_ATTACH ? ATTACHED : operation->source);
      add(" on ");
    }
    if (operation->root != NULL && operation->kind != MOUNT_COPY) add_escaped(operation->root);
    add_escaped(operation->path != NULL ? operation->path : operation->target);
    add(")");
  }
  for (size_t i = 0; i < record->cgroups.count; i++) {
    const struct cgroup *cgroup = &record->cgroups.items[i];
    if (cgroup->item != item) continue;
    add(" (");
    add_escaped(cgroup->path);
    if (cgroup->file != NULL) add("/");
    if (cgroup->file != NULL) add_escaped(cgroup->file);
    add(")");
  }
}

static void add_place(const struct record *record, struct event event) {
  if (event.a == STEP_EXECUTE && record->file == NULL) {
    add("at executing %u", record->file_descriptor);
  } else if (event.a == STEP_EXECUTE) {
    add("at executing ");
    add_escaped(record->file);
  } else if (event.a == STEP_ROOT) {
    add("at changing the root to ");
    add_escaped(record->root);
  } else if (event.a == STEP_STREAM) {
    add("at standard %s", event.c == 0 ? "input" : event.c == 1 ? "output" : "error");
  } else if (event.a == STEP_WORKING_DIRECTORY) {
    add("at changing the directory to ");
    add_escaped(record->working_directory);
  } else {
    add("in the step %s", event.a < sizeof step_names / sizeof *step_names ? step_names[event.a] : step_names[STEP_SUPERVISION]);
    if (event.c != 0) add_object(record, event.c);
  }
}

void failure_tell(const struct record *record, struct event event) {
  bool known = event.b < sizeof error_texts / sizeof *error_texts && error_texts[event.b] != NULL;
  used = 0;
  if (event.a == STEP_ENGINE) {
    add("isolate: ");
    add_escaped(record->engine == NULL ? "" : record->engine);
    add(" could not start the command%s.\n", event.b == ENOMEM ? ENGINE_OUT_OF_MEMORY : "");
  } else {
    add("isolate: The launch failed ");
    add_place(record, event);
    if (event.b != 0 && known) add(": %s", error_texts[event.b]);
    else if (event.b != 0) add(": Unknown system error %d", -(int)event.b);
    add(".\n");
  }
  if (write(STDERR_FILENO, text, used) < 0) return;
}
