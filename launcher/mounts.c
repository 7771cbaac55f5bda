/*
 * Mounts are made detached, given their attributes, and only then put in place, on a descriptor of the target. A target
 * inside a root that others may have written is resolved beneath that root: its links never lead out of it, and what is
 * missing is made one component at a time without following a link.
 */
#include "launcher.h"

#include <limits.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

/* The record's flags above the first are both the kernel's MS_* and its MOUNT_ATTR_*, one bit higher. */
_Static_assert(MS_RDONLY == FLAG_RO >> 1 && MS_NOSUID == FLAG_NOSUID >> 1, "flags of mount(2)");
_Static_assert(MS_NODEV == FLAG_NODEV >> 1 && MS_NOEXEC == FLAG_NOEXEC >> 1, "flags of mount(2)");
_Static_assert(MOUNT_ATTR_RDONLY == MS_RDONLY && MOUNT_ATTR_NOSUID == MS_NOSUID, "attributes of mount_setattr(2)");
_Static_assert(MOUNT_ATTR_NODEV == MS_NODEV && MOUNT_ATTR_NOEXEC == MS_NOEXEC, "attributes of mount_setattr(2)");

/* Whose root owns what is made before the user namespace is entered; NULL: this process. */
static const struct record *made_for;

/*
 * Makes a file, opened for writing, or a directory, and then gives 0. What is made for the sandbox's root belongs to it. The
 * caller's rights to write anywhere remain, so this is only for directories on a tmpfs of the launch itself.
 */
static int make(int parent, const char *name, bool directory) {
  if (made_for != NULL) {
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    setfsgid(identity_of_root(&made_for->gid_maps));
    setfsuid(identity_of_root(&made_for->uid_maps));
  }
  int made = directory ? mkdirat(parent, name, 0755)
                       : openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  int error = errno;
  if (made_for != NULL) {
    setfsuid(0);
    setfsgid(0);
    prctl(PR_SET_SECUREBITS, 0);
  }
  errno = error;
  return made;
}

/* The same, and nothing stays open. */
static bool make_place(int parent, const char *name, bool directory) {
  int made = make(parent, name, directory);
  if (!directory) close_quietly(made);
  return made >= 0;
}

