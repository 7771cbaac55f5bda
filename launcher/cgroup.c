/* Directories of either cgroup version: made before the start, joined by the child, emptied and removed at the end. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

static bool write_in(const char *directory, const char *file, const char *value) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, file) >= sizeof path) return errno = ENAMETOOLONG, false;
  return write_file(path, value, strlen(value));
}

static bool apply_settings(const struct cgroup *cgroup) {
  for (size_t i = 0; i < cgroup->setting_count; i++)
    if (!write_in(cgroup->path, cgroup->settings[i].file, cgroup->settings[i].value)) return false;
  return true;
}

bool cgroup_make(const struct record *record, uint32_t *item) {
  for (size_t i = 0; i < record->cgroup_count; i++) {
    const struct cgroup *cgroup = &record->cgroups[i];
    bool made = mkdir(cgroup->path, 0755) == 0;
    if (made && apply_settings(cgroup)) continue;
    int error = errno;
    *item = cgroup->item;
    for (size_t j = 0; j < i + (made ? 1 : 0); j++) rmdir(record->cgroups[j].path);
    errno = error;
    return false;
  }
  return true;
}

bool cgroup_join(const struct record *record, uint32_t *item) {
  for (size_t i = 0; i < record->cgroup_count; i++) {
    *item = record->cgroups[i].item;
    if (!write_in(record->cgroups[i].path, "cgroup.procs", "0")) return false;
  }
  return true;
}

static void kill_members(const char *directory) {
  char path[4096];
  char text[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/cgroup.procs", directory) >= sizeof path) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  char *end;
  for (char *at = text; *at != 0; at = *end == 0 ? end : end + 1) {
    long pid = strtol(at, &end, 10);
    if (pid > 1 && *end == '\n') kill((pid_t)pid, SIGKILL);
    if (end == at) break;
  }
}

void cgroup_remove(const struct record *record) {
  struct timespec pause = {.tv_nsec = 1000000};
  for (size_t i = record->cgroup_count; i-- > 0;) {
    const char *path = record->cgroups[i].path;
    for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 100; tries++) {
      kill_members(path);
      nanosleep(&pause, NULL);
      if (pause.tv_nsec < 20000000) pause.tv_nsec += 1000000;
    }
  }
}
