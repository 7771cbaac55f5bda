/* Mounts, links and network cards, as the host plans them. Everything is done below ROOT; nothing there is executed. */
#include "init.h"

#include <linux/openat2.h>
#include <net/if.h>
#include <net/route.h>
#include <arpa/inet.h>
#include <sys/mount.h>

bool prepare_system(void) {
  static const char *const directories[] = {"/proc", "/sys", "/dev", "/files", SHARE, ROOT};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) mkdir(directories[i], 0755);
  return mount("proc", "/proc", "proc", 0, NULL) == 0 && mount("sysfs", "/sys", "sysfs", 0, NULL) == 0 &&
         mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) == 0;
}

/* A path below ROOT, which links in it do not lead out of. */
static int open_inside(int root, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The directory that is to have the last part of `path`, with those above it made; `name` becomes that part. */
static int open_parent(int root, char *path, char **name) {
  char *last = strrchr(path, '/');
  if (last == NULL || last[1] == 0) return errno = EINVAL, -1;
  *name = last + 1;
  for (char *at = path + 1; (at = strchr(at, '/')) != NULL && at <= last; at++) {
    *at = 0;
    int there = open_inside(root, path, O_PATH | O_DIRECTORY);
    if (there < 0 && errno == ENOENT) {
      char *own = strrchr(path, '/');
      *own = 0;
      int above = open_inside(root, *path == 0 ? "/" : path, O_PATH | O_DIRECTORY);
      *own = '/';
      if (above >= 0) mkdirat(above, own + 1, 0755);
      close_quietly(above);
    }
    close_quietly(there);
    *at = '/';
  }
  *last = 0;
  int parent = open_inside(root, *path == 0 ? "/" : path, O_PATH | O_DIRECTORY);
  *last = '/';
  return parent;
}

static const struct { const char *name; unsigned long flag; } mount_flags[] = {
    {"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC},
};

static unsigned long parse_flags(const char *text) {
  unsigned long flags = 0;
  for (size_t i = 0; i < sizeof mount_flags / sizeof *mount_flags; i++)
    if (strstr(text, mount_flags[i].name) != NULL) flags |= mount_flags[i].flag;
  return flags;
}

/* The strings of a frame that has so many. */
static bool read_strings(const struct frame *frame, const char **strings, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++)
    if ((strings[i] = frame_string(frame, &at)) == NULL) return errno = EINVAL, false;
  return true;
}

/* The target below the root, made if it is missing: a directory ('d'), a file ('f') or, with `link`, a link, for which 0 is returned. */
static int open_target(const char *target, char made, const char *link) {
  char path[4096], *name;
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int there = link != NULL ? -1 : open_inside(root, target, O_PATH);
  bool fits = (size_t)snprintf(path, sizeof path, "%s", target) < sizeof path;
  if (there < 0 && fits && (link != NULL || errno == ENOENT)) {
    int parent = open_parent(root, path, &name);
    if (parent >= 0 && link != NULL) there = symlinkat(link, parent, name) == 0 || errno == EEXIST ? 0 : -1;
    else if (parent >= 0 && made == 'd' && mkdirat(parent, name, 0755) == 0) there = open_inside(root, path, O_PATH);
    else if (parent >= 0 && made == 'f') there = openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    close_quietly(parent);
  }
  close_quietly(root);
  return there;
}

static bool mount_at(const char *target, char made, const char *type, const char *source, unsigned long flags, const char *options) {
  char opened[64];
  int there = open_target(target, made, NULL);
  snprintf(opened, sizeof opened, "/proc/self/fd/%d", there);
  bool done = there >= 0 && mount(source, opened, type, flags, options) == 0;
  close_quietly(there);
  return done;
}

/* A bind takes its flags when it is there (mount(2)); the target leads to it by then. */
static bool bind_at(const char *source, const char *target, char made, const char *flags) {
  if (!mount_at(target, made, NULL, source, MS_BIND | MS_REC, NULL)) return false;
  unsigned long wanted = parse_flags(flags);
  return wanted == 0 || mount_at(target, made, NULL, NULL, MS_BIND | MS_REMOUNT | wanted, NULL);
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
  if (strcmp(parts[1], "/") != 0) return bind_at(source, parts[1], parts[3][0], parts[2]);
  unsigned long flags = parse_flags(parts[2]);
  return mount(source, ROOT, NULL, MS_BIND | MS_REC, NULL) == 0 &&
         (flags == 0 || mount(NULL, ROOT, NULL, MS_BIND | MS_REMOUNT | flags, NULL) == 0);
}

bool prepare_mount(const struct frame *frame) {
  const char *parts[4];
  return read_strings(frame, parts, 4) && mount_at(parts[1], 'd', parts[0], parts[0], parse_flags(parts[2]), parts[3]);
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
  return written && bind_at(path, parts[0], 'f', "");
}

bool prepare_link(const struct frame *frame) {
  const char *parts[2];
  return read_strings(frame, parts, 2) && open_target(parts[0], 0, parts[1]) == 0;
}

/* What is mounted becomes the namespace's own root, so that programs inside can make user namespaces (user_namespaces(7), EPERM). */
int prepare_root(void) {
  int root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || fchdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0) return -1;
  return root;
}

static bool raise_card(int fd, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) return false;
  request.ifr_flags |= IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static struct sockaddr internet(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct sockaddr general;
  inet_pton(AF_INET, text, &address.sin_addr);
  memcpy(&general, &address, sizeof general);
  return general;
}

static bool set_address(int fd, const char *name, const char *address, const char *mask) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  request.ifr_addr = internet(address);
  if (ioctl(fd, SIOCSIFADDR, &request) < 0) return false;
  request.ifr_netmask = internet(mask);
  return ioctl(fd, SIOCSIFNETMASK, &request) == 0;
}

static bool set_gateway(int fd, const char *gateway) {
  struct rtentry route = {.rt_dst = internet("0.0.0.0"), .rt_genmask = internet("0.0.0.0"), .rt_gateway = internet(gateway), .rt_flags = RTF_UP | RTF_GATEWAY};
  return ioctl(fd, SIOCADDRT, &route) == 0;
}

bool prepare_network(const struct frame *frame) {
  const char *parts[4];
  if (!read_strings(frame, parts, 4)) return false;
  const char *name = parts[0], *address = parts[1], *gateway = parts[3];
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool done = (*address == 0 || set_address(fd, name, address, parts[2])) && raise_card(fd, name) && (*gateway == 0 || set_gateway(fd, gateway));
  close_quietly(fd);
  return done;
}
