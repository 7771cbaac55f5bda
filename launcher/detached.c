/*
 * A program that a launch starts at its end and that nobody waits for. A file in a directory of the state says that one lives:
 * its name has the program's pid, the time when it started and the boot, as src/pool/claims/claims.ts has it.
 */
#include "launcher.h"

#include <dirent.h>
#include <limits.h>

enum { WORDS_MAX = 16 };

/* Whether a file of the directory, whose name begins with `kind`, names a process that lives. */
static bool one_lives(const char *directory, const char *kind, const char *boot) {
  DIR *files = opendir(directory);
  bool found = false;
  for (struct dirent *entry; files != NULL && !found && (entry = readdir(files)) != NULL;) {
    int pid, end = 0;
    unsigned long long start;
    if (strncmp(entry->d_name, kind, strlen(kind)) != 0) continue;
    if (sscanf(entry->d_name + strlen(kind), "%*d.%d.%llu.%n", &pid, &start, &end) != 2 || end == 0) continue;
    found = strcmp(entry->d_name + strlen(kind) + end, boot) == 0 && start != 0 && process_start(pid) == start;
  }
  if (files != NULL) closedir(files);
  return found;
}

static _Noreturn void become(const struct file_operation *operation) {
  char *words[WORDS_MAX + 2] = {(char *)(uintptr_t)operation->path};
  char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  const char *at = (const char *)operation->words.at, *end = at + operation->words.length;
  for (size_t count = 1; at < end && count <= WORDS_MAX; at += strlen(at) + 1) words[count++] = (char *)(uintptr_t)at;
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd++) dup2(nothing, fd);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  setsid();
  reset_signals();
  execve(operation->path, words, environment);
  _exit(STATUS_NOT_FOUND);
}

bool detached_start(const struct file_operation *operation) {
  char path[PATH_MAX];
  const char *slash = strrchr(operation->claim, '/');
  snprintf(path, sizeof path, "%.*s", (int)(slash - operation->claim), operation->claim);
  if (one_lives(path, slash + 1, operation->boot)) return true;
  if (operation->words.length == 0 || operation->words.at[operation->words.length - 1] != 0) return errno = EINVAL, false;
  pid_t child = fork();
  if (child == 0) become(operation);
  if (child < 0) return false;
  int length = snprintf(path, sizeof path, "%s1.%d.%llu.%s", operation->claim, (int)child, process_start(child), operation->boot);
  /* Without it another one may be started beside, which finds nothing to do. */
  int fd = length < (int)sizeof path ? open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
  close_quietly(fd);
  return true;
}
