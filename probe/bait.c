/*
 * isolate-probe --amid TOKEN COMMAND [ARG...]: lays out what the attacks look for, runs COMMAND amidst it, takes it away.
 * TOKEN is HALF.HALF; everything carries the two halves joined, so that no argument list holds the token by itself.
 * In ARGs, pid=@, port=@ and shm=@ get their values. Exit status: COMMAND's, 128 + signal, or 125. What a host has no
 * room for (keys, queues) is left out; the attacks on it then fail without a sandbox too.
 */
#define _GNU_SOURCE
#include "bait.h"
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYCTL_JOIN_SESSION = 1, KEYCTL_UNLINK = 9, PROCESS_KEYRING = -2, SESSION_KEYRING = -3, USER_KEYRING = -4 };

static char token[64];
static char place[80];

static int make_abstract_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path + 1, token, strlen(token));
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(token));
	if (server < 0 || bind(server, (struct sockaddr *)&address, size) != 0 || listen(server, 8) != 0)
		err(125, "abstract socket");
	return server;
}

static int make_listener(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&address, size) != 0 || listen(server, 8) != 0 ||
	    getsockname(server, (struct sockaddr *)&address, &size) != 0)
		err(125, "listener");
	*port = ntohs(address.sin_port);
	return server;
}

static long make_key(long keyring)
{
	return syscall(__NR_add_key, "user", token, token, strlen(token), keyring);
}

static pid_t make_process(void)
{
	pid_t child = fork();
	if (child == 0) {
		/* It works in the host's root and holds a directory of it. */
		dup2(open("/tmp", O_RDONLY | O_DIRECTORY), 9);
		if (chdir("/") != 0)
			_exit(125);
		execl("/bin/sleep", token, "600", (char *)NULL);
		_exit(127);
	}
	return child;
}

/* A process in another root, where the caller may make one. */
static pid_t make_chrooted(void)
{
	pid_t child = fork();
	if (child == 0) {
		if (chroot("/dev/shm") == 0)
			pause();
		_exit(0);
	}
	return child;
}

/* Rights that a caller may hand down without noticing; only root has them to hand down. */
static void leave_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	gid_t nogroup = 65534;
	if (getuid() != 0 || setgroups(1, &nogroup) != 0 || syscall(__NR_capget, &header, data) != 0)
		return;
	data[0].inheritable |= 1u << CAP_SYS_ADMIN;
	if (syscall(__NR_capset, &header, data) == 0)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0);
}

/* Not close-on-exec: what a careless caller leaves open. */
static void leak_descriptors(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || dup2(root, 7) < 0 || dup2(root, 200) < 0)
		err(125, "/");
}

static void spoil_signals(void)
{
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGUSR1, SIG_IGN);
	umask(0);
}

static void fill_in(char **words, const char *name, int value)
{
	static char texts[3][32];
	static int used;
	for (; *words != NULL; words++)
		if (strncmp(*words, name, strlen(name)) == 0 && strcmp(*words + strlen(name), "=@") == 0 && used < 3) {
			snprintf(texts[used], sizeof texts[used], "%s=%d", name, value);
			*words = texts[used++];
		}
}

int run_amid_bait(const char *halves, char **command)
{
	const char *dot = strchr(halves, '.');
	if (dot == NULL || strlen(halves) >= sizeof token || *command == NULL)
		errx(125, "usage: isolate-probe --amid HALF.HALF COMMAND [ARG...]");
	snprintf(token, sizeof token, "%.*s%s", (int)(dot - halves), halves, dot + 1);
	setenv("ISOLATE_TEST_SECRET", token, 1);

	int port = 0;
	make_abstract_socket();
	make_listener(&port);
	syscall(__NR_keyctl, KEYCTL_JOIN_SESSION, NULL);
	make_key(SESSION_KEYRING);
	long key = make_key(USER_KEYRING);
	snprintf(place, sizeof place, "/dev/shm/%s", token);
	int file = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char queue[80];
	snprintf(queue, sizeof queue, "/%s", token);
	mqd_t messages = mq_open(queue, O_RDWR | O_CREAT, 0644, NULL);
	int shm_key = (int)(getpid() | 0x15000000);
	int segment = shmget(shm_key, 4096, IPC_CREAT | 0644);
	if (messages >= 0)
		fcntl(messages, F_SETFD, FD_CLOEXEC);
	pid_t process = make_process(), chrooted = make_chrooted();

	fill_in(command, "pid", process);
	fill_in(command, "port", port);
	fill_in(command, "shm", segment < 0 ? 0 : shm_key);
	pid_t child = fork();
	if (child == 0) {
		leak_descriptors();
		spoil_signals();
		leave_rights();
		if (chdir("/tmp") != 0)
			_exit(125);
		execvp(command[0], command);
		warn("%s", command[0]);
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	kill(process, SIGKILL);
	kill(chrooted, SIGKILL);
	if (segment >= 0)
		shmctl(segment, IPC_RMID, NULL);
	if (messages >= 0)
		mq_unlink(queue);
	if (file >= 0)
		unlink(place);
	if (key >= 0)
		syscall(__NR_keyctl, KEYCTL_UNLINK, key, USER_KEYRING);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
