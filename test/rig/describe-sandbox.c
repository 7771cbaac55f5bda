/* Prints what a program sees that is started as isolate-tree is: the root, and what it could do to the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_names(const char *path)
{
  struct dirent **entries;
  int count = scandir(path, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++)
    if (entries[i]->d_name[0] != '.') printf("%s%s\n", path, entries[i]->d_name);
}

static void print_lines(const char *first, const char *second)
{
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, first, strlen(first)) == 0 || strncmp(line, second, strlen(second)) == 0) fputs(line, stdout);
}

int main(void)
{
  print_names("/");
  print_lines("Seccomp:", "NoNewPrivs:");
  const char *files[] = { "/proc/sys/kernel/core_pattern", "/new", "/tree/new" };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    printf("%s: %s\n", files[i], open(files[i], O_WRONLY | (i > 0 ? O_CREAT : 0), 0600) < 0 ? strerror(errno) : "written");
  return 0;
}
