/* Capabilities, set-uid files, groups. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a package manager inside needs is not among them (chown, dac_override, fowner, setuid, ...), nor what reaches only the
 * sandbox's own network. The bounding set does not matter: with no_new_privs, execve(2) adds nothing from it. */
#define BIT(capability) (1ULL << (capability))
#define DANGEROUS \
	(BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_BOOT) | BIT(CAP_SYS_TIME) | \
	 BIT(CAP_SYS_PACCT) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYSLOG) | BIT(CAP_DAC_READ_SEARCH) | \
	 BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE) | BIT(CAP_AUDIT_CONTROL) | BIT(CAP_WAKE_ALARM) | BIT(38) | BIT(39) | BIT(40))

static int status_field(const char *process, const char *name, unsigned long long *value, int base)
{
	FILE *status = fopen(process, "re");
	char line[256];
	int found = -1;
	if (status == NULL)
		return -1;
	while (found != 0 && fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
			*value = strtoull(line + strlen(name) + 1, NULL, base);
			found = 0;
		}
	fclose(status);
	return found;
}

static struct outcome no_dangerous_capability(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	unsigned long long set = 0;
	if (status_field("/proc/self/status", attack->path, &set, 16) != 0)
		return untried("/proc/self/status could not be read");
	return (set & DANGEROUS) == 0 ? held("%llx", set) : broken("%s has %llx", attack->path, set & DANGEROUS);
}

static struct outcome no_new_privileges(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? held("set") : broken("not set");
}

static struct outcome filtered(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	unsigned long long mode = 0;
	if (status_field(attack->path, "Seccomp", &mode, 10) != 0)
		return untried("%s could not be read", attack->path);
	return mode == 2 ? held("filter mode") : broken("mode %llu", mode);
}

/* The engine's init may have more rights than the command, as long as the command cannot write to its memory. */
static struct outcome no_stronger_init(const struct attack *attack, const struct bait *bait)
{
	int memory = open("/proc/1/mem", O_RDWR | O_CLOEXEC);
	if (memory < 0)
		return judge(0, "/proc/1/mem");
	unsigned long long capabilities = 0;
	if (status_field(attack->path, "CapEff", &capabilities, 16) != 0)
		return untried("%s could not be read", attack->path);
	return (capabilities & DANGEROUS) == 0 ? filtered(attack, bait) : broken("its memory opens, and it has %llx", capabilities);
}

static struct outcome raise_capabilities(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2] = {{1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN}, {0}};
	return judge(syscall(SYS_capset, &header, all) == 0, "capset");
}

/* A set-uid copy of this program, owned by somebody else, must not run as them. */
static struct outcome set_uid_file(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	char path[128];
	snprintf(path, sizeof path, "%s/probe-setuid-%d", attack->path, getpid());
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat status;
	if (from < 0 || to < 0 || fstat(from, &status) != 0) {
		unlink(path);
		return untried("%s: %s", path, strerror(errno));
	}
	while (sendfile(to, from, NULL, (size_t)status.st_size) > 0)
		continue;
	int prepared = fchown(to, 1, 1) == 0 && fchmod(to, 06755) == 0;
	int error = errno;
	close(to);
	if (!prepared) {
		unlink(path);
		return untried("a file of another user: %s", strerror(error));
	}
	int answer[2];
	if (pipe2(answer, O_CLOEXEC) != 0)
		return untried("pipe: %s", strerror(errno));
	pid_t child = fork();
	if (child == 0) {
		dup2(answer[1], 1);
		execl(path, path, "--euid", (char *)NULL);
		_exit(127);
	}
	close(answer[1]);
	char text[32] = "";
	ssize_t length = read(answer[0], text, sizeof text - 1);
	waitpid(child, NULL, 0);
	unlink(path);
	if (length <= 0)
		return held("it could not be executed");
	return atoi(text) == 1 ? broken("it ran as its owner") : held("it ran as the caller");
}

static struct outcome few_groups(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	gid_t groups[256];
	int count = getgroups(256, groups);
	for (int i = 0; i < count; i++)
		if (groups[i] == 65534)
			return broken("a group of the host that has no number here");
	return count >= 0 ? held("%d, all with a number here", count) : untried("getgroups: %s", strerror(errno));
}

static struct outcome umask_is_022(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	mode_t mask = umask(022);
	return mask == 022 ? held("022") : broken("%03o", mask);
}

static const struct attack attacks[] = {
	{.id = "effective-capabilities", .run = no_dangerous_capability, .path = "CapEff"},
	{.id = "permitted-capabilities", .run = no_dangerous_capability, .path = "CapPrm"},
	{.id = "ambient-capabilities", .run = no_dangerous_capability, .path = "CapAmb"},
	{.id = "inheritable-capabilities", .run = no_dangerous_capability, .path = "CapInh"},
	{.id = "raise-capabilities", .run = raise_capabilities},
	{.id = "no-new-privileges", .run = no_new_privileges},
	{.id = "filter", .run = filtered, .path = "/proc/self/status"},
	{.id = "take-over-init", .run = no_stronger_init, .path = "/proc/1/status"},
	{.id = "set-uid-file", .run = set_uid_file, .path = ""},
	{.id = "set-uid-file-in-tmp", .run = set_uid_file, .path = "/tmp"},
	{.id = "groups", .run = few_groups},
	{.id = "umask", .run = umask_is_022},
};
GROUP(identity, attacks);
