/* Modules of a kernel that is not isolate's own; the initramfs has them in the order in which they are loaded (src/kernel/prepare.ts). */
#include "init.h"

#include <dirent.h>

static int by_name(const struct dirent **one, const struct dirent **other) {
  return strcmp((*one)->d_name, (*other)->d_name);
}

bool modules_load(const char *when) {
  char path[512];
  struct dirent **names;
  snprintf(path, sizeof path, "/modules/%s", when);
  int count = scandir(path, &names, NULL, by_name);
  for (int i = 0; i < count; i++) {
    if (names[i]->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/modules/%s/%s", when, names[i]->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool loaded = file >= 0 && (syscall(SYS_finit_module, file, "", 0) == 0 || errno == EEXIST);
    int error = errno;
    close_quietly(file);
    unlink(path);
    if (loaded) continue;
    dprintf(2, "isolate: the kernel module %s cannot be loaded: %s\n", names[i]->d_name, strerror(error));
    return errno = error, false;
  }
  return true;
}
