/* Typing into a terminal. Where it works, a newline appears in the input of whoever owns it. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct outcome type_into(int terminal, unsigned long request)
{
	char byte = '\n';
	long answer = syscall(__NR_ioctl, terminal, request, &byte);
	return answer == 0 ? broken("a key was pressed") : held("%s", strerror(errno));
}

static struct outcome type_on_stdin(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	for (int stream = 0; stream <= 2; stream++)
		if (isatty(stream))
			return type_into(stream, attack->arguments[0]);
	return untried("no standard stream is a terminal");
}

static struct outcome type_on_file(const struct attack *attack, const struct bait *bait)
{
	(void)bait;
	glob_t found;
	if (glob(attack->path, 0, NULL, &found) != 0)
		return held("no %s", attack->path);
	struct outcome outcome = held("nothing opened");
	for (size_t i = 0; i < found.gl_pathc && outcome.verdict == HELD; i++) {
		int terminal = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (terminal >= 0)
			outcome = type_into(terminal, attack->arguments[0]);
	}
	globfree(&found);
	return outcome;
}

/* Take a terminal as one's own and type: allowed where TIOCSTI only minds that it is the controlling one. */
static struct outcome take_and_type(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	int stream = 0;
	while (stream <= 2 && !isatty(stream))
		stream++;
	if (stream > 2)
		return untried("no standard stream is a terminal");
	if (setsid() < 0 || ioctl(stream, TIOCSCTTY, 1) != 0)
		return held("TIOCSCTTY: %s", strerror(errno));
	return type_into(stream, TIOCSTI);
}

static struct outcome change_discipline(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	int terminal = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal < 0)
		return untried("/dev/ptmx: %s", strerror(errno));
	int discipline = 0;
	return judge(ioctl(terminal, TIOCSETD, &discipline) == 0, "TIOCSETD");
}

static const struct attack attacks[] = {
	{.id = "type", .run = type_on_stdin, .arguments = {TIOCSTI}},
	{.id = "type-with-high-bit", .run = type_on_stdin, .arguments = {TIOCSTI | 1UL << 32}},
	{.id = "type-with-sign-bit", .run = type_on_stdin, .arguments = {TIOCSTI | 1UL << 63}},
	{.id = "type-on-dev-tty", .run = type_on_file, .path = "/dev/tty", .arguments = {TIOCSTI}},
	{.id = "type-on-dev-tty-with-high-bit", .run = type_on_file, .path = "/dev/tty", .arguments = {TIOCSTI | 1UL << 40}},
	{.id = "type-on-console", .run = type_on_file, .path = "/dev/console", .arguments = {TIOCSTI}},
	{.id = "type-on-pts", .run = type_on_file, .path = "/dev/pts/[0-9]*", .arguments = {TIOCSTI}},
	{.id = "type-on-virtual-console", .run = type_on_file, .path = "/dev/tty[0-9]*", .arguments = {TIOCSTI}},
	{.id = "type-on-others-streams", .run = type_on_file, .path = "/proc/[0-9]*/fd/[0-2]", .arguments = {TIOCSTI}},
	{.id = "take-and-type", .run = take_and_type},
	{.id = "change-discipline", .run = change_discipline},
};
GROUP(terminal, attacks);
