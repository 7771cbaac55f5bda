/*
 * A user namespace comes to be in a process of its own that does nothing but unshare and wait to be killed: its maps
 * can only be written from outside, with the caller's rights, and the descriptor keeps it once the process is gone.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

enum { MAP_ENTRIES_MAX = 340 };

uint32_t identity_of_root(const struct id_map *maps, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (maps[i].inside == 0) return maps[i].outside;
  return 0;
}

static pid_t start_holder(int *error) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) {
    *error = errno;
    return -1;
  }
  pid_t holder = fork();
  if (holder == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int failed = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
    if (write(ready[1], &failed, sizeof failed) != sizeof failed) _exit(1);
    for (;;) pause();
  }
  if (holder < 0) *error = errno;
  close(ready[1]);
  if (holder > 0 && read(ready[0], error, sizeof *error) != sizeof *error) *error = ECHILD;
  close(ready[0]);
  return holder;
}

static bool write_proc(pid_t holder, const char *name, const char *text, size_t length) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)holder, name);
  return write_file(path, text, length);
}

static bool write_map(pid_t holder, const char *name, const struct id_map *maps, size_t count) {
  char text[MAP_ENTRIES_MAX * 36];
  size_t length = 0;
  if (count > MAP_ENTRIES_MAX) return errno = E2BIG, false;
  for (size_t i = 0; i < count; i++)
    length += (size_t)snprintf(text + length, sizeof text - length, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
  return write_proc(holder, name, text, length);
}

/* newuidmap(1) PID INSIDE OUTSIDE COUNT ...; it says itself on stderr what it does not allow. */
static bool map_by_tool(const char *tool, pid_t holder, const struct id_map *maps, size_t count) {
  static char words[MAP_ENTRIES_MAX * 3 + 1][12];
  char *arguments[MAP_ENTRIES_MAX * 3 + 3];
  char *environment[] = {NULL};
  size_t used = 0;
  if (count > MAP_ENTRIES_MAX) return errno = E2BIG, false;
  snprintf(words[used++], 12, "%d", (int)holder);
  for (size_t i = 0; i < count; i++) {
    snprintf(words[used++], 12, "%u", maps[i].inside);
    snprintf(words[used++], 12, "%u", maps[i].outside);
    snprintf(words[used++], 12, "%u", maps[i].count);
  }
  arguments[0] = (char *)(uintptr_t)tool;
  for (size_t i = 0; i < used; i++) arguments[i + 1] = words[i];
  arguments[used + 1] = NULL;
  int status = 0;
  pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    reset_signals();
    execve(tool, arguments, environment);
    _exit(errno & 0xff);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  if (status == 0) return true;
  errno = WIFEXITED(status) && WEXITSTATUS(status) == ENOENT ? ENOENT : EPERM;
  return false;
}

static bool write_maps(pid_t holder, const struct record *record) {
  if (record->map_writer == MAP_BY_TOOLS)
    return map_by_tool(record->newuidmap, holder, record->uid_map, record->uid_map_count) &&
           map_by_tool(record->newgidmap, holder, record->gid_map, record->gid_map_count);
  if (record->map_writer == MAP_SINGLE && !write_proc(holder, "setgroups", "deny", 4)) return false;
  return write_map(holder, "uid_map", record->uid_map, record->uid_map_count) &&
         write_map(holder, "gid_map", record->gid_map, record->gid_map_count);
}

int identity_make(const struct record *record, enum step *step) {
  char path[64];
  int error = 0;
  int fd = -1;
  pid_t holder = start_holder(&error);
  *step = STEP_USER_NAMESPACE;
  if (holder > 0 && error == 0) {
    *step = STEP_ID_MAP;
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)holder);
    if (!write_maps(holder, record) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) error = errno;
  }
  if (holder > 0) {
    kill(holder, SIGKILL);
    while (waitpid(holder, NULL, 0) < 0 && errno == EINTR) continue;
  }
  errno = error;
  return fd < 0 ? -1 : above_planned(fd);
}

int identity_make_for_owner(const struct record *record, uint32_t uid, uint32_t gid) {
  struct id_map uid_map = {uid, identity_of_root(record->uid_map, record->uid_map_count), 1};
  struct id_map gid_map = {gid, identity_of_root(record->gid_map, record->gid_map_count), 1};
  struct record owner = {.map_writer = MAP_DIRECT, .uid_map = &uid_map, .gid_map = &gid_map, .uid_map_count = 1, .gid_map_count = 1};
  enum step step;
  return identity_make(&owner, &step);
}

bool identity_enter(int user_namespace, bool may_set_groups) {
  gid_t none[] = {0};
  if (setns(user_namespace, CLONE_NEWUSER) < 0) return false;
  if (may_set_groups && setgroups(1, none) < 0) return false;
  return setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}
