/* Secrets in environments and argument lists. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static struct outcome own_environment(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->token == NULL)
		return untried("no token was named");
	for (char **entry = environ; *entry != NULL; entry++)
		if (strstr(*entry, bait->token) != NULL)
			return broken("the environment holds the token");
	return held("not in the environment");
}

static struct outcome not_in_proc(const struct attack *attack, const struct bait *bait)
{
	if (bait->token == NULL)
		return untried("no token was named");
	int pid = find_in_proc(attack->path, bait->token);
	return pid > 0 ? broken("/proc/%d/%s holds the token", pid, attack->path) : held("in no %s", attack->path);
}

static struct outcome default_signals(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	sigset_t mask;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number < 32; number++) {
		struct sigaction action;
		if (sigismember(&mask, number) == 1)
			return broken("signal %d is blocked", number);
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			return broken("signal %d is ignored", number);
	}
	return held("none blocked, none ignored");
}

static const struct attack attacks[] = {
	{.id = "own", .run = own_environment},
	{.id = "of-any-process", .run = not_in_proc, .path = "environ"},
	{.id = "arguments-of-any-process", .run = not_in_proc, .path = "cmdline"},
	{.id = "signals", .run = default_signals},
};
GROUP(environment, attacks);
