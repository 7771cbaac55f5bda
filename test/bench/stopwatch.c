/*
 * Runs a command once and prints how long it took, from just before the fork until it was reaped, and what it used:
 * "WALL_NS USER_US SYSTEM_US PEAK_KIB STATUS". PEAK_KIB is that of the largest process of its tree. A program of its own,
 * because what starts the command is measured with it, and a large process forks slowly. bubblewrap ends without waiting for
 * its init, which has done most of the work, so what the command leaves in our process group is waited for as well, a second at
 * most. What it started for later, as isolate does a refresh, is in a session of its own.
 *
 *   stopwatch [NUMBER=FILE]... [@UID,GID] COMMAND [ARG...]
 *
 * FILE is opened at descriptor NUMBER of the command. The command runs as the user UID, whose own group has the same number,
 * with the supplementary group GID.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void place(int number, const char *file)
{
  int fd = open(file, O_RDWR);
  if (fd < 0) fd = open(file, O_RDONLY);
  if (fd < 0 || (fd != number && dup2(fd, number) < 0)) _exit(126);
  if (fd != number) close(fd);
}

static void become(const char *user)
{
  unsigned uid, gid;
  if (sscanf(user, "@%u,%u", &uid, &gid) != 2) _exit(126);
  if (setgroups(1, &gid) < 0 || setgid(uid) < 0 || setuid(uid) < 0) _exit(126);
}

static void stop_waiting(int number)
{
  (void)number;
}

static void reap_left(void)
{
  struct sigaction action = {.sa_handler = stop_waiting};
  sigaction(SIGALRM, &action, NULL);
  alarm(1);
  while (waitpid(0, NULL, 0) > 0) continue;
}

int main(int argc, char **argv)
{
  int first = 1;
  while (first < argc && argv[first][0] >= '0' && argv[first][0] <= '9' && strchr(argv[first], '=') != NULL) first++;
  const char *user = first < argc && argv[first][0] == '@' ? argv[first++] : NULL;
  if (first >= argc) return 2;

  struct timespec start, end;
  struct rusage usage;
  int status;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return 1;
  clock_gettime(CLOCK_MONOTONIC, &start);
  pid_t pid = fork();
  if (pid == 0) {
    for (int number = 0; number < 3; number++) place(number, "/dev/null");
    for (int i = 1; i < first && argv[i] != user; i++) place(atoi(argv[i]), strchr(argv[i], '=') + 1);
    if (user != NULL) become(user);
    execvp(argv[first], argv + first);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return 1;
  clock_gettime(CLOCK_MONOTONIC, &end);
  reap_left();
  if (getrusage(RUSAGE_CHILDREN, &usage) < 0) return 1;

  long long wall = (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec);
  printf("%lld %ld %ld %ld %d\n", wall, usage.ru_utime.tv_sec * 1000000L + usage.ru_utime.tv_usec,
         usage.ru_stime.tv_sec * 1000000L + usage.ru_stime.tv_usec, usage.ru_maxrss,
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
