/* isolate-probe: attacks on a sandbox, from inside. Each one is harmless where it succeeds. */
#pragma once
#include <stddef.h>

/* What the attacked one left lying about for the attacks to find; NULL or 0: it did not. */
struct bait {
	const char *token; /* a word in: an environment, a process's name, a key, an abstract socket, /dev/shm */
	const char *file;  /* absolute path of a file of the host that is not given to the sandbox */
	int shm_key;	   /* of a SysV shared memory segment */
	int pid;	   /* of a process of the host */
	int port;	   /* of a listener on 127.0.0.1 of the host */
	int pids;	   /* limits asked for */
	int memory_mib;
};

enum verdict { BROKEN, HELD, UNTRIED };

/* Set in a pipe by the child that tries one case; detail says who answered what. */
struct outcome {
	enum verdict verdict;
	char detail[240];
};

#define SAY __attribute__((format(printf, 1, 2)))
struct outcome held(const char *format, ...) SAY;
struct outcome broken(const char *format, ...) SAY;
struct outcome untried(const char *format, ...) SAY;
/* For an attempt that failed with errno (held) or succeeded (broken). */
struct outcome judge(int succeeded, const char *what);

struct attack {
	const char *id;
	struct outcome (*run)(const struct attack *, const struct bait *);
	const char *path;
	long number;
	unsigned long arguments[6];
	int lethal; /* being killed on the spot is how it is held off */
};

struct group {
	const char *name;
	const struct attack *attacks;
	size_t count;
};
#define GROUP(name, list) const struct group name##_group = {#name, list, sizeof(list) / sizeof((list)[0])}

extern const struct group calls_group, procfs_group, namespaces_group, terminal_group, descriptors_group,
	environment_group, visible_group, network_group, devices_group, identity_group, exhaustion_group;

/* The pipe that carries the outcome; the only descriptor above 2 that is ours. */
extern int outcome_pipe;
/* Whether a file in /proc (environ, cmdline) of any process but our own holds the token; its pid, 0 or -1 when none could be read. */
int find_in_proc(const char *name, const char *token);
