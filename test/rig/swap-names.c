/* Exchanges two names again and again until it is killed, and says after every thousand rounds how many there were. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
  if (argc != 3) return 125;
  for (unsigned long rounds = 0;; rounds++) {
    if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) return 1;
    if (rounds % 1000 == 0) {
      printf("%lu\n", rounds);
      fflush(stdout);
    }
  }
}
