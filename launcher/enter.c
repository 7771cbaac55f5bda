/*
 * The process that joins a run. It is a sealed copy of this program, which the launcher's child executes on the host, and it executes
 * nothing more until it becomes the command. Its memory and descriptors are out of the guest's reach: it is not dumpable, and
 * its memory belongs to the host's user namespace, so nobody inside can trace it or open anything below its /proc/PID. It
 * enters the process namespace last, by a child that has only to execute the command; itself it stays outside, where the guest does not see it.
 */
#include "launcher.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/resource.h>

enum { FIXED = 8, WORDS_MAX = 64 };
static const char program_name[] = "isolate-enter";

extern char **environ;

bool enter_is(const char *name) {
  return strcmp(name, program_name) == 0;
}

/* By the numbers: report, init, root, record, the first process, namespaces, program. Behind them the program's own words. */
_Noreturn void enter_execute(const struct run *run, int report) {
  const struct texts *words = &run->record.arguments;
  long long numbers[] = {report, run->join.init, run->join.root, run->join.record, run->join.pid, run->join.namespaces, run->record.file_descriptor};
  char texts[FIXED - 1][24];
  char *arguments[FIXED + WORDS_MAX + 1] = {(char *)(uintptr_t)program_name};
  errno = E2BIG;
  must(words->count <= WORDS_MAX, STEP_JOIN);
  for (size_t i = 0; i < FIXED - 1; i++) {
    snprintf(texts[i], sizeof texts[i], "%lld", numbers[i]);
    arguments[i + 1] = texts[i];
    if (i < 4) must(fcntl((int)numbers[i], F_SETFD, 0) == 0, STEP_DESCRIPTOR);
  }
  for (size_t i = 0; i < words->count; i++) arguments[FIXED + i] = words->items[i];
  syscall(SYS_execveat, run->program, "", arguments, run->record.environment.items, AT_EMPTY_PATH);
  must(false, STEP_EXECUTE);
  _exit(STATUS_FAILED);
}

/* The first process has those with which the run was started; a hard limit above our own is root's to set. */
static void take_limits(pid_t pid) {
  for (int kind = 0; kind < RLIM_NLIMITS; kind++) {
    struct rlimit wanted, own;
    if (prlimit(pid, kind, NULL, &wanted) < 0 || setrlimit(kind, &wanted) == 0 || getrlimit(kind, &own) < 0) continue;
    if (wanted.rlim_cur > own.rlim_max) wanted.rlim_cur = own.rlim_max;
    own.rlim_cur = wanted.rlim_cur;
    if (own.rlim_max > wanted.rlim_max) own.rlim_max = wanted.rlim_max;
    setrlimit(kind, &own);
  }
}

/* As the engine leaves them to the command: bubblewrap in the ambient set, LXC by the bounding set. */
static bool hold_capabilities(uint32_t held, uint32_t kept) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  uint32_t inheritable = held == HELD_AMBIENT ? kept : 0;
  struct __user_cap_data_struct sets[2] = {{.effective = kept, .permitted = kept, .inheritable = inheritable}};
  if (held == HELD_CALLERS) return true;
  for (unsigned long number = 0; held == HELD_BOUNDING && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
    if ((number > 31 || (kept >> number & 1) == 0) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) return false;
  if (syscall(SYS_capset, &header, sets) < 0) return false;
  for (unsigned long number = 0; held == HELD_AMBIENT && number <= 31; number++)
    if ((kept >> number & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0) return false;
  return true;
}

static const struct descriptor *find_given(const struct record *run) {
  const struct descriptor *found = NULL;
  for (size_t i = 0; i < run->descriptors.count; i++)
    if (run->descriptors.items[i].number == run->inside_command) found = &run->descriptors.items[i];
  return found;
}

static bool set_variable(const char *variable) {
  char name[4096];
  size_t length = strcspn(variable, "=");
  if (variable[length] == 0 || length >= sizeof name) return errno = EINVAL, false;
  memcpy(name, variable, length);
  name[length] = 0;
  return setenv(name, variable + length + 1, 1) == 0;
}

/* Those of the run's command, as the stage puts them together (command.c): what the user is known by gives way to what was given. */
static bool set_variables(const struct record *run, char *wanted, struct user *user) {
  const struct descriptor *given = find_given(run);
  const char *at = given == NULL ? "" : (const char *)given->content.at, *end = given == NULL ? at : at + given->content.length;
  clearenv();
  if (*run->inside_variable != 0 && !set_variable(run->inside_variable)) return false;
  place.step = STEP_USER;
  int missing = *wanted == 0 ? 0 : user_find(wanted, user);
  if (missing != 0) return errno = missing, false;
  place.step = STEP_JOIN;
  for (; at < end && *at != 0 && memchr(at, 0, (size_t)(end - at)) != NULL; at += strlen(at) + 1)
    if (!set_variable(at)) return false;
  return true;
}

/* In the process namespace now: nothing but the streams and the status is open, and nothing is left to do but to become the command. */
static _Noreturn void be_command(const struct command *command, int status) {
  syscall(SYS_close_range, 3u, (unsigned)status - 1, 0u);
  syscall(SYS_close_range, (unsigned)status + 1, ~0u, 0u);
  fcntl(status, F_SETFD, FD_CLOEXEC);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) _exit(STATUS_FAILED);
  reset_signals();
  setpgid(0, 0);
  take_foreground();
  stage_execute(command, status);
}

