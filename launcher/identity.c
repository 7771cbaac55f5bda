/*
 * A user namespace comes to be in a process of its own that does nothing but wait to be killed: its maps can only be
 * written from outside, with the caller's rights, and the descriptor keeps it once the process is gone.
 */
#include "launcher.h"

#include <grp.h>

enum { MAP_ENTRIES_MAX = 340, MAP_TEXT_MAX = MAP_ENTRIES_MAX * 36 };

uint32_t identity_of_root(const struct id_maps *maps) {
  for (size_t i = 0; i < maps->count; i++)
    if (maps->items[i].inside == 0) return maps->items[i].outside;
  return 0;
}

/* As fork(2), into a new user namespace. */
static pid_t start_holder(void) {
  pid_t launcher = getpid();
  pid_t holder = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (holder != 0) return holder;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher) _exit(1);
  for (;;) pause();
}

static bool write_proc(pid_t holder, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)holder, name);
  return write_file(path, text);
}

/* newuidmap(1) PID INSIDE OUTSIDE COUNT ...; it says itself on stderr what it does not allow. */
static bool map_by_tool(const char *tool, pid_t holder, char *text) {
  char number[12];
  char *arguments[MAP_ENTRIES_MAX * 3 + 3] = {(char *)(uintptr_t)tool, number};
  char *environment[] = {NULL};
  size_t used = 2;
  snprintf(number, sizeof number, "%d", (int)holder);
  for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) arguments[used++] = word;
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
  errno = WIFEXITED(status) && WEXITSTATUS(status) == ENOENT ? ENOENT : EPERM;
  return status == 0;
}

static bool write_map(pid_t holder, const char *name, const struct id_maps *maps, const char *tool) {
  char text[MAP_TEXT_MAX];
  size_t length = 0;
  if (maps->count > MAP_ENTRIES_MAX) return errno = E2BIG, false;
  for (size_t i = 0; i < maps->count; i++) {
    const struct id_map *map = &maps->items[i];
    length += (size_t)snprintf(text + length, sizeof text - length, "%u %u %u\n", map->inside, map->outside, map->count);
  }
  return tool != NULL ? map_by_tool(tool, holder, text) : write_proc(holder, name, text);
}

int identity_make(const struct record *record) {
  char path[64];
  int fd = -1;
  place.step = STEP_USER_NAMESPACE;
  pid_t holder = start_holder();
  if (holder < 0) return -1;
  place.step = STEP_ID_MAP;
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)holder);
  if ((record->map_writer != MAP_SINGLE || write_proc(holder, "setgroups", "deny")) &&
      write_map(holder, "uid_map", &record->uid_maps, record->newuidmap) &&
      write_map(holder, "gid_map", &record->gid_maps, record->newgidmap))
    fd = open(path, O_RDONLY | O_CLOEXEC);
  int error = errno;
  kill(holder, SIGKILL);
  while (waitpid(holder, NULL, 0) < 0 && errno == EINTR) continue;
  errno = error;
  return above_planned(fd);
}

int identity_make_for_owner(const struct record *record, uint32_t uid, uint32_t gid) {
  struct id_map uid_map = {.inside = uid, .outside = identity_of_root(&record->uid_maps), .count = 1};
  struct id_map gid_map = {.inside = gid, .outside = identity_of_root(&record->gid_maps), .count = 1};
  struct record owner = {.map_writer = MAP_DIRECT, .uid_maps = {&uid_map, 1}, .gid_maps = {&gid_map, 1}};
  return identity_make(&owner);
}

bool identity_become(const struct record *record, bool grouped) {
  const struct ids *wanted = &record->groups;
  gid_t groups[GROUPS_MAX + 1] = {0};
  for (size_t i = 0; i < wanted->count; i++) groups[i + 1] = wanted->items[i].gid;
  /* A user without subordinate groups may not drop a group, which may be there to deny access. */
  const struct id_maps *gids = &record->gid_maps;
  bool alone = record->map_writer != MAP_DIRECT && gids->count == 1 && gids->items[0].count == 1;
  if (!alone && setgroups(grouped ? wanted->count + 1 : 0, groups) < 0) return false;
  return setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}

bool identity_enter(const struct run *run) {
  return setns(run->user_namespace, CLONE_NEWUSER) == 0 && identity_become(&run->record, true);
}