static int open_target(const struct mount_operation *operation) {
  if (operation->root == NULL) return open(operation->target, O_PATH | O_CLOEXEC);
  int root = open(operation->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int target = root < 0 ? -1 : open_or_make(root, operation->target, operation->create, make_place);
  close_quietly(root);
  return target;
}

static bool set_attributes(const struct record *record, const struct mount_operation *operation, int tree, int user_namespace) {
  unsigned recursive = (operation->flags & FLAG_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  struct mount_attr attributes = {.attr_set = (operation->flags & ~FLAG_REAL) >> 1};
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
static bool put_in_place(const struct mount_operation *operation, int tree) {
  char tree_path[64];
  int target = open_target(operation);
  bool done = target >= 0 && syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
  snprintf(tree_path, sizeof tree_path, "/proc/self/fd/%d", tree);
  if (done) done = mount(NULL, tree_path, NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  close_quietly(target);
  return done;
}

static bool bind_mount(const struct record *record, const struct mount_operation *operation, int user_namespace) {
  unsigned recursive = (operation->flags & FLAG_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = (operation->flags & FLAG_REAL) != 0 ? RESOLVE_NO_SYMLINKS : 0};
  int source = (int)syscall(SYS_openat2, AT_FDCWD, operation->source, &how, sizeof how);
  unsigned copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive;
  int tree = source < 0 ? -1 : (int)syscall(SYS_open_tree, source, "", copy);
  close_quietly(source);
  if (tree < 0) return false;
  bool done = set_attributes(record, operation, tree, user_namespace) && put_in_place(operation, tree);
  close_quietly(tree);
  return done;
}

static bool mount_file_system(const struct mount_operation *operation) {
  char target_path[64];
  int target = open_target(operation);
  if (target < 0) return false;
  snprintf(target_path, sizeof target_path, "/proc/self/fd/%d", target);
  bool done = mount(operation->source, target_path, operation->type, operation->flags >> 1, operation->options) == 0;
  close_quietly(target);
  return done;
}

static bool make_directory(const struct mount_operation *operation) {
  struct stat found;
  if (mkdir(operation->path, operation->mode) == 0) return true;
  if (errno != EEXIST) return false;
  bool directory = lstat(operation->path, &found) == 0 && S_ISDIR(found.st_mode);
  errno = EEXIST;
  return directory;
}

static int open_below(int directory, const char *name, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

/* An owner that the sandbox has no id for stays who made it. */
static bool take_after(int layer, int original) {
  struct stat found;
  if (fstat(original, &found) < 0 || (fchown(layer, found.st_uid, found.st_gid) < 0 && errno != EINVAL)) return false;
  return fchmod(layer, found.st_mode & 07777) == 0;
}

/* Goes down `target` in the layer and, as far as it is there, in the root; closes both. */
static bool make_down(int layer, int root, const char *target, uint32_t create) {
  char name[NAME_MAX + 1];
  bool done = layer >= 0 && root >= 0 && take_after(layer, root), last = false;
  for (target += strspn(target, "/"); done && !last && *target != 0;) {
    size_t length = strcspn(target, "/");
    if (length > NAME_MAX) return errno = ENAMETOOLONG, false;
    memcpy(name, target, length);
    name[length] = 0;
    target += length + strspn(target + length, "/");
    last = *target == 0;
    int below = root < 0 ? -1 : open_below(root, name, O_PATH | (last ? 0 : O_DIRECTORY));
    done = below >= 0 || root < 0 || errno == ENOENT;
    close_quietly(root);
    root = below;
    if (done && last && root >= 0) break;
    done = done && (make_place(layer, name, !last || create == CREATE_DIRECTORY) || errno == EEXIST);
    int next = !done || last ? -1 : open_below(layer, name, O_RDONLY | O_DIRECTORY);
    done = done && (last || (next >= 0 && (root < 0 || take_after(next, root))));
    close_quietly(layer);
    layer = next;
  }
  close_quietly(root);
  close_quietly(layer);
  return done;
}

/* A missing target: in the root, or in a layer that is to lie over it, where the directories above are as the root's. */
static bool make_target(const struct mount_operation *operation) {
  int root = open(operation->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (operation->layer != NULL)
    return make_down(open(operation->layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC), root, operation->target, operation->create);
  int target = root < 0 ? -1 : open_or_make(root, operation->target, operation->create, make_place);
  close_quietly(root);
  close_quietly(target);
  return target >= 0;
}

/* Where the host's root has more rights than the sandbox's: in a process that enters the user namespace, as no way leads back. */
static bool make_as_sandbox(const struct run *run, const struct mount_operation *operation) {
  int status = -1;
  pid_t maker = fork();
  if (maker < 0) return false;
  if (maker == 0) {
    made_for = NULL;
    _exit(identity_enter(run) && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && make_target(operation) ? 0 : errno & 0xff);
  }
  while (waitpid(maker, &status, 0) < 0 && errno == EINTR) continue;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return status == 0;
}

static bool write_whole(int fd, const char *bytes, size_t length) {
  for (ssize_t count; length > 0; bytes += count, length -= (size_t)count)
    if ((count = write(fd, bytes, length)) < 0) return false;
  return true;
}

enum { COPY_MAX = 8 * 1024 * 1024 }; /* half of the tmpfs that copies lie on, and more than the longest file in use */

/* A new file at the target: the root's file `source`, or `otherwise` where there is none to be read, and a line more. */
static bool copy_file(const struct mount_operation *operation) {
  char bytes[8192], end = '\n';
  struct stat found;
  int root = open(operation->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int from = root < 0 ? -1 : open_beneath(root, operation->source, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  int to = root < 0 ? -1 : make(AT_FDCWD, operation->target, false);
  bool regular = from >= 0 && fstat(from, &found) == 0 && S_ISREG(found.st_mode), done = to >= 0;
  ssize_t count = 0;
  if (regular && found.st_size > COPY_MAX) done = false, errno = EFBIG;
  if (!regular) done = done && write_whole(to, operation->otherwise, strlen(operation->otherwise));
  while (done && regular && (count = read(from, bytes, sizeof bytes)) > 0) {
    done = write_whole(to, bytes, (size_t)count);
    end = bytes[count - 1];
  }
  done = done && count >= 0 && write_whole(to, "\n", end != '\n') && write_whole(to, operation->line, strlen(operation->line));
  close_quietly(root);
  close_quietly(from);
  close_quietly(to);
  return done;
}

/* In the order in which they came. */
static bool attach(const struct run *run, const struct mount_operation *operation) {
  static size_t attached;
  int tree = run->trees[attached++];
  return set_attributes(&run->record, operation, tree, run->user_namespace) && put_in_place(operation, tree);
}

static bool apply(const struct run *run, const struct mount_operation *operation) {
  switch (operation->kind) {
  case MOUNT_BIND: return bind_mount(&run->record, operation, run->user_namespace);
  case MOUNT_MOUNT: return mount_file_system(operation);
  case MOUNT_ATTACH: return attach(run, operation);
  case MOUNT_MAKE: return made_for != NULL && operation->layer == NULL ? make_as_sandbox(run, operation) : make_target(operation);
  case MOUNT_COPY: return copy_file(operation);
  default: return make_directory(operation);
  }
}

bool mounts_apply(const struct run *run, const struct mount_operations *mounts) {
  made_for = mounts == &run->record.host_mounts && run->record.map_writer == MAP_DIRECT ? &run->record : NULL;
  for (size_t i = 0; i < mounts->count; i++) {
    place.item = mounts->items[i].item;
    if (!apply(run, &mounts->items[i])) return false;
  }
  place.item = 0;
  return true;
}
