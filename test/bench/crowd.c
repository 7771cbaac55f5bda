/*
 * Runs a command COUNT times, WIDTH at once, and prints how long all took: "WALL_NS FAILED", then a line with the time of
 * each run in nanoseconds, in the order in which they ended.
 *
 *   crowd COUNT WIDTH [NUMBER=FILE]... COMMAND [ARG...]     FILE is opened at descriptor NUMBER of the command
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_AT_ONCE 1024

struct running {
  pid_t pid;
  long long since;
};

static struct running crowd[MOST_AT_ONCE];

static long long now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void place(int number, const char *file)
{
  int fd = open(file, O_RDWR);
  if (fd < 0) fd = open(file, O_RDONLY);
  if (fd < 0 || (fd != number && dup2(fd, number) < 0)) _exit(126);
  if (fd != number) close(fd);
}

static void start(struct running *slot, char **words)
{
  slot->since = now();
  slot->pid = fork();
  if (slot->pid < 0) exit(1);
  if (slot->pid > 0) return;
  for (int number = 0; number < 3; number++) place(number, "/dev/null");
  for (; words[0][0] >= '0' && words[0][0] <= '9' && strchr(words[0], '=') != NULL; words++) place(atoi(words[0]), strchr(words[0], '=') + 1);
  execvp(words[0], words);
  _exit(127);
}

int main(int argc, char **argv)
{
  if (argc < 4) return 2;
  int count = atoi(argv[1]);
  int width = atoi(argv[2]);
  if (count < 1 || width < 1 || width > MOST_AT_ONCE) return 2;
  if (width > count) width = count;
  long long *times = calloc((size_t)count, sizeof *times);
  if (times == NULL) return 1;

  long long begin = now();
  int started = 0;
  int failed = 0;
  while (started < width) start(&crowd[started++], argv + 3);
  for (int ended = 0; ended < count;) {
    int status;
    pid_t pid = wait(&status);
    if (pid < 0) return 1;
    int slot = 0;
    while (slot < width && crowd[slot].pid != pid) slot++;
    if (slot == width) continue;
    times[ended++] = now() - crowd[slot].since;
    if (status != 0) failed++;
    crowd[slot].pid = 0;
    if (started < count) {
      start(&crowd[slot], argv + 3);
      started++;
    }
  }
  printf("%lld %d\n", now() - begin, failed);
  for (int i = 0; i < count; i++) printf("%lld\n", times[i]);
  return 0;
}
