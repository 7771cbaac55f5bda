/*
 * Files that the launch makes for itself and removes again, and what else it does with files at its end. What was there before
 * is not ours to remove, nor is anything that a link in a tree leads to. rm(1) gets to the bottom of trees deeper than a path may be
 * long, but takes 2 ms to start.
 */
#include "launcher.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/openat2.h>

enum { USUAL_DEPTH = 32 };

/* What is there is as good if it is of the same kind. */
static bool is_there(struct file_operation *operation) {
  struct stat found;
  bool fine = errno == EEXIST && operation->existing == EXISTING_FINE && lstat(operation->path, &found) == 0;
  if (fine && S_ISDIR(found.st_mode) != (operation->kind == FILE_DIRECTORY)) fine = false, errno = EEXIST;
  if (fine) operation->end = END_STAYS;
  return fine;
}

static void print_content(FILE *out, const struct file_operation *operation, const struct stat *of) {
  for (const char *at = operation->content; *at != 0; at++) {
    bool directive = operation->numbers_of != NULL && at[0] == '%' && at[1] != 0;
    if (directive) at++;
    if (directive && *at == 'd') fprintf(out, "%" PRIu64, (uint64_t)of->st_dev);
    else if (directive && *at == 'i') fprintf(out, "%" PRIu64, (uint64_t)of->st_ino);
    else fputc(*at, out);
  }
}

static bool write_content(const char *path, const char *content) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool written = fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content);
  close_quietly(fd);
  return written;
}

static bool make_file(struct file_operation *operation) {
  struct stat of = {0};
  if (operation->numbers_of != NULL && lstat(operation->numbers_of, &of) < 0) return false;
  int fd = open(operation->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, operation->mode);
  if (fd < 0) return is_there(operation);
  FILE *out = fdopen(fd, "w");
  if (out != NULL) print_content(out, operation, &of);
  bool written = out != NULL && !ferror(out);
  written = out != NULL && fclose(out) == 0 && written;
  int error = errno;
  if (!written) unlink(operation->path);
  errno = error;
  return written;
}

/* Who renames it first has it. */
static bool take(struct file_operation *operation) {
  bool taken = syscall(SYS_renameat2, AT_FDCWD, operation->path, AT_FDCWD, operation->to, RENAME_NOREPLACE) == 0;
  operation->end = taken ? END_REMOVED : END_STAYS;
  return taken;
}

/* It only tells people something, so that a full disk prevents no run. */
static void replace(const struct file_operation *operation) {
  if (write_content(operation->path, operation->content) && rename(operation->path, operation->to) == 0) return;
  unlink(operation->path);
}

bool files_make(struct file_operations *files) {
  mode_t mask = umask(0);
  bool made = true;
  for (size_t i = 0; made && i < files->count; i++) {
    struct file_operation *operation = &files->items[i];
    place.item = operation->item;
    if (operation->kind == FILE_FILE) made = make_file(operation);
    else if (operation->kind == FILE_DIRECTORY) made = mkdir(operation->path, operation->mode) == 0 || is_there(operation);
    else if (operation->kind == FILE_TAKE) made = take(operation);
    else if (operation->kind == FILE_REPLACE) replace(operation);
    for (size_t j = i; !made && j < files->count; j++) files->items[j].end = END_STAYS;
  }
  umask(mask);
  if (made) place.item = 0;
  return made;
}

/* Not into what is mounted there. False: something is left. */
static bool clear(int parent, const char *name, int depth) {
  struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = parent == AT_FDCWD ? 0 : RESOLVE_NO_XDEV};
  if (unlinkat(parent, name, 0) == 0 || unlinkat(parent, name, AT_REMOVEDIR) == 0) return true;
  int fd = depth == 0 ? -1 : (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) clear(fd, entry->d_name, depth - 1);
  if (directory != NULL) closedir(directory);
  return directory != NULL && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/* Other users than root own only a part of such a tree by their own id, so theirs goes with the ids that the sandbox had. */
static bool remove_tree(const struct run *run, const char *path) {
  char *arguments[] = {"rm", "-rf", "--one-file-system", "--", (char *)(uintptr_t)path, NULL}, *environment[] = {NULL};
  int status = -1;
  pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; fd++) dup2(nothing, fd);
    /* A terminal's signals are not for it. Where no sandbox could start, none has left files of other ids. */
    setsid();
    if (run->record.map_writer != MAP_DIRECT && run->user_namespace >= 0) identity_enter(run);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    reset_signals();
    if (clear(AT_FDCWD, path, USUAL_DEPTH)) _exit(0);
    execve("/bin/rm", arguments, environment);
    _exit(STATUS_NOT_FOUND);
  }
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  errno = ENOTEMPTY;
  return status == 0;
}

static bool end_file(const struct run *run, const struct file_operation *operation) {
  switch (operation->kind) {
  case FILE_DIRECTORY: return operation->end != END_REMOVED || remove_tree(run, operation->path);
  case FILE_FILE: return operation->end != END_REMOVED || unlink(operation->path) == 0 || errno == ENOENT;
  case FILE_UNLINK: return unlink(operation->path) == 0 || errno == ENOENT;
  case FILE_MOVE: return rename(operation->path, operation->to) == 0 || errno == ENOENT;
  case FILE_TAKE: return operation->end != END_REMOVED || rename(operation->to, operation->path) == 0 || errno == ENOENT;
  case FILE_REPLACE: return true;
  case FILE_NOTE: return write_content(operation->path, operation->content) || errno == ENOENT;
  default: return detached_start(operation);
  }
}

void files_end(const struct run *run) {
  for (size_t i = run->record.files.count; i-- > 0;) {
    const struct file_operation *operation = &run->record.files.items[i];
    if (end_file(run, operation)) continue;
    run->tell(run, (struct event){.kind = EVENT_UNREMOVED, .a = (uint32_t)errno, .b = operation->item});
  }
}

void files_give_up(struct run *run) {
  for (size_t i = 0; i < run->record.files.count; i++) run->record.files.items[i].end = END_STAYS;
  files_end(run);
}
