/* Disks, which the host names by their serial numbers, and the file systems on them. */
#include "init.h"

#include <sys/mount.h>

enum { MOST_DISKS = 26 };

static int mounted[MOST_DISKS]; /* descriptors of what is mounted */
static int mounted_count;

/* NAME of the disk in /dev. */
static bool find_disk(const char *serial, char name[8]) {
  if (!modules_load("disk")) return false;
  for (char letter = 'a'; letter <= 'z'; letter++) {
    char path[64], found[32];
    snprintf(name, 8, "vd%c", letter);
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
  if (!mount_any(parts[2], device, parse_flags(parts[3]))) return false;
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int there = root < 0 ? -1 : open_beneath(root, parts[2], O_PATH | O_DIRECTORY);
  close_quietly(root);
  if (there >= 0 && mounted_count < MOST_DISKS) mounted[mounted_count++] = there;
  return there >= 0;
}

/* Their journals are empty then. What still has a file open for writing keeps its journal, as a power cut would leave it. */
void disks_release(void) {
  for (int i = 0; i < mounted_count; i++)
    if (fchdir(mounted[i]) == 0) mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}
