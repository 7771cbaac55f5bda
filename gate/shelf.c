/*
 * Fresh clones are mounted in a namespace of their own: a process that makes a mount namespace copies all mounts it sees,
 * and a thousand clones among them would slow down every container of the host.
 *
 * A coprocess of `isolate serve`, and of commands by root that make, destroy or mount clones. PROTOCOL.md
 * has the commands that it reads from standard input.
 */
#include "gate.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { LINE_MAX_BYTES = 8192 };

static int shelf = -1, root = -1;

/* A namespace can be bound only on a private mount, so the directory becomes a mount of its own. */
static bool bind_namespace(const char *directory, int namespace) {
  char path[4096], source[32];
  struct statx facts;
  snprintf(path, sizeof path, "%s/ns", directory);
  snprintf(source, sizeof source, "/proc/self/fd/%d", namespace);
  if (statx(AT_FDCWD, directory, 0, 0, &facts) < 0) return false;
  if ((facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0 && mount(directory, directory, NULL, MS_BIND, NULL) < 0) return false;
  if (mount(NULL, directory, NULL, MS_PRIVATE, NULL) < 0) return false;
  int file = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return false;
  close(file);
  return mount(source, path, NULL, MS_BIND, NULL) == 0;
}

static int make_bound(const char *directory) {
  int namespace = make_mount_namespace("mode=0700,size=16m");
  if (namespace >= 0 && bind_namespace(directory, namespace)) return namespace;
  close_kept_error(namespace);
  return -1;
}

/*
 * A namespace can be bound only in an older one, so that no two hold each other. Linux 6.18 numbers namespaces from a stock of
 * each processor's own, so a new namespace can look older (EINVAL); made on another processor it does not.
 */
static int make_on_each(const char *directory) {
  cpu_set_t all, one;
  int namespace = make_bound(directory);
  if (namespace >= 0 || errno != EINVAL || sched_getaffinity(0, sizeof all, &all) < 0) return namespace;
  for (size_t processor = 0; processor < CPU_SETSIZE && namespace < 0; processor++) {
    if (!CPU_ISSET(processor, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0) namespace = make_bound(directory);
  }
  int error = errno;
  sched_setaffinity(0, sizeof all, &all);
  errno = error;
  return namespace;
}

/* Several coprocesses may try at the same time: one makes it, and the others wait. */
static int make_shelf(const char *directory) {
  if (mkdir(directory, 0700) < 0 && errno != EEXIST) return -1;
  int lock = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0 || flock(lock, LOCK_EX) < 0) return close_kept_error(lock), -1;
  int namespace = shelf_open(directory);
  if (namespace < 0) namespace = make_on_each(directory);
  close_kept_error(lock);
  return namespace;
}

/* What follows is done on the shelf. */

struct task {
  char *path;
  int tree;
};

static bool make_directories(char *path) {
  for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
    *slash = 0;
    bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
    *slash = '/';
    if (!made) return false;
  }
  return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static int unmount(const char *path) {
  return umount2(path, UMOUNT_NOFOLLOW);
}

static int run_drop(void *data) {
  const struct task *task = data;
  if (setns(shelf, CLONE_NEWNS) < 0) return -1;
  if (unmount(task->path) < 0 && errno != EINVAL && errno != ENOENT) return -1;
  return rmdir(task->path) == 0 || errno == ENOENT ? 0 : -1;
}

static int run_put(void *data) {
  const struct task *task = data;
  if (setns(shelf, CLONE_NEWNS) < 0 || !make_directories(task->path)) return -1;
  return move_mount(task->tree, "", AT_FDCWD, task->path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* What follows is done on the host. */

static bool open_shelf(const char *directory, bool make) {
  if (shelf < 0) shelf = make ? make_shelf(directory) : shelf_open(directory);
  return shelf >= 0;
}

/* First mounted there, then unmounted here, so that the clone is always mounted somewhere. */
static bool put(struct task *task) {
  struct mount_attr private = {.propagation = MS_PRIVATE};
  task->tree = copy_mount(task->path, NULL);
  if (task->tree < 0) return false;
  bool done = mount_setattr(task->tree, "", AT_EMPTY_PATH, &private, sizeof private) == 0 && send_errand(run_put, task) == 0;
  close_kept_error(task->tree);
  if (!done || unmount(task->path) == 0) return done;
  int error = errno;
  send_errand(run_drop, task);
  errno = error;
  return false;
}

static bool take(struct task *task) {
  if ((task->tree = shelf_copy(shelf, task->path, NULL)) < 0) return false;
  bool done = make_directories(task->path) && move_mount(task->tree, "", AT_FDCWD, task->path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
  close_kept_error(task->tree);
  /* This may fail: what is left on the shelf is dropped when the clone is destroyed. */
  if (done) send_errand(run_drop, task);
  return done;
}

static int look(const char *directory) {
  if (root < 0 && open_shelf(directory, false)) root = shelf_root(shelf);
  return root;
}

static bool obey(const char *directory, const char *command, struct task *task) {
  bool puts = strcmp(command, "put") == 0;
  errno = EINVAL;
  if (task->path[0] != '/') return false;
  if (!open_shelf(directory, puts)) {
    if (errno == ENOENT) errno = ENXIO;
    return strcmp(command, "drop") == 0 && errno == ENXIO;
  }
  if (puts) return put(task);
  if (strcmp(command, "take") == 0) return take(task);
  errno = EINVAL;
  return strcmp(command, "drop") == 0 && send_errand(run_drop, task) == 0;
}

void shelf_main(const char *directory) {
  static char line[LINE_MAX_BYTES];
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("begin");
  keep_descriptors(NULL, 0);
  umask(0077);
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *end = strchr(line, '\n'), *space = strchr(line, ' ');
    errno = ENAMETOOLONG;
    if (end == NULL) fail("read a command");
    *end = 0;
    struct task task = {space == NULL ? end : space + 1, -1};
    if (space != NULL) *space = 0;
    int answer = strcmp(line, "look") == 0 ? look(directory) : obey(directory, line, &task) ? 0 : errno;
    if (dprintf(STDOUT_FILENO, "%d\n", answer) < 0) exit(1);
  }
  exit(0);
}
