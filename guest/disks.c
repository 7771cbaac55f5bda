/* Disks, which the host names by their serial numbers, and the file systems on them. */
#include "init.h"

#include <sys/mount.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* NAME of the disk in /dev. */
static bool find_disk(const char *serial, char name[8]) {
  if (!modules_load("disk")) return false;
  for (const char *letter = letters; *letter != 0; letter++) {
    char path[64], found[32];
    snprintf(name, 8, "vd%c", *letter);
    snprintf(path, sizeof path, "/sys/block/%s/serial", name);
    read_text(path, found, sizeof found);
    if (strcmp(found, serial) == 0) return true;
  }
  return errno = ENODEV, false;
}

bool prepare_disk(const struct frame *frame) {
  const char *parts[2];
  char name[8], link[128], to[32];
  if (!read_strings(frame, parts, 2) || !find_disk(parts[0], name)) return false;
  mkdir("/dev/disk", 0755);
  mkdir("/dev/disk/by-tag", 0755);
  snprintf(link, sizeof link, "/dev/disk/by-tag/%s", parts[1]);
  snprintf(to, sizeof to, "../../%s", name);
  return symlink(to, link) == 0;
}

/* As the first of the kernel's file systems that takes it (proc(5), /proc/filesystems). */
static bool mount_any(const char *target, const char *device, unsigned long flags) {
  char line[64], type[64];
  FILE *types = fopen("/proc/filesystems", "re");
  bool done = false;
  errno = types == NULL ? errno : ENODEV;
  while (!done && types != NULL && fgets(line, sizeof line, types) != NULL)
    if (strncmp(line, "nodev", 5) != 0 && sscanf(line, "%63s", type) == 1) done = mount_at(target, CREATE_DIRECTORY, type, device, flags, NULL);
  int error = errno;
  if (types != NULL) fclose(types);
  errno = error;
  return done;
}

bool prepare_image(const struct frame *frame) {
  const char *parts[4];
  char name[8], device[16];
  if (!read_strings(frame, parts, 4) || !find_disk(parts[1], name)) return false;
  snprintf(device, sizeof device, "/dev/%s", name);
  return mount_any(parts[2], device, parse_flags(parts[3]));
}

/* The kernel writes blanks and the like as \ and three octal digits (proc(5)). */
static void unescape(char *text) {
  char *to = text;
  for (char *from = text; *from != 0; to++) {
    bool escaped = from[0] == '\\' && from[1] != 0 && from[2] != 0 && from[3] != 0;
    *to = escaped ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
    from += escaped ? 4 : 1;
  }
  *to = 0;
}

/*
 * What is mounted from disks becomes read-only, so that no journal is left to be replayed; what still has a file open for writing keeps
 * its own, as a power cut would leave it. A flush brings the rest to the host, also what was written to a disk itself.
 */
void disks_release(void) {
  char line[4096], target[4096], source[64];
  int disks[sizeof letters - 1];
  for (size_t i = 0; i < sizeof letters - 1; i++) {
    char path[16];
    snprintf(path, sizeof path, "/dev/vd%c", letters[i]);
    disks[i] = open(path, O_RDONLY | O_CLOEXEC);
  }
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (mounts != NULL && enter_root()) {
    while (fgets(line, sizeof line, mounts) != NULL) {
      const char *rest = strstr(line, " - ");
      if (rest == NULL || sscanf(rest, " - %*s %63s", source) != 1 || strncmp(source, "/dev/vd", 7) != 0) continue;
      if (sscanf(line, "%*s %*s %*s %*s %4095s", target) != 1) continue;
      unescape(target);
      mount(NULL, target, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    }
  }
  if (mounts != NULL) fclose(mounts);
  for (size_t i = 0; i < sizeof letters - 1; i++) {
    if (disks[i] >= 0) fsync(disks[i]);
    close_quietly(disks[i]);
  }
}
