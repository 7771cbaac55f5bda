/*
 * A program in QEMU's place. It does what /share/0/script says, one order a line:
 *   send HEX    bytes to the host's end of the machine
 *   read N      so many bytes from it, or to its end
 *   flood HEX   the same bytes again and again, until nobody takes them
 *   say TEXT    on standard error
 *   console HEX on the console of the machine
 *   look        what this program can see and do, on standard error
 *   wait        for the end of the world
 * At the end it ends.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHANNEL = 3, CONSOLE = 4 };

static size_t parse_hex(const char *text, unsigned char *bytes) {
  size_t count = 0;
  for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2) bytes[count++] = (unsigned char)byte;
  return count;
}

static void send_all(int fd, const unsigned char *bytes, size_t count) {
  for (ssize_t sent; count > 0; bytes += sent, count -= (size_t)sent)
    if ((sent = write(fd, bytes, count)) <= 0) exit(0);
}

static void list(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return;
  }
  fprintf(stderr, "%s:", path);
  struct dirent **entries;
  closedir(directory);
  int count = scandir(path, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++)
    if (entries[i]->d_name[0] != '.' && (strcmp(path, "/proc") != 0 || entries[i]->d_name[0] <= '9')) fprintf(stderr, " %s", entries[i]->d_name);
  fprintf(stderr, "\n");
}

static void tell(const char *what, int result) {
  fprintf(stderr, "%s: %s\n", what, result >= 0 ? "done" : strerror(errno));
}

static void tell_line(const char *path, const char *name) {
  char line[256];
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) fputs(line, stderr);
  if (file != NULL) fclose(file);
}

static void look(void) {
  const char *const places[] = {"/", "/boot", "/dev", "/etc", "/share", "/share/0", "/proc", "/proc/self/fd", "/proc/1/fd", "/proc/2/fd"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) list(places[i]);
  const char *const facts[] = {"NoNewPrivs", "Seccomp:", "CapBnd"};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) tell_line("/proc/self/status", facts[i]);
  struct if_nameindex *cards = if_nameindex();
  for (struct if_nameindex *card = cards; card != NULL && card->if_index != 0; card++) fprintf(stderr, "card %s\n", card->if_name);
  tell("mount", mount("tmpfs", "/share", "tmpfs", 0, NULL));
  tell("unshare", unshare(CLONE_NEWNS));
  tell("write a program", open("/usr/bin/qemu-system-x86_64", O_WRONLY));
  tell("write a library", open("/usr/lib/new", O_WRONLY | O_CREAT, 0644));
  tell("write a sysctl", open("/proc/sys/kernel/hostname", O_WRONLY));
  tell("make a device", mknod("/share/0/device", S_IFCHR | 0666, 1 << 8 | 1));
  tell("open the input of the other end", open("/proc/2/fd/0", O_RDONLY));
  tell("trace the other end", (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

int main(void) {
  static char line[1 << 20];
  static unsigned char bytes[1 << 19];
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stderr, NULL, _IONBF, 0);
  FILE *script = fopen("/share/0/script", "r");
  while (script != NULL && fgets(line, sizeof line, script) != NULL) {
    if (strncmp(line, "send ", 5) == 0) send_all(CHANNEL, bytes, parse_hex(line + 5, bytes));
    if (strncmp(line, "console ", 8) == 0) send_all(CONSOLE, bytes, parse_hex(line + 8, bytes));
    if (strncmp(line, "flood ", 6) == 0)
      for (size_t count = parse_hex(line + 6, bytes);;) send_all(CHANNEL, bytes, count);
    if (strncmp(line, "read ", 5) == 0)
      for (long left = atol(line + 5), got = 1; left > 0 && got > 0; left -= got)
        got = read(CHANNEL, bytes, left < (long)sizeof bytes ? (size_t)left : sizeof bytes);
    if (strncmp(line, "say ", 4) == 0) fputs(line + 4, stderr);
    if (strncmp(line, "look", 4) == 0) look();
    if (strncmp(line, "wait", 4) == 0)
      for (;;) pause();
  }
  return 0;
}
