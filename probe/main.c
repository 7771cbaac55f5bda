/*
 * isolate-probe [BAIT...] [GROUP|CASE...]: tries to break out of where it runs and prints one JSON line a case:
 *   {"case":"calls/keyctl","verdict":"held","detail":"keyctl: Operation not permitted"}
 * verdict is held, broken or untried. Each case runs in a child of its own, five seconds at most. Bait:
 *   token=HALF.HALF file=PATH shm=KEY pid=N port=N pids=N memory=MIB     (the token is cut so that we don't find ourselves)
 * --list prints the ids alone; --amid runs another program amid the bait (bait.c). Exit status: 0 nothing broken, 1 something was, 125 it could not be tried.
 */
#define _GNU_SOURCE
#include "bait.h"
#include "probe.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct group *const groups[] = {
	&calls_group, &procfs_group, &namespaces_group, &terminal_group, &descriptors_group, &environment_group,
	&visible_group, &network_group, &devices_group, &identity_group, &exhaustion_group,
};
enum { GROUPS = sizeof groups / sizeof groups[0] };
static const char *const verdicts[] = {[BROKEN] = "broken", [HELD] = "held", [UNTRIED] = "untried"};

int outcome_pipe = -1;

static struct outcome say(enum verdict verdict, const char *format, va_list values)
{
	struct outcome outcome = {.verdict = verdict};
	vsnprintf(outcome.detail, sizeof outcome.detail, format, values);
	return outcome;
}

#define SAYER(name, verdict) \
	struct outcome name(const char *format, ...) \
	{ \
		va_list values; \
		va_start(values, format); \
		struct outcome outcome = say(verdict, format, values); \
		va_end(values); \
		return outcome; \
	}
SAYER(held, HELD)
SAYER(broken, BROKEN)
SAYER(untried, UNTRIED)

struct outcome judge(int succeeded, const char *what)
{
	return succeeded ? broken("%s: succeeded", what) : held("%s: %s", what, strerror(errno));
}

static void print_string(const char *text)
{
	putchar('"');
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at == '"' || *at == '\\')
			printf("\\%c", *at);
		else if (*at < 0x20 || *at >= 0x7f)
			printf("\\u%04x", *at);
		else
			putchar(*at);
	putchar('"');
}

static struct outcome try_case(const struct attack *attack, const struct bait *bait)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return untried("pipe: %s", strerror(errno));
	pid_t child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return untried("fork: %s", strerror(errno));
	}
	if (child == 0) {
		close(ends[0]);
		outcome_pipe = ends[1];
		alarm(30);
		struct outcome outcome = attack->run(attack, bait);
		_exit(write(ends[1], &outcome, sizeof outcome) == (ssize_t)sizeof outcome ? 0 : 1);
	}
	close(ends[1]);
	struct outcome outcome;
	ssize_t got = read(ends[0], &outcome, sizeof outcome);
	close(ends[0]);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (got == (ssize_t)sizeof outcome) {
		outcome.detail[sizeof outcome.detail - 1] = '\0';
		return outcome;
	}
	int by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return attack->lethal && by != 0 && by != SIGALRM ? held("killed by signal %d", by) : untried("ended by signal %d", by);
}

static int is_wanted(char **words, const char *group, const char *id)
{
	if (*words == NULL)
		return 1;
	for (; *words != NULL; words++)
		if (strcmp(*words, group) == 0 || strcmp(*words, id) == 0)
			return 1;
	return 0;
}

/* Takes the bait off the front of the words; returns how many there were. */
static int parse_bait(char **words, struct bait *bait)
{
	static char token[128];
	int taken = 0;
	for (char *equals; words[taken] != NULL && (equals = strchr(words[taken], '=')) != NULL; taken++) {
		const char *value = equals + 1;
		if (strncmp(words[taken], "token=", 6) == 0) {
			snprintf(token, sizeof token, "%s", value);
			char *dot = strchr(token, '.');
			if (dot != NULL)
				memmove(dot, dot + 1, strlen(dot));
			bait->token = token;
		} else if (strncmp(words[taken], "file=", 5) == 0) {
			bait->file = value;
		} else {
			static const char *const names[] = {"shm=", "pid=", "port=", "pids=", "memory="};
			int *const places[] = {&bait->shm_key, &bait->pid, &bait->port, &bait->pids, &bait->memory_mib};
			for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
				if (strncmp(words[taken], names[i], strlen(names[i])) == 0)
					*places[i] = atoi(value);
		}
	}
	return taken;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--euid") == 0)
		return printf("%u\n", geteuid()) > 0 ? 0 : 1;
	if (argc > 3 && strcmp(argv[1], "--amid") == 0)
		return run_amid_bait(argv[2], argv + 3);
	int list = argc == 2 && strcmp(argv[1], "--list") == 0;
	struct bait bait = {0};
	char **words = list ? argv + argc : argv + 1 + parse_bait(argv + 1, &bait);
	int tried = 0, any_broken = 0;
	for (size_t g = 0; g < GROUPS; g++)
		for (size_t i = 0; i < groups[g]->count; i++) {
			const struct attack *attack = &groups[g]->attacks[i];
			char id[96];
			snprintf(id, sizeof id, "%s/%s", groups[g]->name, attack->id);
			if (!is_wanted(words, groups[g]->name, id))
				continue;
			tried++;
			if (list) {
				puts(id);
				continue;
			}
			fflush(stdout);
			struct outcome outcome = try_case(attack, &bait);
			any_broken |= outcome.verdict == BROKEN;
			printf("{\"case\":\"%s\",\"verdict\":\"%s\",\"detail\":", id, verdicts[outcome.verdict]);
			print_string(outcome.detail);
			puts("}");
		}
	if (tried == 0 || fflush(stdout) != 0)
		return 125;
	return any_broken;
}
