/*
 * What a user is given of a clone: a user namespace of the user's own, and a detached mount that the user can attach
 * there, with device nodes and set-uid files switched off for good.
 *
 * For good: a process with CAP_SYS_ADMIN over a mount namespace may clear nosuid and nodev of what is attached there, and every
 * user has that in a user namespace of its own; a template's device nodes are the host's disks. The kernel locks the flags
 * of mounts only where a mount namespace is copied into one of another user namespace (lock_mnt_tree), and whatever is
 * cloned from a locked mount is locked. So each tree passes through such a copy. It need not be in the user's own user
 * namespace, and is not: there the user could stop or kill the process that does it, and us with it.
 */
#include "gate.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

enum { MAP_TEXT_MAX = TREE_MAPS_MAX * 36 };

/* Made once: a mount namespace with nothing but a directory /t, and a user namespace that root owns, where copies of it are locked. */
static int empty_mounts = -1, locking_user_namespace = -1;

/* Each id inside and outside once, and never the host's root. */
static bool maps_are_sound(const struct tree_map *maps, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct tree_map *one = &maps[i];
    if (one->count == 0 || one->outside == 0) return false;
    if (one->count > UINT32_MAX - one->inside || one->count > UINT32_MAX - one->outside) return false;
    for (uint32_t j = 0; j < i; j++) {
      const struct tree_map *other = &maps[j];
      if (one->inside < other->inside + other->count && other->inside < one->inside + one->count) return false;
      if (one->outside < other->outside + other->count && other->outside < one->outside + one->count) return false;
    }
  }
  return count > 0;
}

static bool write_proc(pid_t holder, const char *name, const char *text, size_t length) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)holder, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t written = write(fd, text, length);
  close_kept_error(fd);
  return written == (ssize_t)length;
}

static bool write_maps(pid_t holder, const char *name, const struct tree_map *maps, uint32_t count) {
  char text[MAP_TEXT_MAX];
  size_t length = 0;
  for (uint32_t i = 0; i < count; i++)
    length += (size_t)snprintf(text + length, sizeof text - length, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
  return write_proc(holder, name, text, length);
}

/* A user without subordinate groups may not drop a group, which may be there to deny access (user_namespaces(7)). */
static bool keep_groups(pid_t holder, const struct tree_order *maps) {
  bool alone = maps->gid_count == 1 && maps->gid_maps[0].count == 1;
  return !alone || write_proc(holder, "setgroups", "deny", 4);
}

/*
 * As fork(2), into a new user namespace. Its owner is the effective user of who makes it. Only that is changed, so that in the
 * host's user namespace no process of ours is one that the user may signal; the holder itself may be, but nobody waits for it
 * otherwise than by SIGKILL. Its memory is ours: that it cannot be traced is said before it comes to be.
 */
static pid_t start_holder(uid_t uid, gid_t gid) {
  pid_t broker = getpid(), holder = -1;
  if (setresgid((gid_t)-1, gid, (gid_t)-1) == 0 && setresuid((uid_t)-1, uid, (uid_t)-1) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    holder = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (holder == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != broker) _exit(1);
    for (;;) pause();
  }
  int error = errno;
  if (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 || setresgid((gid_t)-1, 0, (gid_t)-1) < 0) fail("be root again");
  /* Both are forgotten when the effective user changes. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("be root again");
  errno = error;
  return holder;
}

/* A zombie keeps its number until it is reaped, so the maps are those of this holder even if the user kills it. */
static int make_user_namespace(uid_t uid, gid_t gid, const struct tree_order *maps, enum tree_step *step) {
  char path[64];
  int fd = -1;
  *step = TREE_NAMESPACE;
  pid_t holder = start_holder(uid, gid);
  if (holder < 0) return -1;
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)holder);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && maps != NULL) *step = TREE_MAP;
  if (fd >= 0 && maps != NULL &&
      !(keep_groups(holder, maps) && write_maps(holder, "uid_map", maps->uid_maps, maps->uid_count) &&
        write_maps(holder, "gid_map", maps->gid_maps, maps->gid_count))) {
    close_kept_error(fd);
    fd = -1;
  }
  kill(holder, SIGKILL);
  reap(holder);
  return fd;
}

/* The first copy is the initial user namespace's like the tree, so that the tree can be put there; the second one is locked. */
static int lock_in_copy(void *data) {
  const int *tree = data;
  if (setns(empty_mounts, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0) return -1;
  if (move_mount(*tree, "", AT_FDCWD, "/t", MOVE_MOUNT_F_EMPTY_PATH) < 0) return -1;
  if (setns(locking_user_namespace, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0) return -1;
  return open_tree(AT_FDCWD, "/t", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static bool prepare(void) {
  enum tree_step step;
  if (empty_mounts < 0) empty_mounts = make_mount_namespace("mode=0755,size=4k");
  if (empty_mounts >= 0 && locking_user_namespace < 0) locking_user_namespace = make_user_namespace(0, 0, NULL, &step);
  return locking_user_namespace >= 0;
}

/* Opened when the first clone is on it. */
static int shelf = -1;

/* A clone that could not be put on the shelf is mounted where we are. */
static int copy_clone(struct tree_order *order, const char *shelf_directory) {
  if (shelf < 0 && shelf_directory != NULL) shelf = shelf_open(shelf_directory);
  if (shelf >= 0) {
    int tree = shelf_copy(shelf, order->path, &order->device);
    if (tree >= 0 || (errno != ENOENT && errno != ENODEV)) return tree;
  }
  return copy_mount(order->path, &order->device);
}

/* Private, so that a user's mounts in it do not appear on the host. */
static bool set_attributes(int tree, bool idmap, int user_namespace) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
  if (idmap) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = (uint64_t)user_namespace;
  }
  return mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

static int make_locked(struct tree_order *order, const char *shelf_directory, int user_namespace, enum tree_step *step) {
  int locked = -1;
  *step = TREE_MOUNT;
  int tree = copy_clone(order, shelf_directory);
  if (tree >= 0 && set_attributes(tree, order->idmap, user_namespace)) {
    *step = TREE_LOCK;
    if (prepare()) locked = send_errand(lock_in_copy, &tree);
  }
  close_kept_error(tree);
  return locked;
}

enum tree_step tree_make(struct tree_order *order, const char *shelf_directory, int made[2]) {
  enum tree_step step = TREE_MOUNT;
  if (order->uid == 0) {
    made[0] = copy_clone(order, shelf_directory);
    return made[0] < 0 ? step : TREE_DONE;
  }
  errno = EINVAL;
  if (!maps_are_sound(order->uid_maps, order->uid_count) || !maps_are_sound(order->gid_maps, order->gid_count)) return TREE_MAP;
  int user_namespace = make_user_namespace(order->uid, order->gid, order, &step);
  if (user_namespace < 0) return step;
  int locked = make_locked(order, shelf_directory, user_namespace, &step);
  if (locked < 0) {
    close_kept_error(user_namespace);
    return step;
  }
  made[0] = user_namespace;
  made[1] = locked;
  return TREE_DONE;
}
