/*
 * Where paths lead in a tree that the caller can look into, for a run whose launch the daemon decides. Absolute links and `..`
 * end at the tree's own root, as after chroot(2). Anything unusual is not answered: the program in Node says what is wrong.
 */
#include "client.h"

#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

enum { KIND_DIRECTORY = 1, KIND_OTHER, KIND_ABSENT };

static int tree = -1;
static char tree_path[PATH_MAX];

static bool path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size);
  if (length < 0 || (size_t)length >= size) return errno = ENAMETOOLONG, false;
  path[length] = 0;
  return true;
}

bool look_into(const char *root) {
  close_quietly(tree);
  tree = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return tree >= 0 && path_of(tree, tree_path, sizeof tree_path) && faccessat(AT_FDCWD, root, X_OK, AT_EACCESS) == 0;
}

static int open_in_tree(const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, tree, path, &how, sizeof how);
}

int look_open(const char *path) {
  char descriptor[64];
  struct stat found;
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
  int fd = (int)syscall(SYS_openat2, tree, path, &how, sizeof how);
  if (fd < 0 || fstat(fd, &found) < 0) return -1;
  snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", fd);
  errno = EINVAL;
  int file = S_ISREG(found.st_mode) ? open(descriptor, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
  int error = errno;
  close(fd);
  return errno = error, file;
}

static void add_found(struct wire_writer *writer, uint32_t kind, int fd, const char *rest) {
  static uint8_t found[4 + PATH_MAX];
  char path[PATH_MAX];
  size_t root = strlen(tree_path);
  bool inside = path_of(fd, path, sizeof path) && strncmp(path, tree_path, root) == 0 && (path[root] == 0 || path[root] == '/');
  int length = inside ? snprintf((char *)found + 4, sizeof found - 4, "%s%s", path + root, rest) : -1;
  if (length < 0 || (size_t)length >= sizeof found - 4) {
    wire_add_number(writer, ITEM_MISSING, EXDEV);
    return;
  }
  wire_put(found, kind);
  wire_add(writer, ITEM_FOUND, found, 4 + (size_t)length);
}

/* `path` up to `end` is there and leads on; what follows is not there, and stays as it stands. */
static void add_absent(struct wire_writer *writer, const char *path, size_t end) {
  char prefix[PATH_MAX];
  struct stat found;
  const char *rest = path + end;
  size_t first = strcspn(rest + 1, "/");
  memcpy(prefix, path, end);
  prefix[end] = 0;
  int directory = open_in_tree(end == 0 ? "/" : prefix, O_DIRECTORY);
  memcpy(prefix, rest + 1, first);
  prefix[first] = 0;
  bool plain = strstr(path, "/./") == NULL && strstr(path, "/../") == NULL && strstr(path, "//") == NULL;
  /* A link that leads to nothing is there. */
  bool absent = directory >= 0 && fstatat(directory, prefix, &found, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
  if (plain && absent) add_found(writer, KIND_ABSENT, directory, rest);
  else wire_add_number(writer, ITEM_MISSING, ELOOP);
  close_quietly(directory);
}

void look_add(struct wire_writer *writer, const char *path) {
  char prefix[PATH_MAX];
  struct stat found;
  size_t end = strlen(path);
  int fd = tree < 0 || path[0] != '/' || end >= sizeof prefix ? -1 : open_in_tree(path, 0);
  if (fd >= 0 && fstat(fd, &found) == 0) {
    add_found(writer, S_ISDIR(found.st_mode) ? KIND_DIRECTORY : KIND_OTHER, fd, "");
    close(fd);
    return;
  }
  if (tree < 0 || errno != ENOENT || path[0] != '/' || path[end - 1] == '/') {
    wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
    return;
  }
  memcpy(prefix, path, end + 1);
  while (fd < 0 && end > 0) {
    while (end > 0 && path[end] != '/') end--;
    prefix[end] = 0;
    fd = open_in_tree(end == 0 ? "/" : prefix, O_DIRECTORY);
    if (fd < 0 && end > 0) end--;
  }
  if (fd >= 0) add_absent(writer, path, end);
  else wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
  close_quietly(fd);
}

void look_add_real(struct wire_writer *writer, const char *path) {
  static char real[PATH_MAX];
  if (realpath(path, real) == NULL) wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
  else wire_add_text(writer, ITEM_REAL, real);
}
