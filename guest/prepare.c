/* Mounts and links, as the host plans them. Everything is done below ROOT; nothing there is executed. */
#include "init.h"

#include <sys/mount.h>

static int complete_root = -1;

bool prepare_system(void) {
  static const char *const directories[] = {"/proc", "/sys", "/dev", "/files", SHARE, ROOT};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) mkdir(directories[i], 0755);
  return mount("proc", "/proc", "proc", 0, NULL) == 0 && mount("sysfs", "/sys", "sysfs", 0, NULL) == 0 &&
         mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) == 0;
}

static const struct { const char *name; unsigned long flag; } mount_flags[] = {
    {"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC},
};

unsigned long parse_flags(const char *text) {
  unsigned long flags = 0;
  for (size_t i = 0; i < sizeof mount_flags / sizeof *mount_flags; i++)
    if (strstr(text, mount_flags[i].name) != NULL) flags |= mount_flags[i].flag;
  return flags;
}

bool read_strings(const struct frame *frame, const char **strings, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++)
    if ((strings[i] = frame_string(frame, &at)) == NULL) return errno = EINVAL, false;
  return true;
}

static bool make_place(int parent, const char *name, bool directory) {
  if (directory) return mkdirat(parent, name, 0755) == 0;
  int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  close_quietly(made);
  return made >= 0;
}

bool mount_at(const char *target, uint32_t create, const char *type, const char *source, unsigned long flags, const char *options) {
  char opened[64];
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int there = root < 0 ? -1 : open_or_make(root, target, create, make_place);
  close_quietly(root);
  snprintf(opened, sizeof opened, "/proc/self/fd/%d", there);
  bool done = there >= 0 && mount(source, opened, type, flags, options) == 0;
  close_quietly(there);
  return done;
}

/* A bind takes its flags when it is there (mount(2)); the target leads to it by then. */
static bool bind_at(const char *source, const char *target, uint32_t create, unsigned long flags) {
  return mount_at(target, create, NULL, source, MS_BIND | MS_REC, NULL) &&
         (flags == 0 || mount_at(target, create, NULL, NULL, MS_BIND | MS_REMOUNT | flags, NULL));
}

bool prepare_share(const struct frame *frame) {
  const char *parts[3];
  return read_strings(frame, parts, 3) && mount(parts[1], SHARE, parts[0], 0, parts[2]) == 0;
}

bool prepare_bind(const struct frame *frame) {
  const char *parts[4];
  char source[4096];
  if (!read_strings(frame, parts, 4)) return false;
  if ((size_t)snprintf(source, sizeof source, SHARE "/%s", parts[0]) >= sizeof source) return errno = ENAMETOOLONG, false;
  uint32_t create = strcmp(parts[3], "directory") == 0 ? CREATE_DIRECTORY : CREATE_FILE;
  return bind_at(source, parts[1], create, parse_flags(parts[2]));
}

bool prepare_mount(const struct frame *frame) {
  const char *parts[4];
  return read_strings(frame, parts, 4) && mount_at(parts[1], CREATE_DIRECTORY, parts[0], parts[0], parse_flags(parts[2]), parts[3]);
}

bool prepare_inside(const struct frame *frame) {
  const char *parts[3];
  char source[64];
  struct stat found;
  if (!read_strings(frame, parts, 3)) return false;
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int there = root < 0 ? -1 : open_beneath(root, parts[0], O_PATH);
  close_quietly(root);
  if (there < 0 || fstat(there, &found) < 0) return close_quietly(there), false;
  snprintf(source, sizeof source, "/proc/self/fd/%d", there);
  bool done = bind_at(source, parts[1], S_ISDIR(found.st_mode) ? CREATE_DIRECTORY : CREATE_FILE, parse_flags(parts[2]));
  close_quietly(there);
  return done;
}

bool prepare_file(const struct frame *frame) {
  static int made = 0;
  const char *parts[2];
  char path[64];
  if (!read_strings(frame, parts, 2)) return false;
  snprintf(path, sizeof path, "/files/%d", made++);
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  bool written = file >= 0 && write(file, parts[1], strlen(parts[1])) == (ssize_t)strlen(parts[1]);
  close_quietly(file);
  return written && bind_at(path, parts[0], CREATE_FILE, 0);
}

bool prepare_link(const struct frame *frame) {
  const char *parts[3];
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC), directory = -1;
  bool read = root >= 0 && read_strings(frame, parts, 3);
  if (read) directory = open_beneath(root, parts[0], O_PATH | O_DIRECTORY);
  bool done = directory >= 0 && (symlinkat(parts[2], directory, parts[1]) == 0 || errno == EEXIST);
  close_quietly(directory);
  close_quietly(root);
  return done;
}

/* What is mounted becomes the namespace's own root, so that programs inside can make user namespaces (user_namespaces(7), EPERM). */
int prepare_root(void) {
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || fchdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0) return -1;
  return complete_root = root;
}

bool enter_root(void) {
  return complete_root < 0 || (fchdir(complete_root) == 0 && chroot(".") == 0);
}
