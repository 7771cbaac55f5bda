/* On a host without systemd the broker makes the listening sockets itself and starts the front. */
#include "gate.h"

#include <grp.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define SANDBOX "/run/isolate/sandbox"

/* The directory of `path`, which only root can write, so that nobody else can interfere with what follows. */
static int open_directory_of(const char *path, const char **name) {
  char directory[4096];
  struct stat facts;
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  const char *slash = strrchr(path, '/');
  errno = EINVAL;
  if (path[0] != '/' || slash == NULL || slash[1] == 0 || strlen(path) >= sizeof directory) return -1;
  memcpy(directory, path, (size_t)(slash - path) + 1);
  directory[slash - path + 1] = 0;
  *name = slash + 1;
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, directory, &how, sizeof how);
  if (fd < 0) return -1;
  if (fstat(fd, &facts) == 0 && facts.st_uid == 0 && (facts.st_mode & 022) == 0) return fd;
  close(fd);
  errno = EPERM;
  return -1;
}

/* True if there is nothing, or what there was is gone: a socket of the owner's or root's that nobody listens on. */
static bool clear_place(int directory, const char *name, const struct sockaddr_un *address, uid_t owner) {
  struct stat facts;
  if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT;
  errno = EEXIST;
  if (!S_ISSOCK(facts.st_mode) || (facts.st_uid != 0 && facts.st_uid != owner)) return false;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
  close(fd);
  errno = EADDRINUSE;
  return refused && unlinkat(directory, name, 0) == 0;
}

int make_socket(const char *path, uid_t owner, gid_t group, mode_t mode) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *name = "";
  int directory = open_directory_of(path, &name);
  if (directory < 0) fail("use the directory of a socket, which only root may be able to write");
  /* Through the descriptor, so that the length of the directory's name does not matter. */
  int length = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);
  errno = ENAMETOOLONG;
  if (length >= (int)sizeof address.sun_path) fail("name a socket");
  if (!clear_place(directory, name, &address, owner)) fail("put a socket where something else is");
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket");
  mode_t before = umask(0777);
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) fail("bind a socket");
  umask(before);
  if (fchownat(directory, name, owner, group, AT_SYMLINK_NOFOLLOW) < 0) fail("give a socket its owner");
  if (fchmodat(directory, name, mode, 0) < 0) fail("give a socket its mode");
  if (listen(fd, CONNECTIONS_MAX) < 0) fail("listen on a socket");
  close(directory);
  return fd;
}

/* Called in the front's process while it is still root's. */
static void enter_sandbox(const struct options *options) {
  struct stat facts;
  if (mkdir(SANDBOX, 0755) < 0 && errno != EEXIST) fail("make " SANDBOX);
  if (lstat(SANDBOX, &facts) < 0) fail("look at " SANDBOX);
  errno = EPERM;
  if (!S_ISDIR(facts.st_mode) || facts.st_uid != 0 || (facts.st_mode & 022) != 0) fail("use " SANDBOX ", which only root may be able to write");
  for (int fd = 0; fd < 3; fd++) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || (null != fd && dup2(null, fd) < 0)) fail("open /dev/null");
    if (null > 2) close(null);
  }
  if (chroot(SANDBOX) < 0 || chdir("/") < 0) fail("enter " SANDBOX);
  if (setgroups(0, NULL) < 0 || setresgid(options->user, options->user, options->user) < 0) fail("give up groups");
  if (setresuid(options->user, options->user, options->user) < 0) fail("become the front's user");
}

int start_front(int clients, int metrics, const struct options *options) {
  int ends[2];
  pid_t broker = getpid();
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) fail("make the front's socket");
  pid_t child = fork();
  if (child < 0) fail("start the front");
  if (child > 0) {
    close(ends[1]);
    close(clients);
    if (metrics >= 0) close(metrics);
    return ends[0];
  }
  enter_sandbox(options);
  /* After the change of user, which forgets it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != broker) exit(1);
  front_main(clients, metrics, ends[1], options);
}
