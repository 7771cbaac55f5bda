/*
 * The caller's standard streams. The guest gets those that are not terminals directly, so this ensures that they give access to nothing
 * but themselves, and restores the properties of the open file, which the caller shares, afterwards.
 */
#include "launcher.h"

#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>

enum { PIDFS_MAGIC = 0x50494446 };

/* By a directory all of its file system is reached, by a namespace what is in it; the kernel's nameless objects have operations of their own. */
static int fault_of(int fd) {
  struct stat found;
  struct statfs system;
  int domain = 0, type = 0;
  socklen_t size = sizeof(int);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return 0; /* closed */
  if ((flags & O_PATH) != 0) return EBADF;
  if (fstat(fd, &found) < 0 || fstatfs(fd, &system) < 0) return errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  if ((found.st_mode & S_IFMT) == 0 || system.f_type == NSFS_MAGIC || system.f_type == PIDFS_MAGIC) return EINVAL;
  if (!S_ISSOCK(found.st_mode)) return 0;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return errno;
  if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6) return EAFNOSUPPORT;
  return type == SOCK_STREAM || type == SOCK_SEQPACKET ? 0 : EPROTOTYPE;
}

bool streams_lead_nowhere(void) {
  for (int fd = 0; fd <= 2; fd++) {
    place.item = (uint32_t)fd;
    if ((errno = fault_of(fd)) != 0) return false;
  }
  place.item = 0;
  return true;
}

/* Locks that belong to the open file and not to a process. */
static bool is_locked(int fd) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  read_text(path, text, sizeof text);
  return strstr(text, "\nlock:") != NULL;
}

void streams_keep(struct stream streams[3]) {
  for (int fd = 0; fd <= 2; fd++) {
    struct stream *stream = &streams[fd];
    stream->fd = isatty(fd) ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
    if (stream->fd < 0) continue;
    stream->flags = fcntl(fd, F_GETFL);
    stream->signal = fcntl(fd, F_GETSIG);
    stream->pipe_size = fcntl(fd, F_GETPIPE_SZ);
    stream->locked = is_locked(fd);
    if (fcntl(fd, F_GETOWN_EX, &stream->owner) < 0) stream->owner.pid = 0;
  }
}

static void unlock(int fd) {
  struct flock whole = {.l_type = F_UNLCK};
  flock(fd, LOCK_UN);
  fcntl(fd, F_OFD_SETLK, &whole);
  fcntl(fd, F_SETLEASE, F_UNLCK);
}

static void restore(const struct stream *stream) {
  enum { SETTABLE = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK };
  struct f_owner_ex owner;
  int fd = stream->fd;
  if (((fcntl(fd, F_GETFL) ^ stream->flags) & SETTABLE) != 0) fcntl(fd, F_SETFL, stream->flags);
  if (fcntl(fd, F_GETSIG) != stream->signal) fcntl(fd, F_SETSIG, stream->signal);
  if (fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.pid != stream->owner.pid) fcntl(fd, F_SETOWN_EX, &stream->owner);
  if (stream->pipe_size > 0 && fcntl(fd, F_GETPIPE_SZ) != stream->pipe_size) fcntl(fd, F_SETPIPE_SZ, stream->pipe_size);
  if (!stream->locked && is_locked(fd)) unlock(fd);
}

void streams_restore(struct stream streams[3]) {
  for (int i = 0; i < 3; i++) {
    if (streams[i].fd < 0) continue;
    restore(&streams[i]);
    close(streams[i].fd);
  }
}
