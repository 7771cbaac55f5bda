/* The user of the sandbox's own /etc/passwd that a command becomes. The file is the guest's, so it may be anything. */
#include "launcher.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>

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

int user_find(char *wanted, struct user *user) {
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
bool user_become(const struct user *user) {
  bool grouped = setgroups(user->count, user->groups) == 0 || (errno == EPERM && user->count == 0 && user->uid == 0);
  if (!grouped || setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0) return false;
  /* The kernel leaves it the inheritable ones, which a file with capabilities of its own could bring back. */
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  return user->uid == 0 || syscall(SYS_capset, &header, none) == 0;
}
