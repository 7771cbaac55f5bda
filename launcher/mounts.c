/*
 * Mounts are made detached, given their attributes, and only then put in place, on a descriptor of the target. A target
 * inside a root that others may have written is resolved beneath that root: its links never lead out of it, and what is
 * missing is made one component at a time without following a link.
 */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "identity.h"
#include "launcher.h"

static int open_beneath(int root, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int make(int parent, const char *name, bool directory) {
  if (directory) return mkdirat(parent, name, 0755);
  int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  return fd < 0 ? -1 : close(fd);
}

/* On an idmapped mount the kernel's root has no id to create with; the sandbox's own root has. */
static int make_as_either(const struct record *record, int parent, const char *name, bool directory) {
  int made = make(parent, name, directory);
  if (made == 0 || errno != EOVERFLOW) return made;
  int gid = setfsgid(identity_of_root(record->gid_map, record->gid_map_count));
  int uid = setfsuid(identity_of_root(record->uid_map, record->uid_map_count));
  made = make(parent, name, directory);
  int error = errno;
  setfsuid((uid_t)uid);
  setfsgid((gid_t)gid);
  errno = error;
  return made;
}

/* Opens `path` beneath `root`, making what is missing; the last component is a file or a directory as `create` says. */
static int open_target(const struct record *record, int root, const char *path, uint32_t create) {
  char prefix[4096];
  size_t length = strlen(path);
  int at = open_beneath(root, path, O_PATH);
  if (at >= 0 || errno != ENOENT || create == CREATE_NONE) return at;
  if (length >= sizeof prefix) return errno = ENAMETOOLONG, -1;
  at = open_beneath(root, "/", O_PATH | O_DIRECTORY);
  for (size_t end = 0; at >= 0 && end < length;) {
    size_t begin = end + strspn(path + end, "/");
    end = begin + strcspn(path + begin, "/");
    if (begin == end) break;
    bool last = path[end + strspn(path + end, "/")] == 0;
    memcpy(prefix, path, end);
    prefix[end] = 0;
    int next = open_beneath(root, prefix, O_PATH | (last ? 0 : O_DIRECTORY));
    if (next < 0 && errno == ENOENT && make_as_either(record, at, prefix + begin, !last || create == CREATE_DIRECTORY) == 0)
      next = open_beneath(root, prefix, O_PATH | O_NOFOLLOW);
    int error = errno;
    close(at);
    errno = error;
    at = next;
  }
  return at;
}

static int open_place(const struct record *record, const struct mount_operation *operation) {
  if (operation->root == NULL) return open(operation->target, O_PATH | O_CLOEXEC);
  int root = open(operation->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  int target = open_target(record, root, operation->target, operation->create);
  int error = errno;
  close(root);
  errno = error;
  return target;
}

static uint64_t attributes(uint32_t flags) {
  return ((flags & FLAG_READ_ONLY) != 0 ? MOUNT_ATTR_RDONLY : 0u) | ((flags & FLAG_NOSUID) != 0 ? MOUNT_ATTR_NOSUID : 0u) |
         ((flags & FLAG_NODEV) != 0 ? MOUNT_ATTR_NODEV : 0u) | ((flags & FLAG_NOEXEC) != 0 ? MOUNT_ATTR_NOEXEC : 0u);
}

static bool set_attributes(const struct record *record, const struct mount_operation *operation, int tree, int user_namespace) {
  bool recursive = (operation->flags & FLAG_RECURSIVE) != 0;
  struct mount_attr attr = {.attr_set = attributes(operation->flags)};
  int owner = -1;
  if (operation->idmap != IDMAP_NONE) {
    if (operation->idmap == IDMAP_OWNER && (owner = identity_make_for_owner(record, operation->uid, operation->gid)) < 0) return false;
    attr.attr_set |= MOUNT_ATTR_IDMAP;
    attr.userns_fd = (uint64_t)(operation->idmap == IDMAP_OWNER ? owner : user_namespace);
  }
  if (attr.attr_set == 0) return true;
  bool done = syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr) == 0;
  int error = errno;
  if (owner >= 0) close(owner);
  errno = error;
  return done;
}

static bool bind(const struct record *record, const struct mount_operation *operation, int user_namespace) {
  unsigned recursive = (operation->flags & FLAG_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, operation->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
  if (tree < 0) return false;
  bool done = set_attributes(record, operation, tree, user_namespace);
  int target = done ? open_place(record, operation) : -1;
  done = target >= 0 && syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
  int error = errno;
  if (target >= 0) close(target);
  close(tree);
  errno = error;
  return done;
}

static bool mount_file_system(const struct record *record, const struct mount_operation *operation) {
  char place[64];
  uint32_t flags = operation->flags;
  unsigned long bits = ((flags & FLAG_READ_ONLY) != 0 ? MS_RDONLY : 0u) | ((flags & FLAG_NOSUID) != 0 ? MS_NOSUID : 0u) |
                       ((flags & FLAG_NODEV) != 0 ? MS_NODEV : 0u) | ((flags & FLAG_NOEXEC) != 0 ? MS_NOEXEC : 0u);
  int target = open_place(record, operation);
  if (target < 0) return false;
  snprintf(place, sizeof place, "/proc/self/fd/%d", target);
  bool done = mount(operation->source, place, operation->type, bits, operation->options) == 0;
  int error = errno;
  close(target);
  errno = error;
  return done;
}

static bool make_directory(const struct mount_operation *operation) {
  struct stat found;
  if (mkdir(operation->target, operation->mode) == 0) return true;
  if (errno != EEXIST) return false;
  if (lstat(operation->target, &found) == 0 && S_ISDIR(found.st_mode)) return true;
  errno = EEXIST;
  return false;
}

bool mounts_apply(const struct record *record, const struct mount_operation *operations, size_t count, int user_namespace, uint32_t *item) {
  for (size_t i = 0; i < count; i++) {
    const struct mount_operation *operation = &operations[i];
    *item = operation->item;
    bool done = operation->kind == MOUNT_BIND          ? bind(record, operation, user_namespace)
                : operation->kind == MOUNT_FILE_SYSTEM ? mount_file_system(record, operation)
                                                       : make_directory(operation);
    if (!done) return false;
  }
  return true;
}
