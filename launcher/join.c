/*
 * How a program joins a run that is under way. The launcher of a run keeps its record, in which everything is that the engine was
 * told, in a sealed memory file from the start of the command on. The kernel lets only the run's own user and root open it, in
 * /proc/PID/fd of the launcher, which no guest sees. So nothing of a run is written to a disk, and nothing that a guest says counts.
 *
 * All numbers of processes are proved by descriptors of these: a process that is still there at the end had its number all along.
 */
#include "launcher.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

/* The engine has a process or two between the launcher and the first one of the sandbox. */
enum { CHILDREN_MAX = 64, GENERATIONS_MAX = 8, START_MS = 5000 };
static const char kept_name[] = "isolate-record";

void record_keep(const struct record *record) {
  if (record->inside_run == NULL) return;
  int fd = sealed_file(kept_name, record->whole);
  if (fd >= 0) dup3(fd, KEPT_RECORD, O_CLOEXEC);
  close_quietly(fd);
}

const struct record *run_groups(const struct run *run) {
  return run->record.join_kind == JOIN_SANDBOX ? &run->joined : &run->record;
}

static int open_process(pid_t pid) {
  return above_planned((int)syscall(SYS_pidfd_open, pid, 0));
}

static bool lives(int process) {
  struct pollfd end = {.fd = process, .events = POLLIN};
  return process >= 0 && poll(&end, 1, 0) == 0;
}

static size_t add_children(const char *path, pid_t children[CHILDREN_MAX], size_t count) {
  char text[CHILDREN_MAX * 12];
  read_text(path, text, sizeof text);
  char *at = text;
  for (char *word; count < CHILDREN_MAX && (word = strsep(&at, " ")) != NULL;)
    if (*word != 0) children[count++] = (pid_t)strtol(word, NULL, 10);
  return count;
}

/* Node may have started a launcher from any of its threads. */
static size_t list_children(pid_t pid, pid_t children[CHILDREN_MAX]) {
  char path[64];
  size_t count = 0;
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *threads = opendir(path);
  for (struct dirent *thread; threads != NULL && (thread = readdir(threads)) != NULL;) {
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", (int)pid, thread->d_name);
    if (thread->d_name[0] != '.') count = add_children(path, children, count);
  }
  if (threads != NULL) closedir(threads);
  return count;
}

/* Another user's process could give us any record. */
static bool is_own(pid_t pid) {
  char path[32];
  struct stat found;
  snprintf(path, sizeof path, "/proc/%d", (int)pid);
  return stat(path, &found) == 0 && found.st_uid == geteuid();
}

static int open_record(pid_t pid) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, KEPT_RECORD);
  ssize_t length = is_own(pid) ? readlink(path, target, sizeof target - 1) : -1;
  target[length < 0 ? 0 : length] = 0;
  if (strncmp(target, "/memfd:", 7) != 0 || strncmp(target + 7, kept_name, sizeof kept_name - 1) != 0) return -1;
  int fd = above_planned(open(path, O_RDONLY | O_CLOEXEC));
  if (fd >= 0 && (fcntl(fd, F_GET_SEALS) & ALL_SEALS) == ALL_SEALS) return fd;
  return close_quietly(fd), -1;
}

/* Takes the record if it is of the run. */
static bool take_record(struct run *run, pid_t pid) {
  uint32_t item;
  int fd = open_record(pid);
  if (fd < 0) return false;
  bool whole = record_read(fd, &run->joined, &item);
  if (whole && run->joined.inside_run != NULL && strcmp(run->joined.inside_run, run->record.join_run) == 0)
    return run->join.record = fd, lseek(fd, 0, SEEK_SET) == 0;
  if (whole) record_free(&run->joined);
  return close_quietly(fd), false;
}

/* The client is the launcher itself; a holder in Node has launchers as its children. 0: none has started this run's command. */
static pid_t find_launcher(struct run *run) {
  pid_t holder = (pid_t)run->record.join_holder, children[CHILDREN_MAX];
  if (take_record(run, holder)) return holder;
  size_t count = list_children(holder, children);
  for (size_t i = 0; i < count; i++)
    if (take_record(run, children[i])) return children[i];
  return 0;
}

static bool is_interrupted(void) {
  sigset_t waiting = {0};
  return sigpending(&waiting) == 0 && (sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGHUP));
}

/* A run is known before its command has started. Signals wait until there is a command, so they end the wait. */
static pid_t await_launcher(struct run *run, int holder) {
  const struct timespec pause = {.tv_nsec = 10000000};
  for (int64_t until = now_ms() + START_MS;; nanosleep(&pause, NULL)) {
    pid_t launcher = find_launcher(run);
    if (launcher != 0 || !lives(holder) || now_ms() >= until || is_interrupted()) return launcher;
  }
}

