/*
 * The stage is this same program, executed by the engine inside the sandbox as `/proc/self/fd/N OPTIONS STATUSFD COMMANDFD`
 * or by the launcher's own child as `isolate-stage`. It reads the command from its descriptor (command.c), leads a process group of its own, takes the terminal's foreground,
 * and tells the launcher over the status socket that it is there: the kernel adds its pid as the launcher sees it, and
 * the message carries a pipe that ends when the command was executed, or else brings the errno. No code of the guest runs
 * before that, and no descriptor of ours is open after. With --reap it stays the command's parent, below an init that would
 * wait for what the command leaves running: it takes the terminal for its session, and its end kills all the rest. With
 * --filtered it makes calls that the filter must refuse, and ends where the kernel answers them: an engine that installed
 * none, or another, starts nothing. With --user it becomes that user of the sandbox's own /etc/passwd before the command runs.
 */
#include "launcher.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>

bool stage_is(const char *name) {
  return strncmp(name, "/proc/self/fd/", 14) == 0 || strcmp(name, "isolate-stage") == 0;
}

static void take_foreground(void) {
  signal(SIGTTOU, SIG_IGN);
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd) && tcsetpgrp(fd, getpid()) == 0) break;
  signal(SIGTTOU, SIG_DFL);
}

/* Says hello and waits for leave to go on; the write end of the pipe, or -1. */
static int report_for_duty(int status) {
  int ends[2];
  char byte = 'H';
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &ends[0], sizeof(int));
  bool welcome = sendmsg(status, &message, MSG_NOSIGNAL) == 1 && read(status, &byte, 1) == 1 && byte == 'G';
  close(ends[0]);
  return welcome ? ends[1] : -1;
}

/* The parent half: the namespace's other processes end with the command, and its status becomes ours. */
static _Noreturn void reap(pid_t command) {
  int status = 0;
  syscall(SYS_close_range, 0u, ~0u, 0u);
  while (waitpid(command, &status, 0) < 0)
    if (errno != EINTR) _exit(STATUS_FAILED);
  kill(-1, SIGKILL);
  _exit(exit_status(status));
}

/* In the session that the engine's init made for us; the engine itself was given no controlling terminal. */
static void fork_command(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd) && ioctl(fd, TIOCSCTTY, 0) == 0) break;
  pid_t command = fork();
  if (command < 0) _exit(STATUS_FAILED);
  if (command > 0) reap(command);
}

static bool take_option(int *argc, char ***argv, const char *name) {
  bool given = *argc >= 2 && strcmp((*argv)[1], name) == 0;
  *argc -= given;
  *argv += given;
  return given;
}

static _Noreturn void give_up(const char *message) {
  if (write(STDERR_FILENO, message, strlen(message)) < 0) _exit(STATUS_FAILED);
  _exit(STATUS_FAILED);
}

/* Whom --user names. */
struct user {
  uint32_t uid, gid;
  size_t count; /* of the groups beside `gid` */
  gid_t groups[1024];
};

/* Larger ones are none of users that people have. */
enum { MOST_ACCOUNTS = 16 * 1024 * 1024 };

/* The text of a file of the guest's, which may be anything, for as long as the stage lives; NULL where it is no file. */
static char *read_accounts(const char *path) {
  struct stat found;
  char *text = NULL;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size <= MOST_ACCOUNTS) {
    size_t size = (size_t)found.st_size, used = 0;
    text = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED) text = NULL;
    for (ssize_t count = 1; text != NULL && used < size && count > 0; used += count > 0 ? (size_t)count : 0)
      count = read(fd, text + used, size - used);
  }
  if (fd >= 0) close(fd);
  return text;
}

/* The next line of `text` with so many fields; false behind the last. */
static bool next_entry(char **text, char **fields, size_t count) {
  for (char *line; (line = strsep(text, "\n")) != NULL;) {
    size_t found = 0;
    while (found < count && (fields[found] = strsep(&line, ":")) != NULL) found++;
    if (found == count) return true;
  }
  return false;
}

static bool is_number(const char *text) {
  return *text != 0 && text[strspn(text, "0123456789")] == 0;
}

static bool read_id(const char *text, uint32_t *id) {
  unsigned long long number = strtoull(text, NULL, 10);
  *id = (uint32_t)number;
  return is_number(text) && strlen(text) <= 10 && number < UINT32_MAX;
}

/* A number is an id, whatever the accounts call by it: 1000 is never the user who is named so. */
static bool is_meant(const char *wanted, const char *name, uint32_t id) {
  uint32_t number;
  return is_number(wanted) ? read_id(wanted, &number) && number == id : strcmp(wanted, name) == 0;
}

static bool is_member(char *members, const char *name) {
  for (char *member; (member = strsep(&members, ",")) != NULL;)
    if (strcmp(member, name) == 0) return true;
  return false;
}

