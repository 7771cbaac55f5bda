/*
 * A front may only read and write the sockets that it has and is given, and use memory and clocks. A compromised front can lie to the
 * broker about what clients say, and end; it can reach no file, process or user.
 */
#include "gate.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const int allowed[] = {
  SYS_read, SYS_write, SYS_recvmsg, SYS_recvfrom, SYS_sendmsg, SYS_sendto, SYS_accept4, SYS_close, SYS_shutdown,
  SYS_epoll_ctl, SYS_epoll_pwait, SYS_ppoll, SYS_getsockopt, SYS_fcntl, SYS_clock_gettime, SYS_clock_nanosleep, SYS_setitimer,
  SYS_mmap, SYS_munmap, SYS_mremap, SYS_brk, SYS_getrandom, SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#ifdef SYS_epoll_wait
  SYS_epoll_wait, SYS_poll,
#endif
};
enum { ALLOWED = sizeof allowed / sizeof *allowed };

#if defined ISOLATE_NO_FILTER
enum { ARCHITECTURE = 0 }; /* the address sanitizer makes calls of its own */
#elif defined __x86_64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64 };
#else
enum { ARCHITECTURE = 0 };
#endif

static void install_filter(void) {
  struct sock_filter code[2 * ALLOWED + 5];
  unsigned short at = 0;
  if (ARCHITECTURE == 0) return;
  code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ARCHITECTURE, 1, 0);
  code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < ALLOWED; i++) {
    code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {at, code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) fail("install the front's filter");
}

size_t restrict_front(void) {
  struct rlimit none = {0, 0}, files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) fail("read the limit of descriptors");
  files.rlim_cur = files.rlim_max < CONNECTIONS_MAX + 64 ? files.rlim_max : CONNECTIONS_MAX + 64;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) fail("raise the limit of descriptors");
  /* Root has no such limit; its front is one of a test. */
  if (setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_CORE, &none) < 0) fail("set the front's limits");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail("hide the front's memory");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("give up new rights");
  install_filter();
  return files.rlim_cur;
}
