/* Directories of either cgroup version: made before the start, joined by the child, emptied and removed at the end. */
#include "../client/client.h"
#include "launcher.h"

#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/vfs.h>
#include <time.h>

static bool join_path(char path[4096], const struct cgroup *cgroup, const char *file) {
  bool fits = snprintf(path, 4096, "%s/%s", cgroup->path, file) < 4096;
  if (!fits) errno = ENAMETOOLONG;
  return fits;
}

static bool write_in(const struct cgroup *cgroup, const char *file, const char *value) {
  char path[4096];
  return join_path(path, cgroup, file) && write_file(path, value);
}

bool cgroup_make(const struct cgroups *cgroups) {
  for (size_t i = 0; i < cgroups->count; i++) {
    const struct cgroup *cgroup = &cgroups->items[i];
    place.item = cgroup->item;
    if (cgroup->file == NULL ? mkdir(cgroup->path, 0755) == 0 : write_in(cgroup, cgroup->file, cgroup->value)) continue;
    int error = errno;
    for (size_t j = i; j-- > 0;)
      if (cgroups->items[j].file == NULL) rmdir(cgroups->items[j].path);
    errno = error;
    return false;
  }
  place.item = 0;
  return true;
}

/*
 * A process that is moved waits until all others on the host have passed a point where none of them forks or ends: 7 to 15 ms.
 * Not so one that is born in a group, as in version 2, nor a thread that moves itself, as in version 1; the child has only one.
 */
static bool born_in_group;

pid_t cgroup_fork(const struct record *record) {
  struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
  struct statfs system;
  pid_t child = -1;
  for (size_t i = 0; i < record->cgroups.count && child < 0 && record->groups_of_run == NULL; i++) {
    const struct cgroup *cgroup = &record->cgroups.items[i];
    int fd = cgroup->file == NULL ? open(cgroup->path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    arguments.cgroup = (uint64_t)fd;
    if (fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type == CGROUP2_SUPER_MAGIC)
      child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    born_in_group = child == 0;
    close_quietly(fd);
  }
  return child < 0 ? fork() : child;
}

static bool move_self(const struct cgroup *cgroup) {
  if (write_in(cgroup, "tasks", "0")) return true;
  return errno == ENOENT && (born_in_group || write_in(cgroup, "cgroup.procs", "0"));
}

bool cgroup_join(const struct record *record) {
  const struct cgroups *cgroups = &record->cgroups;
  if (record->groups_of_run != NULL) return connection_join(record->groups_of_run);
  for (size_t i = 0; i < cgroups->count; i++) {
    place.item = cgroups->items[i].item;
    if (cgroups->items[i].file == NULL && !move_self(&cgroups->items[i])) return false;
  }
  place.item = 0;
  return true;
}

uint32_t cgroup_memory_kills(const struct cgroups *cgroups) {
  static const char *const files[] = {"memory.events", "memory.oom_control"}; /* of version 2 and 1 */
  char path[4096], text[1024];
  uint32_t kills = 0;
  for (size_t i = 0; i < 2 * cgroups->count; i++) {
    const struct cgroup *setting = &cgroups->items[i / 2];
    if (setting->file == NULL || strncmp(setting->file, "memory.", 7) != 0 || !join_path(path, setting, files[i % 2])) continue;
    read_text(path, text, sizeof text);
    const char *line = strstr(text, "\noom_kill ");
    if (line != NULL) kills += (uint32_t)strtoul(line + strlen("\noom_kill "), NULL, 10);
  }
  return kills;
}

/* Waits at most two seconds for the processes of each to be gone. */
void cgroup_remove(const struct cgroups *cgroups) {
  char members[4096];
  struct timespec pause = {.tv_nsec = 1000000};
  for (size_t i = cgroups->count; i-- > 0;) {
    const struct cgroup *cgroup = &cgroups->items[i];
    if (cgroup->file != NULL || !join_path(members, cgroup, "cgroup.procs")) continue;
    for (int tries = 0; rmdir(cgroup->path) < 0 && errno == EBUSY && tries < 100; tries++) {
      kill_listed(members);
      nanosleep(&pause, NULL);
      if (pause.tv_nsec < 20000000) pause.tv_nsec += 1000000;
    }
  }
}