/* `words`: the stage's, with --user for another user than the run's. */
static _Noreturn void become_command(const struct record *run, int count, char **words, const struct sock_fprog *filter) {
  static struct user user;
  struct command command;
  bool other = count == 5 && strcmp(words[1], "--user") == 0;
  const struct descriptor *stage = record_descriptor(run, TAG_DESCRIPTOR_STAGE_STATUS);
  /* The texts of a record are its own copy. */
  char *wanted = other ? words[2] : stage == NULL ? NULL : (char *)(uintptr_t)stage->user;
  int status = count == 3 + 2 * other ? planned_number(words[count - 2]) : -1;
  int source = count == 3 + 2 * other ? planned_number(words[count - 1]) : -1;
  errno = EINVAL;
  must(status >= 0 && source >= 0 && wanted != NULL, STEP_JOIN);
  if (wanted == NULL) _exit(STATUS_FAILED);
  must(chdir(run->inside_directory) == 0, STEP_WORKING_DIRECTORY);
  bool named = *wanted != 0;
  bool set = set_variables(run, wanted, &user);
  must(set, set ? STEP_JOIN : (enum step)place.step);
  errno = EINVAL;
  must(command_read(source, &command), STEP_JOIN);
  must(hold_capabilities(run->inside_held, run->inside_capabilities), STEP_IDENTITY);
  must((run->inside_rules & RULE_NO_NEW_PRIVILEGES) == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, STEP_NO_NEW_PRIVILEGES);
  if (filter->len > 0) must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) == 0 && filter_answers(), STEP_FILTER);
  must(!named || user_become(&user), STEP_USER);
  /* A change of ids may have made it dumpable (fs.suid_dumpable). */
  must(prctl(PR_SET_DUMPABLE, 0) == 0, STEP_JOIN);
  die_with_launcher();
  pid_t child = fork();
  must(child >= 0, STEP_PROCESS_NAMESPACE);
  if (child == 0) be_command(&command, status);
  wait_for_command(child);
}

_Noreturn void enter_main(int argc, char **argv) {
  long numbers[FIXED - 1] = {0};
  struct record run;
  struct sock_fprog filter = {0, NULL};
  uint32_t item;
  prctl(PR_SET_DUMPABLE, 0);
  if (argc <= FIXED) _exit(STATUS_FAILED);
  for (int i = 0; i < FIXED - 1; i++) numbers[i] = strtol(argv[i + 1], NULL, 10);
  for (int i = 0; i < 4; i++)
    if (numbers[i] < OWN_DESCRIPTORS || fcntl((int)numbers[i], F_SETFD, FD_CLOEXEC) < 0) _exit(STATUS_FAILED);
  /* The guest can read the command line of its processes, and these numbers are the host's. */
  for (int i = 1; i < FIXED; i++) explicit_bzero(argv[i], strlen(argv[i]));
  int init = (int)numbers[1], root = (int)numbers[2], namespaces = (int)numbers[5];
  child_reports_to((int)numbers[0]);
  errno = EINVAL;
  must(record_read((int)numbers[3], &run, &item), STEP_JOIN);
  must(run.inside_filter == NULL || filter_read(run.inside_filter, &filter), STEP_FILTER_FILE);
  if ((namespaces & CLONE_NEWPID) != 0) take_limits((pid_t)numbers[4]);
  must(setns(init, namespaces) == 0, STEP_JOIN);
  must(fchdir(root) == 0 && chroot(".") == 0, STEP_ROOT);
  bool grouped = (run.inside_rules & RULE_NO_GROUPS) == 0;
  must((namespaces & CLONE_NEWUSER) == 0 || identity_become(&run, grouped), STEP_IDENTITY);
  must(prctl(PR_SET_DUMPABLE, 0) == 0, STEP_JOIN);
  die_with_launcher();
  if ((namespaces & CLONE_NEWPID) != 0) become_command(&run, argc - FIXED, argv + FIXED, &filter);
  reset_signals();
  syscall(SYS_execveat, (int)numbers[6], "", argv + FIXED, environ, AT_EMPTY_PATH);
  must(false, STEP_EXECUTE);
  _exit(STATUS_FAILED);
}
