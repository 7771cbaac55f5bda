/*
 * Mounts are made detached, given their attributes, and only then put in place, on a descriptor of the target. A target
 * inside a root that others may have written is resolved beneath that root: its links never lead out of it, and what is
 * missing is made one component at a time without following a link.
 */
#include "launcher.h"

#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

/* The record's flags above the first are both the kernel's MS_* and its MOUNT_ATTR_*, one bit higher. */
_Static_assert(MS_RDONLY == FLAG_READ_ONLY >> 1 && MS_NOSUID == FLAG_NOSUID >> 1, "flags of mount(2)");
_Static_assert(MS_NODEV == FLAG_NODEV >> 1 && MS_NOEXEC == FLAG_NOEXEC >> 1, "flags of mount(2)");
_Static_assert(MOUNT_ATTR_RDONLY == MS_RDONLY && MOUNT_ATTR_NOSUID == MS_NOSUID, "attributes of mount_setattr(2)");
_Static_assert(MOUNT_ATTR_NODEV == MS_NODEV && MOUNT_ATTR_NOEXEC == MS_NOEXEC, "attributes of mount_setattr(2)");

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
  int gid = setfsgid(identity_of_root(&record->gid_maps));
  int uid = setfsuid(identity_of_root(&record->uid_maps));
  made = make(parent, name, directory);
  int error = errno;
  setfsuid((uid_t)uid);
  setfsgid((gid_t)gid);
  errno = error;
  return made;
}

/* Opens `path` beneath `root`, making what is missing; the last component is a file or a directory as `create` says. */
static int open_or_make(const struct record *record, int root, const char *path, uint32_t create) {
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
    close_quietly(at);
    at = next;
  }
  return at;
}

static int open_target(const struct record *record, const struct mount_operation *operation) {
  if (operation->root == NULL) return open(operation->target, O_PATH | O_CLOEXEC);
  int root = open(operation->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int target = root < 0 ? -1 : open_or_make(record, root, operation->target, operation->create);
  close_quietly(root);
  return target;
}

static bool set_attributes(const struct record *record, const struct mount_operation *operation, int tree, int user_namespace) {
  unsigned recursive = (operation->flags & FLAG_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  struct mount_attr attributes = {.attr_set = operation->flags >> 1};
  int owner = -1;
  if (operation->idmap == IDMAP_OWNER && (owner = identity_make_for_owner(record, operation->uid, operation->gid)) < 0) return false;
  if (operation->idmap != IDMAP_NONE) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = (uint64_t)(owner >= 0 ? owner : user_namespace);
  }
  if (attributes.attr_set == 0) return true;
  bool done = syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | recursive, &attributes, sizeof attributes) == 0;
  close_quietly(owner);
  return done;
}

/* The tree becomes private: what the host mounts below it later does not come in. */
static bool put_in_place(const struct record *record, const struct mount_operation *operation, int tree) {
  char tree_path[64];
  int target = open_target(record, operation);
  bool done = target >= 0 && syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
  snprintf(tree_path, sizeof tree_path, "/proc/self/fd/%d", tree);
  if (done) done = mount(NULL, tree_path, NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  close_quietly(target);
  return done;
}

static bool bind_mount(const struct record *record, const struct mount_operation *operation, int user_namespace) {
  unsigned recursive = (operation->flags & FLAG_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, operation->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
  if (tree < 0) return false;
  bool done = set_attributes(record, operation, tree, user_namespace) && put_in_place(record, operation, tree);
  close_quietly(tree);
  return done;
}

static bool mount_file_system(const struct record *record, const struct mount_operation *operation) {
  char target_path[64];
  int target = open_target(record, operation);
  if (target < 0) return false;
  snprintf(target_path, sizeof target_path, "/proc/self/fd/%d", target);
  bool done = mount(operation->source, target_path, operation->type, operation->flags >> 1, operation->options) == 0;
  close_quietly(target);
  return done;
}

static bool make_directory(const struct mount_operation *operation) {
  struct stat found;
  if (mkdir(operation->target, operation->mode) == 0) return true;
  if (errno != EEXIST) return false;
  bool directory = lstat(operation->target, &found) == 0 && S_ISDIR(found.st_mode);
  errno = EEXIST;
  return directory;
}

bool mounts_apply(const struct run *run, const struct mounts *mounts) {
  for (size_t i = 0; i < mounts->count; i++) {
    const struct mount_operation *operation = &mounts->items[i];
    place.item = operation->item;
    bool done = operation->kind == MOUNT_BIND          ? bind_mount(&run->record, operation, run->user_namespace)
                : operation->kind == MOUNT_FILE_SYSTEM ? mount_file_system(&run->record, operation)
                : operation->kind == MOUNT_ATTACH      ? put_in_place(&run->record, operation, run->tree)
                                                       : make_directory(operation);
    if (!done) return false;
  }
  place.item = 0;
  return true;
}
