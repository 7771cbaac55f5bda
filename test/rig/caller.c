/*
 * Starts a program as an odd caller would, and reports what is left when it has ended:
 *
 *   caller REPORTFD [ACTION ARG...]... -- PROGRAM [ARG...]
 *
 * The report has a line a fact: `exited N`, `killed N` or `hung`, then `process PID`, `mount MOUNTPOINT` and `left PATH` for what
 * should not be there any more. The actions on mounts happen in a mount namespace that goes with us; the others in the child.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN_SECONDS = 60, ORPHAN_SECONDS = 10 };
static FILE *report;

static void must(int result, const char *what) {
  if (result >= 0) return;
  fprintf(report, "caller %s: %s\n", what, strerror(errno));
  fflush(report);
  _exit(111);
}

static void read_only(const char *path) {
  must(mount(path, path, NULL, MS_BIND, NULL), path);
  must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), path);
}

static void fill(const char *path) {
  char file[4096], block[4096] = {0};
  snprintf(file, sizeof file, "%s/filler", path);
  int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  must(fd, file);
  while (write(fd, block, sizeof block) > 0) continue;
  close(fd);
}

/* An overlay of the directory over itself, with its upper layer in memory. */
static void overlay(const char *path) {
  char options[3 * 4096];
  must(mount("tmpfs", "/mnt", "tmpfs", 0, NULL), "/mnt");
  must(mkdir("/mnt/upper", 0755), "/mnt/upper");
  must(mkdir("/mnt/work", 0755), "/mnt/work");
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=/mnt/upper,workdir=/mnt/work", path);
  must(mount("overlay", path, "overlay", 0, options), path);
}

static void act_on_mounts(char **words) {
  const char *name = words[0], *path = words[1];
  if (strcmp(name, "read-only") == 0) read_only(path);
  if (strcmp(name, "empty") == 0) must(mount("tmpfs", path, "tmpfs", 0, "mode=0755"), path);
  if (strcmp(name, "overlay") == 0) overlay(path);
  if (strcmp(name, "full") == 0 || strcmp(name, "no-inodes") == 0) {
    struct stat old;
    char options[128];
    must(stat(path, &old), path);
    const char *limit = strcmp(name, "full") == 0 ? "size=32k" : "nr_inodes=1";
    snprintf(options, sizeof options, "%s,mode=%o,uid=%u,gid=%u", limit, old.st_mode & 07777, old.st_uid, old.st_gid);
    must(mount("tmpfs", path, "tmpfs", 0, options), path);
    if (strcmp(name, "full") == 0) fill(path);
  }
}

static void limit(const char *word) {
  static const struct {
    const char *name;
    int resource;
  } resources[] = {{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"fsize", RLIMIT_FSIZE}, {"as", RLIMIT_AS},
                   {"core", RLIMIT_CORE},     {"stack", RLIMIT_STACK}, {"data", RLIMIT_DATA},   {"memlock", RLIMIT_MEMLOCK}};
  for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
    size_t length = strlen(resources[i].name);
    if (strncmp(word, resources[i].name, length) != 0 || word[length] != '=') continue;
    rlim_t value = strtoull(word + length + 1, NULL, 10);
    must(setrlimit((__rlimit_resource_t)resources[i].resource, &(struct rlimit){value, value}), word);
  }
}

static void remove_directory(const char *path) {
  must(mkdir(path, 0700), path);
  must(chdir(path), path);
  must(rmdir(path), path);
}

