/*
 * The command as the stage gets it: a sealed memory file of strings, each ended by a NUL. First the variables, NAME=VALUE,
 * then an empty string, then the words. An engine's own argument list would have the engine's limits.
 */
#include "launcher.h"

#include <sys/mman.h>

extern char **environ;

static size_t count_strings(const char *at, const char *end) {
  size_t count = 0;
  for (; at < end; at += strlen(at) + 1) count++;
  return count;
}

static bool is_same_variable(const char *one, const char *other) {
  size_t length = strcspn(one, "=");
  return strncmp(one, other, length) == 0 && other[length] == '=';
}

static bool is_replaced(const char *variable, char *const *by, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is_same_variable(variable, by[i])) return true;
  return false;
}

bool command_read(int fd, struct command *command) {
  struct stat found;
  if (fstat(fd, &found) < 0 || found.st_size <= 0) return false;
  char *at = mmap(NULL, (size_t)found.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) return false;
  char *end = at + found.st_size;
  if (end[-1] != 0) return false;
  size_t engines = 0, set = 0, words = 0;
  while (environ[engines] != NULL) engines++;
  char **lists = calloc(count_strings(at, end) + engines + 2, sizeof *lists);
  if (lists == NULL) return false;
  command->environment = lists;
  for (; at < end && *at != 0; at += strlen(at) + 1) lists[set++] = at;
  /* What the engine adds (PWD, container) stays, unless the caller says otherwise. */
  size_t own = set;
  for (char **variable = environ; *variable != NULL; variable++)
    if (!is_replaced(*variable, lists, own)) lists[set++] = *variable;
  command->words = lists + set + 1;
  for (at++; at < end; at += strlen(at) + 1) command->words[words++] = at;
  return words > 0;
}

static const char *search_path(const struct command *command) {
  for (char **variable = command->environment; *variable != NULL; variable++)
    if (strncmp(*variable, "PATH=", 5) == 0) return *variable + 5;
  return "/usr/local/bin:/usr/bin:/bin";
}

/* ENOENT of a file that is there is about what it needs: the interpreter of a script, the loader of a program. */
static int execute_file(const char *path, const struct command *command) {
  execve(path, command->words, command->environment);
  int error = errno;
  return error == ENOENT && access(path, F_OK) == 0 ? ELIBACC : error;
}

int command_execute(const struct command *command) {
  const char *name = command->words[0];
  int error = ENOENT;
  char path[4096];
  if (name[0] == 0) return ENOENT;
  if (strchr(name, '/') != NULL) return execute_file(name, command);
  for (const char *at = search_path(command);; at++) {
    int length = (int)strcspn(at, ":");
    if ((size_t)snprintf(path, sizeof path, "%.*s%s%s", length, at, length > 0 ? "/" : "./", name) < sizeof path) {
      struct stat found;
      int failed = execute_file(path, command);
      if (failed == EACCES && stat(path, &found) == 0 && S_ISDIR(found.st_mode)) failed = ENOENT;
      if (failed != ENOENT && failed != ENOTDIR && failed != EACCES) return failed;
      if (failed == EACCES) error = EACCES;
    }
    at += length;
    if (*at == 0) return error;
  }
}

static const char *describe(int error) {
  return error == ENOENT ? "command not found" : error == ELIBACC ? "its interpreter or loader is missing" : strerror(error);
}

void command_complain(const struct command *command, int error) {
  char line[1024];
  size_t used = (size_t)snprintf(line, sizeof line, "isolate: ");
  for (const char *at = command->words[0]; *at != 0 && used < sizeof line - 160;) {
    char shown[8];
    at += escape_character(at, shown);
    used += (size_t)snprintf(line + used, sizeof line - used, "%s", shown);
  }
  used += (size_t)snprintf(line + used, sizeof line - used, ": %s\n", describe(error));
  if (write(STDERR_FILENO, line, used) < 0) return;
}
