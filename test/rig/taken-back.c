/*
 * Has requests to one file system taken back, and says whether another one of the same server still answers.
 *
 *   taken-back FILE-SYSTEM OTHER ROUNDS
 *
 * In each round eight processes ask FILE-SYSTEM without end, and are killed within 3 ms. Ends with 1 as soon as OTHER is silent for 5 s.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 8, MOST_MICROSECONDS = 3000, SILENT_SECONDS = 5 };

static int ask(const char *path)
{
	struct statfs answer;
	return statfs(path, &answer);
}

static void have_taken_back(const char *path)
{
	pid_t processes[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = fork();
		if (processes[i] == 0)
			while (ask(path) == 0)
				;
	}
	usleep((useconds_t)(rand() % MOST_MICROSECONDS));
	for (int i = 0; i < PROCESSES; i++)
		kill(processes[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(processes[i], NULL, 0);
}

static int answers(const char *path)
{
	int status;
	const pid_t child = fork();
	if (child == 0) {
		alarm(SILENT_SECONDS);
		_exit(ask(path) != 0);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	for (int round = atoi(argv[3]); round > 0; round--) {
		have_taken_back(argv[1]);
		if (!answers(argv[2]))
			return 1;
	}
	return 0;
}