static void act(char **words) {
  const char *name = words[0], *value = words[1];
  sigset_t signals;
  if (strcmp(name, "umask") == 0) umask((mode_t)strtoul(value, NULL, 8));
  if (strcmp(name, "limit") == 0) limit(value);
  if (strcmp(name, "close") == 0) close(atoi(value));
  if (strcmp(name, "ignore") == 0) signal(atoi(value), SIG_IGN);
  if (strcmp(name, "block") == 0) {
    sigemptyset(&signals);
    sigaddset(&signals, atoi(value));
    sigprocmask(SIG_BLOCK, &signals, NULL);
  }
  if (strcmp(name, "chdir") == 0) must(chdir(value), value);
  if (strcmp(name, "removed") == 0) remove_directory(value);
  if (strcmp(name, "no-new-privs") == 0) must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), name);
  if (strcmp(name, "drop") == 0) must(prctl(PR_CAPBSET_DROP, strtoul(value, NULL, 10), 0, 0, 0), name);
  if (strcmp(name, "user") == 0) {
    unsigned id = (unsigned)strtoul(value, NULL, 10);
    must(setgroups(0, NULL), name);
    must(setresgid(id, id, id), name);
    must(setresuid(id, id, id), name);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits for one child, or any (-1), until the deadline; 0: none ended. */
static pid_t wait_until(pid_t which, int *status, double deadline) {
  for (;;) {
    pid_t ended = waitpid(which, status, WNOHANG);
    if (ended != 0 || now() > deadline) return ended;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

/* Our children are those of the program's that outlived it, because we are a subreaper. */
static void report_orphans(void) {
  double deadline = now() + ORPHAN_SECONDS;
  int status;
  pid_t ended;
  while ((ended = wait_until(-1, &status, deadline)) > 0) continue;
  if (ended < 0) return;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *children = fopen(path, "r");
  for (int pid; children != NULL && fscanf(children, "%d", &pid) == 1;) {
    fprintf(report, "process %d\n", pid);
    kill(pid, SIGKILL);
  }
}

static char *read_mounts(void) {
  size_t size = 0;
  char *text = NULL;
  FILE *from = fopen("/proc/self/mounts", "r");
  if (from == NULL || getdelim(&text, &size, 0, from) < 0) must(-1, "mounts");
  fclose(from);
  return text;
}

static void report_mounts(const char *before) {
  char *after = read_mounts(), *rest = after;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    if (*line != 0 && strstr(before, line) == NULL) fprintf(report, "mount %s\n", line);
}

static int is_leftover(const char *path) {
  const char *name = strrchr(path, '/');
  if (name == NULL) return 0;
  const char *parent = name;
  while (parent > path && parent[-1] != '/') parent--;
  static const char *const directories[] = {"runs/", "leased/", "retired/", "used/", "fresh/"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
    if (strncmp(parent, directories[i], strlen(directories[i])) == 0) return 1;
  if (strstr(path, "/overlay/") != NULL && name[1] >= '0' && name[1] <= '9' && strspn(name + 1, "0123456789") >= 16) return 1;
  return strncmp(name, "/pidns.", 7) == 0;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *at) {
  (void)status, (void)type, (void)at;
  if (is_leftover(path)) fprintf(report, "left %s\n", path);
  return 0;
}

int main(int argc, char **argv) {
  int at = 2, status = 0;
  if (argc < 4 || (report = fdopen(atoi(argv[1]), "w")) == NULL) return 111;
  must(fcntl(fileno(report), F_SETFD, FD_CLOEXEC), "report");
  must(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper");
  must(unshare(CLONE_NEWNS), "unshare");
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  for (at = 2; at + 1 < argc && strcmp(argv[at], "--") != 0; at += 2) act_on_mounts(argv + at);
  char *mounts = read_mounts();
  pid_t child = fork();
  must(child, "fork");
  if (child == 0) {
    for (int i = 2; i < at; i += 2) act(argv + i);
    execv(argv[at + 1], argv + at + 1);
    must(-1, argv[at + 1]);
  }
  if (wait_until(child, &status, now() + RUN_SECONDS) != child) {
    fprintf(report, "hung\n");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  } else fprintf(report, WIFEXITED(status) ? "exited %d\n" : "killed %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  report_orphans();
  report_mounts(mounts);
  for (int i = 2; i < at; i += 2)
    if (strcmp(argv[i], "state") == 0) nftw(argv[i + 1], visit, 16, FTW_PHYS);
  return fclose(report) == 0 ? 0 : 111;
}
