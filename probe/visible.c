/* What of the host can be seen or reached: processes, IPC, sockets, keys. */
#define _GNU_SOURCE
#include "probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int find_in_proc(const char *name, const char *token)
{
	static char content[262144];
	DIR *proc = opendir("/proc");
	int found = -1;
	if (proc == NULL)
		return -1;
	for (struct dirent *entry; found <= 0 && (entry = readdir(proc)) != NULL;) {
		int pid = atoi(entry->d_name);
		if (pid <= 0 || pid == getpid() || pid == getppid())
			continue;
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			continue;
		ssize_t length = read(file, content, sizeof content);
		close(file);
		if (length < 0)
			continue;
		found = memmem(content, (size_t)length, token, strlen(token)) != NULL ? pid : 0;
	}
	closedir(proc);
	return found;
}

static struct outcome shared_memory(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->shm_key == 0)
		return untried("no segment was named");
	return judge(shmget(bait->shm_key, 0, 0) >= 0, "shmget");
}

static struct outcome posix_name(const struct attack *attack, const struct bait *bait)
{
	if (bait->token == NULL)
		return untried("no token was named");
	char path[160];
	snprintf(path, sizeof path, "%s%s", attack->path, bait->token);
	if (attack->number != 0)
		return judge(mq_open(path, O_RDONLY) >= 0, path);
	return judge(open(path, O_RDONLY | O_CLOEXEC) >= 0, path);
}

static struct outcome abstract_socket(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->token == NULL)
		return untried("no token was named");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(bait->token);
	if (length + 1 > sizeof address.sun_path)
		return untried("the token is too long");
	memcpy(address.sun_path + 1, bait->token, length);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	return judge(client >= 0 && connect(client, (struct sockaddr *)&address, size) == 0, "connect");
}

/* Searches one of the special keyrings of keyctl(2). */
static struct outcome key(const struct attack *attack, const struct bait *bait)
{
	enum { SEARCH = 10 };
	if (bait->token == NULL)
		return untried("no token was named");
	return judge(syscall(__NR_keyctl, SEARCH, attack->number, "user", bait->token, 0) > 0, "search");
}

static struct outcome any_key(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	FILE *keys = fopen("/proc/keys", "re");
	char line[512];
	if (keys == NULL)
		return held("/proc/keys: %s", strerror(errno));
	while (fgets(line, sizeof line, keys) != NULL)
		if (bait->token != NULL && strstr(line, bait->token) != NULL) {
			fclose(keys);
			return broken("/proc/keys shows the key");
		}
	fclose(keys);
	return held("not in /proc/keys");
}

static struct outcome signal_it(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->pid == 0)
		return untried("no process was named");
	return judge(kill(bait->pid, 0) == 0, "kill");
}

static struct outcome trace_it(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->pid == 0)
		return untried("no process was named");
	if (ptrace(PTRACE_SEIZE, bait->pid, 0, 0) != 0)
		return judge(0, "ptrace");
	ptrace(PTRACE_DETACH, bait->pid, 0, 0);
	return judge(1, "ptrace");
}

static struct outcome peek(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->pid == 0)
		return untried("no process was named");
	int pidfd = (int)syscall(__NR_pidfd_open, bait->pid, 0);
	return judge(pidfd >= 0, "pidfd_open");
}

static struct outcome listed(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->token == NULL)
		return untried("no token was named");
	int file = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return held("/proc/net/unix: %s", strerror(errno));
	/* The list is as long as the host has sockets, so it is read in pieces, each with the end of the one before. */
	static char content[65536];
	const size_t overlap = strlen(bait->token);
	int shown = 0;
	size_t length = 0;
	for (ssize_t more; !shown && (more = read(file, content + length, sizeof content - length)) > 0;) {
		length += (size_t)more;
		shown = memmem(content, length, bait->token, strlen(bait->token)) != NULL;
		size_t kept = length < overlap ? length : overlap;
		memmove(content, content + length - kept, kept);
		length = kept;
	}
	close(file);
	return shown ? broken("/proc/net/unix shows it") : held("not in /proc/net/unix");
}

static const struct attack attacks[] = {
	{.id = "signal", .run = signal_it},
	{.id = "trace", .run = trace_it},
	{.id = "pidfd", .run = peek},
	{.id = "sysv-shared-memory", .run = shared_memory},
	{.id = "posix-shared-memory", .run = posix_name, .path = "/dev/shm/"},
	{.id = "message-queue", .run = posix_name, .path = "/", .number = 1},
	{.id = "abstract-socket", .run = abstract_socket},
	{.id = "list-of-sockets", .run = listed},
	{.id = "session-key", .run = key, .number = -3},
	{.id = "user-key", .run = key, .number = -4},
	{.id = "list-of-keys", .run = any_key},
};
GROUP(visible, attacks);
