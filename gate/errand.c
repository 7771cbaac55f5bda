/* Calls that are made in other mount namespaces than ours. */
#include "gate.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

void close_kept_error(int fd) {
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
}

void reap(pid_t child) {
  int error = errno;
  while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR) continue;
  errno = error;
}

/* Its result is left in our memory, and what it opens in our table of descriptors. */
struct errand {
  int (*run)(void *data);
  void *data;
  int result, error;
};

static int run_errand(void *data) {
  struct errand *errand = data;
  errand->result = errand->run(errand->data);
  errand->error = errno;
  return 0;
}

int send_errand(int (*run)(void *data), void *data) {
  static uint8_t stack[64 * 1024] __attribute__((aligned(16)));
  struct errand errand = {run, data, -1, EIO};
  pid_t child = clone(run_errand, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &errand);
  if (child < 0) return -1;
  reap(child);
  errno = errand.error;
  return errand.result;
}

static int run_make_mounts(void *data) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
  int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, data) == 0 && chdir("/proc") == 0 && mkdir("t", 0700) == 0 &&
      syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0)
    return fd;
  close_kept_error(fd);
  return -1;
}

int make_mount_namespace(const char *options) {
  return send_errand(run_make_mounts, (void *)(uintptr_t)options);
}

/* Asks no storage, which might not answer. */
static bool is_it(int place, const uint32_t *device) {
  struct statx facts;
  if (statx(place, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &facts) < 0) return false;
  errno = ENODEV;
  if (device == NULL) return (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return (uint32_t)makedev(facts.stx_dev_major, facts.stx_dev_minor) == *device;
}

int copy_mount(const char *path, const uint32_t *device) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  int place = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (place < 0) return -1;
  int tree = is_it(place, device) ? open_tree(place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) : -1;
  close_kept_error(place);
  return tree;
}

/* The kernel leaves the binding out of copies of the mount namespace; a process in a copy finds it through the host's init. */
int shelf_open(const char *directory) {
  static const char *const roots[] = {"", "/proc/1/root"};
  struct statfs facts;
  char path[4096];
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s%s/ns", roots[i], directory);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstatfs(fd, &facts) == 0 && facts.f_type == NSFS_MAGIC) return fd;
    if (fd >= 0) close(fd);
  }
  errno = ENOENT;
  return -1;
}

struct mounted {
  int shelf;
  const char *path;
  const uint32_t *device;
};

static int run_root(void *data) {
  return setns(*(const int *)data, CLONE_NEWNS) < 0 ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int run_copy(void *data) {
  const struct mounted *mounted = data;
  return setns(mounted->shelf, CLONE_NEWNS) < 0 ? -1 : copy_mount(mounted->path, mounted->device);
}

int shelf_root(int shelf) {
  return send_errand(run_root, &shelf);
}

int shelf_copy(int shelf, const char *path, const uint32_t *device) {
  return send_errand(run_copy, &(struct mounted){shelf, path, device});
}
