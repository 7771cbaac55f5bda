/*
 * What a program can leave behind on a stream that it shares with others.
 *
 *   stream-traces state      prints what can be seen of descriptor 0: flags, owner, signal, size of the pipe, locks
 *   stream-traces spoil      changes all of that of descriptors 0 to 2
 *   stream-traces die        the same, and kills itself
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int count_locks(int fd) {
  char path[64];
  char line[256];
  int locks = 0;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *info = fopen(path, "re");
  while (info != NULL && fgets(line, sizeof line, info) != NULL) locks += strncmp(line, "lock:", 5) == 0;
  if (info != NULL) fclose(info);
  return locks;
}

static void say_state(void) {
  struct f_owner_ex owner = {0};
  fcntl(0, F_GETOWN_EX, &owner);
  printf("flags %o owner %d signal %d size %d locks %d\n", fcntl(0, F_GETFL), owner.pid, fcntl(0, F_GETSIG), fcntl(0, F_GETPIPE_SZ), count_locks(0));
}

static void spoil(int fd) {
  struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = getpid()};
  struct flock whole = {.l_type = F_RDLCK};
  fcntl(fd, F_SETOWN_EX, &owner);
  fcntl(fd, F_SETSIG, SIGURG);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) ^ (O_NONBLOCK | O_APPEND | O_ASYNC));
  fcntl(fd, F_SETPIPE_SZ, 4096);
  flock(fd, LOCK_EX | LOCK_NB);
  fcntl(fd, F_OFD_SETLK, &whole);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  if (strcmp(argv[1], "state") == 0) return say_state(), 0;
  for (int fd = 0; fd <= 2; fd++) spoil(fd);
  return strcmp(argv[1], "die") == 0 ? raise(SIGKILL) : 0;
}
