/* Paths beneath a root that others may have written: its links never lead out of it. */
#include "launcher.h"

#include <linux/openat2.h>

int open_beneath(int root, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

int open_or_make(int root, const char *path, uint32_t create, place_maker *make) {
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
    if (next < 0 && errno == ENOENT && make(at, prefix + begin, !last || create == CREATE_DIRECTORY))
      next = open_beneath(root, prefix, O_PATH | O_NOFOLLOW);
    close_quietly(at);
    at = next;
  }
  return at;
}
