/*
 * Ends while the process that waits for it, pid 1 of the sandbox, is stopped: hold-engine STATUS|SIGNAL
 *
 * The tracer is left behind, because pid 1 would go on if its tracer ended. A number below 0 is a signal to die by.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int ready[2];
  char byte = 0;
  if (argc != 2 || pipe(ready) < 0) return 2;
  if (fork() == 0) {
    int status;
    long seized = ptrace(PTRACE_SEIZE, 1, NULL, NULL);
    if (seized < 0) perror("PTRACE_SEIZE");
    if (seized == 0) ptrace(PTRACE_INTERRUPT, 1, NULL, NULL), waitpid(1, &status, __WALL);
    byte = seized == 0;
    if (write(ready[1], &byte, 1) != 1) return 2;
    for (;;) pause();
  }
  if (read(ready[0], &byte, 1) != 1 || byte == 0) return 3;
  int end = atoi(argv[1]);
  if (end < 0) kill(getpid(), -end);
  return end;
}
