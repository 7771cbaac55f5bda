/*
 * What the daemon has to know about the caller's files and variables, looked up with the caller's own rights. Only files that can be read
 * twice are read: a pipe that Node may have to read later is left to Node.
 */
#include "client.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

extern char **environ;

static const unsigned order[] = {ITEM_DESCRIPTOR,    ITEM_STAT_PATH, ITEM_READ_PATH, ITEM_LIST_PATH,
                                 ITEM_VARIABLE_NAME, ITEM_REAL_PATH, ITEM_TREE_PATH, ITEM_LOOK_PATH, ITEM_READ_IN_TREE};
enum { CONTENT_MAX = 262144, ENTRIES_MAX = 65536, NAME_MAX_BYTES = 4096 };

static void add_path_facts(struct wire_writer *writer, const char *path) {
  struct stat found;
  struct statfs system;
  uint8_t facts[28];
  if (stat(path, &found) < 0 || statfs(path, &system) < 0) {
    wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
    return;
  }
  uint32_t numbers[] = {found.st_mode,        found.st_uid,         found.st_gid,           (uint32_t)system.f_type,
                        major(found.st_dev), minor(found.st_dev), (uint32_t)found.st_ino};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) wire_put(facts + 4 * i, numbers[i]);
  wire_add(writer, ITEM_PATH_FACTS, facts, sizeof facts);
}

/* Of a file that was opened, or could not be; closes it. */
static bool add_content(struct wire_writer *writer, int fd) {
  static uint8_t content[CONTENT_MAX + 1];
  struct stat found;
  size_t length = 0;
  ssize_t count = 1;
  bool opened = fd >= 0 && fstat(fd, &found) == 0;
  bool fit = !opened || S_ISREG(found.st_mode) || S_ISDIR(found.st_mode);
  while (opened && fit && count > 0 && length < sizeof content) {
    count = read(fd, content + length, sizeof content - length);
    if (count > 0) length += (size_t)count;
  }
  if (!opened || count < 0) wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
  else if (length > CONTENT_MAX) wire_add_number(writer, ITEM_MISSING, EFBIG);
  else wire_add(writer, ITEM_FILE_CONTENT, content, length);
  close_quietly(fd);
  return fit;
}

/* The names in a directory, each followed by a NUL. Its owner may be another user, who must not mislead root with a link. */
static void add_entries(struct wire_writer *writer, const char *path) {
  static char names[ENTRIES_MAX];
  struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  size_t length = 0;
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
    return;
  }
  errno = 0;
  for (struct dirent *entry; errno == 0 && (entry = readdir(directory)) != NULL;) {
    size_t size = strlen(entry->d_name) + 1;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (size > sizeof names - length) errno = EFBIG;
    else memcpy(names + length, entry->d_name, size), length += size;
  }
  if (errno != 0) wire_add_number(writer, ITEM_MISSING, (uint32_t)errno);
  else wire_add(writer, ITEM_ENTRIES, (const uint8_t *)names, length);
  closedir(directory);
}

static void add_variable(struct wire_writer *writer, const char *name, size_t length) {
  for (char **at = environ; *at != NULL; at++) {
    if (strncmp(*at, name, length) != 0 || (*at)[length] != '=') continue;
    wire_add_text(writer, ITEM_VARIABLE, *at);
    return;
  }
  wire_add_number(writer, ITEM_MISSING, ENOENT);
}

/* A descriptor that this program opened itself is not the caller's: the caller named a closed one. */
static bool add_descriptor(struct run *run, struct wire_writer *writer, const struct wire_item *question) {
  int fd = (int)wire_number(question);
  wire_add_number(writer, ITEM_DESCRIPTOR, (uint32_t)fd);
  return fd != run->lease && (run->events = report_open(fd)) >= 0;
}

static bool add_answer(struct run *run, struct wire_writer *writer, const struct wire_item *question) {
  char name[NAME_MAX_BYTES + 1];
  if (question->tag == ITEM_DESCRIPTOR) return add_descriptor(run, writer, question);
  if (question->length >= sizeof name) return false;
  memcpy(name, question->value, question->length);
  name[question->length] = 0;
  if (question->tag == ITEM_READ_PATH) return add_content(writer, open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (question->tag == ITEM_READ_IN_TREE) return add_content(writer, look_open(name));
  if (question->tag == ITEM_STAT_PATH) add_path_facts(writer, name);
  else if (question->tag == ITEM_LIST_PATH) add_entries(writer, name);
  else if (question->tag == ITEM_REAL_PATH) look_add_real(writer, name);
  else if (question->tag == ITEM_TREE_PATH) return look_into(name);
  else if (question->tag == ITEM_LOOK_PATH) look_add(writer, name);
  else add_variable(writer, name, question->length);
  return true;
}

size_t answer_write(struct run *run, const struct frame *ask, uint8_t *bytes, size_t size) {
  struct wire_writer writer;
  struct wire_item question;
  wire_begin(&writer, bytes, size, MESSAGE_ANSWER);
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    for (size_t at = 0; wire_next(ask->bytes, ask->length, &at, &question);)
      if (question.tag == order[i] && !add_answer(run, &writer, &question)) return 0;
  return wire_end(&writer, WIRE_CLIENT);
}