static void add_group(struct user *user, gid_t gid) {
  for (size_t i = 0; i < user->count; i++)
    if (user->groups[i] == gid) return;
  if (user->count < sizeof user->groups / sizeof *user->groups) user->groups[user->count++] = gid;
}

/* The groups of the user `name`; `group`: the name or number that becomes the first one, or NULL. False: there is no such group. */
static bool find_groups(const char *name, const char *group, struct user *user) {
  uint32_t gid;
  char *fields[4], *text = read_accounts("/etc/group");
  bool found = group == NULL || read_id(group, &user->gid);
  while (text != NULL && next_entry(&text, fields, 4)) {
    if (!read_id(fields[2], &gid)) continue;
    if (group != NULL && is_meant(group, fields[0], gid)) user->gid = gid, found = true;
    if (is_member(fields[3], name)) add_group(user, gid);
  }
  return found;
}

/*
 * `NAME|UID[:GROUP|GID]`, of which NAME is left. What the user is known by goes to the variables that the command has unless it is
 * given others. Returns 0, or which part of it is missing, as an errno for which src/launch/failure.ts has the words.
 */
static int find_user(char *wanted, struct user *user) {
  uint32_t uid, gid;
  char *fields[7], *name = strsep(&wanted, ":"), *text = read_accounts("/etc/passwd");
  char *entry[3] = {name, "/", "/bin/sh"};
  bool found = false, numbered = read_id(name, &user->uid);
  while (!found && text != NULL && next_entry(&text, fields, 7)) {
    if (!read_id(fields[2], &uid) || !read_id(fields[3], &gid) || !is_meant(name, fields[0], uid)) continue;
    found = true, user->uid = uid, user->gid = gid;
    entry[0] = fields[0];
    entry[1] = *fields[5] == '/' ? fields[5] : "/";
    entry[2] = *fields[6] == '/' ? fields[6] : "/bin/sh";
  }
  if (!found && !numbered) return ENOENT;
  if (!found && wanted == NULL) return ESRCH;
  setenv("USER", entry[0], 1);
  setenv("LOGNAME", entry[0], 1);
  setenv("HOME", entry[1], 1);
  setenv("SHELL", entry[2], 1);
  return find_groups(entry[0], wanted, user) ? 0 : ENODATA;
}

/* Where a user namespace maps one id the kernel lets nobody change groups, and there are none to be had. */
static bool become(const struct user *user) {
  bool grouped = setgroups(user->count, user->groups) == 0 || (errno == EPERM && user->count == 0 && user->uid == 0);
  if (!grouped || setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0) return false;
  /* The kernel leaves it the inheritable ones, which a file with capabilities of its own could bring back. */
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  return user->uid == 0 || syscall(SYS_capset, &header, none) == 0;
}

static _Noreturn void refuse_user(int status, int error) {
  send(status, &error, sizeof error, MSG_NOSIGNAL);
  _exit(STATUS_FAILED);
}

static int planned_number(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  return *end == 0 && number >= FIRST_PLANNED && number <= LAST_PLANNED ? (int)number : -1;
}

_Noreturn void stage_main(int argc, char **argv) {
  /* A stage that stays is seen by the guest, which may own our file and must not reach it: no /proc/PID/exe, no tracing. */
  prctl(PR_SET_DUMPABLE, 0);
  bool reaps = take_option(&argc, &argv, "--reap");
  bool filtered = take_option(&argc, &argv, "--filtered");
  char *wanted = take_option(&argc, &argv, "--user") ? argv[1] : NULL;
  argc -= wanted != NULL;
  argv += wanted != NULL;
  int status = argc == 3 ? planned_number(argv[1]) : -1;
  int source = argc == 3 ? planned_number(argv[2]) : -1;
  struct command command;
  static struct user user;
  int missing = wanted == NULL ? 0 : find_user(wanted, &user);
  if (status < 0 || source < 0 || !command_read(source, &command)) give_up("isolate-launch: the stage is only executed by an engine\n");
  if (missing != 0) refuse_user(status, missing);
  if (filtered && !filter_answers()) give_up("isolate: the system-call filter is not in force\n");
  if (status > 3) syscall(SYS_close_range, 3u, (unsigned)status - 1, 0u);
  syscall(SYS_close_range, (unsigned)status + 1, ~0u, 0u);
  fcntl(status, F_SETFD, FD_CLOEXEC);
  reset_signals();
  if (reaps) fork_command();
  setpgid(0, 0);
  take_foreground();
  if (wanted != NULL && !become(&user)) refuse_user(status, errno);
  int report = report_for_duty(status);
  if (report < 0) _exit(STATUS_FAILED);
  int error = command_execute(&command);
  command_complain(&command, error);
  if (write(report, &error, sizeof error) != sizeof error) _exit(STATUS_FAILED);
  _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}