/* In how many process namespaces it is, and its number in the innermost. */
static size_t read_depth(pid_t pid, pid_t *inner) {
  char path[64], text[8192];
  size_t depth = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  read_text(path, text, sizeof text);
  char *at = strstr(text, "\nNSpid:");
  for (at = at == NULL ? text + strlen(text) : at + 7; *at == '\t'; depth++) *inner = (pid_t)strtol(at + 1, &at, 10);
  return depth;
}

/* The first process of the namespace below ours, in which all of the guest's are; 0: there is none. */
static pid_t find_first(pid_t from, size_t depth, int generations) {
  pid_t children[CHILDREN_MAX], inner = 0;
  size_t count = generations > 0 ? list_children(from, children) : 0;
  for (size_t i = 0; i < count; i++) {
    size_t own = read_depth(children[i], &inner);
    if (own == depth + 1 && inner == 1) return children[i];
    pid_t found = own == depth ? find_first(children[i], depth, generations - 1) : 0;
    if (found > 0) return found;
  }
  return 0;
}

static bool descends(pid_t pid, pid_t from) {
  for (int i = 0; i < GENERATIONS_MAX && pid > 1; i++, pid = process_parent(pid))
    if (pid == from) return true;
  return false;
}

/* Those in which the process is and we are not. A change to one's own needs rights that a user may not have. */
static bool compare_namespaces(pid_t pid, uint32_t *different) {
  static const struct { const char *name; uint32_t flag; } all[] = {
      {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},   {"pid", CLONE_NEWPID},       {"ipc", CLONE_NEWIPC},
      {"uts", CLONE_NEWUTS},   {"net", CLONE_NEWNET},  {"cgroup", CLONE_NEWCGROUP},
  };
  struct stat own, others;
  char path[64];
  *different = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    snprintf(path, sizeof path, "/proc/self/ns/%s", all[i].name);
    if (stat(path, &own) < 0) return false;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, all[i].name);
    if (stat(path, &others) < 0) return false;
    if (own.st_ino != others.st_ino || own.st_dev != others.st_dev) *different |= all[i].flag;
  }
  return true;
}

/* A process with fewer would be in none of our sandboxes. */
static bool isolate_enough(struct run *run) {
  uint32_t needed = CLONE_NEWNS | CLONE_NEWPID | (run->joined.map_writer == MAP_NONE ? 0 : CLONE_NEWUSER);
  if ((run->join.namespaces & needed) != needed) return errno = EINVAL, false;
  if (run->record.join_kind == JOIN_FILES) run->join.namespaces &= CLONE_NEWUSER | CLONE_NEWNS;
  return true;
}

static bool open_first(struct run *run, pid_t launcher) {
  char path[64];
  pid_t inner;
  run->join.pid = find_first(launcher, read_depth(getpid(), &inner), GENERATIONS_MAX);
  if (run->join.pid == 0 || (run->join.init = open_process(run->join.pid)) < 0) return errno = ESRCH, false;
  snprintf(path, sizeof path, "/proc/%d/root", (int)run->join.pid);
  run->join.root = above_planned(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  return run->join.root >= 0 && compare_namespaces(run->join.pid, &run->join.namespaces) && isolate_enough(run);
}

/*
 * What is executed where a guest is must not be our file: the guest may own that, and a script of the guest's that names
 * /proc/self/exe as its interpreter gets hold of it.
 */
static int copy_of_program(void) {
  int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (copy < 0 && errno == EINVAL) copy = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ssize_t count = 1;
  while (program >= 0 && copy >= 0 && count > 0) count = sendfile(copy, program, NULL, 1 << 24);
  close_quietly(program);
  if (program >= 0 && copy >= 0 && count == 0 && fcntl(copy, F_ADD_SEALS, ALL_SEALS) == 0) return above_planned(copy);
  return close_quietly(copy), -1;
}

bool join_find(struct run *run) {
  place.step = STEP_JOIN;
  int holder = open_process((pid_t)run->record.join_holder);
  unsigned long long start = strtoull(run->record.join_start, NULL, 10);
  if (holder < 0 || start == 0 || process_start((pid_t)run->record.join_holder) != start) return close_quietly(holder), errno = ESRCH, false;
  pid_t launcher = await_launcher(run, holder);
  int carrier = launcher > 0 ? open_process(launcher) : -1;
  bool found = carrier >= 0 && open_first(run, launcher);
  int error = carrier < 0 ? EAGAIN : errno;
  if (!lives(holder)) error = ESRCH;
  /* The numbers were right if these live, */
  else if (found && (!descends(run->join.pid, launcher) || !lives(run->join.init) || !lives(carrier))) error = ESRCH;
  /* and the copy is made last, as it is the dearest. */
  else if (found && (run->program = copy_of_program()) >= 0) error = 0;
  else if (found) error = errno;
  close_quietly(holder);
  close_quietly(carrier);
  return errno = error, error == 0;
}
