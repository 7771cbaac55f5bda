/*
 * on-terminal [--pipes] COMMAND [ARG...]: runs COMMAND as the leader of a session on a new terminal; its standard streams are the
 * terminal, or with --pipes stay as they are. The terminal's output goes to stdout. Afterwards one JSON line on stderr says what
 * became of the terminal: {"typed":N,"settings":"same","flags":"same"}, typed being bytes in its input that nobody typed.
 * Exit status: COMMAND's, 128 + signal, or 125.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void relay(int master)
{
	char buffer[4096];
	ssize_t length = read(master, buffer, sizeof buffer);
	for (ssize_t done = 0, more; done < length; done += more)
		if ((more = write(1, buffer + done, (size_t)(length - done))) <= 0)
			return;
}

int main(int argc, char **argv)
{
	int pipes = argc > 1 && strcmp(argv[1], "--pipes") == 0;
	char **command = argv + 1 + pipes;
	int master, slave;
	struct termios before, after;
	if (*command == NULL)
		errx(125, "usage: on-terminal [--pipes] COMMAND [ARG...]");
	if (openpty(&master, &slave, NULL, NULL, NULL) != 0 || tcgetattr(slave, &before) != 0)
		err(125, "openpty");
	/* Bytes are counted one by one, not in lines, and not shown. */
	before.c_lflag &= (tcflag_t)~(ICANON | ECHO);
	tcsetattr(slave, TCSANOW, &before);
	tcgetattr(slave, &before);
	int flags = fcntl(slave, F_GETFL);
	fcntl(master, F_SETFD, FD_CLOEXEC);

	pid_t child = fork();
	if (child == 0) {
		if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
			_exit(125);
		for (int stream = 0; stream <= 2 && !pipes; stream++)
			dup2(slave, stream);
		close(slave);
		execvp(*command, command);
		warn("%s", *command);
		_exit(127);
	}
	int status = 0;
	pid_t ended = 0;
	while (ended == 0) {
		struct pollfd readable = {.fd = master, .events = POLLIN};
		if (poll(&readable, 1, 50) > 0)
			relay(master);
		ended = waitpid(child, &status, WNOHANG);
	}
	for (struct pollfd readable = {.fd = master, .events = POLLIN}; poll(&readable, 1, 0) > 0;)
		relay(master);
	int typed = 0;
	ioctl(slave, FIONREAD, &typed);
	memset(&after, 0, sizeof after);
	int same = tcgetattr(slave, &after) == 0 && before.c_iflag == after.c_iflag && before.c_oflag == after.c_oflag &&
		   before.c_cflag == after.c_cflag && before.c_lflag == after.c_lflag;
	fprintf(stderr, "{\"typed\":%d,\"settings\":\"%s\",\"flags\":\"%s\"}\n", typed, same ? "same" : "changed",
		fcntl(slave, F_GETFL) == flags ? "same" : "changed");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
