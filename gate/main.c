/* isolate-gate: stands between the daemon and its clients. PROTOCOL.md describes its roles. */
#include "gate.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BROKER_WAIT_MS = 2000, TURN_AWAY_MS = 5000 };

static const char usage[] =
  "Usage: isolate-gate front LISTENFD METRICSFD|- BROKERFD\n"
  "       isolate-gate front --systemd SOCKET\n"
  "       isolate-gate broker [--shelf DIRECTORY] --sockets CLIENTS METRICS --group GID --user UID\n"
  "       isolate-gate broker [--shelf DIRECTORY] --front SOCKET --user UID\n"
  "       isolate-gate shelf DIRECTORY\n"
  "       isolate-gate exchange PATH PATH\n"
  "The front receives what clients send; the broker tells the daemon who they are, on its standard input and output.\n"
  "The shelf is where fresh clones are mounted. Exchange swaps two names in one step.\n"
  "  --frame-seconds N   how long a frame may take to arrive, and an answer to be read (10)\n";

static _Noreturn void fail_usage(void) {
  fputs(usage, stderr);
  exit(2);
}

static uint32_t number(const char *text, uint32_t least) {
  char *end;
  errno = 0;
  unsigned long value = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
  if (text == NULL || text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || value >= UINT32_MAX || value < least) fail_usage();
  return (uint32_t)value;
}

/* systemd hands over descriptors from 3 up, named client and metrics. */
static void take_from_systemd(int listeners[2]) {
  const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
  errno = EINVAL;
  if (pid == NULL || count == NULL || names == NULL || strtol(pid, NULL, 10) != getpid()) fail("find the sockets of systemd");
  long given = strtol(count, NULL, 10);
  for (int fd = 3; fd < 3 + given; fd++, names += strcspn(names, ":") + (names[strcspn(names, ":")] == ':')) {
    size_t length = strcspn(names, ":");
    bool metrics = length == 7 && memcmp(names, "metrics", 7) == 0;
    if (!metrics && (length != 6 || memcmp(names, "client", 6) != 0)) fail("tell the sockets of systemd apart");
    listeners[metrics] = fd;
  }
  if (listeners[0] < 0) fail("find the clients' socket");
}

/* Without a broker the client's connection is closed, so that it continues without the daemon. False: there is none. */
static bool turn_away(const int listeners[2]) {
  bool any = false;
  for (int i = 0; i < 2; i++) {
    if (listeners[i] < 0 || fcntl(listeners[i], F_SETFL, O_NONBLOCK) < 0) continue;
    for (int fd; (fd = accept4(listeners[i], NULL, NULL, SOCK_CLOEXEC)) >= 0; any = true) close_connection(fd);
  }
  return any;
}

/*
 * A client may have us started before systemd has noticed that the daemon died, and starts it again. If that takes long the
 * clients are turned away, and those that come soon after are not kept waiting as well.
 */
static int wait_for_broker(const char *path, const int listeners[2]) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  uint64_t begun = now_ms(), last = 0;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || strlen(path) >= sizeof address.sun_path) fail("connect to the broker");
  memcpy(address.sun_path, path, strlen(path) + 1);
  while (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
    bool waits = (errno == ENOENT || errno == ECONNREFUSED) && now_ms() - begun < BROKER_WAIT_MS;
    if (!waits && (turn_away(listeners) || last == 0)) last = now_ms();
    if (!waits && now_ms() - last > TURN_AWAY_MS) exit(0);
    usleep(20000);
  }
  return fd;
}

static _Noreturn void start_as_front(int argc, char **argv, const struct options *options) {
  int listeners[2] = {-1, -1}, broker;
  if (argc == 2 && strcmp(argv[0], "--systemd") == 0) {
    take_from_systemd(listeners);
    broker = wait_for_broker(argv[1], listeners);
  } else {
    if (argc != 3) fail_usage();
    listeners[0] = (int)number(argv[0], 3);
    if (strcmp(argv[1], "-") != 0) listeners[1] = (int)number(argv[1], 3);
    broker = (int)number(argv[2], 3);
  }
  front_main(listeners[0], listeners[1], broker, options);
}

static _Noreturn void start_as_broker(int argc, char **argv, struct options *options) {
  const char *clients = NULL, *metrics = NULL, *front = NULL;
  bool has_group = false;
  struct rlimit files;
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], "--sockets") == 0 && argc - i > 2) clients = argv[i + 1], metrics = argv[i + 2], i += 2;
    else if (strcmp(argv[i], "--shelf") == 0 && argc - i > 1) options->shelf = argv[++i];
    else if (strcmp(argv[i], "--front") == 0 && argc - i > 1) front = argv[++i];
    else if (strcmp(argv[i], "--user") == 0 && argc - i > 1) options->user = number(argv[++i], 1);
    else if (strcmp(argv[i], "--group") == 0 && argc - i > 1) options->group = number(argv[++i], 0), has_group = true;
    else fail_usage();
  }
  if ((clients == NULL) == (front == NULL) || (clients != NULL) != has_group || options->user == 0) fail_usage();
  /* When the daemon ends, so does its broker, whose standard input ends. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail("begin");
  keep_descriptors(NULL, 0);
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) fail("read the limit of descriptors");
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) fail("raise the limit of descriptors");
  if (front != NULL) broker_main(-1, make_socket(front, options->user, 0, 0600), options);
  int listeners[2] = {make_socket(clients, 0, options->group, 0660), make_socket(metrics, 0, options->group, 0660)};
  broker_main(start_front(listeners[0], listeners[1], options), -1, options);
}

/* Node has no call for it. It must not leave a moment in which one of them is missing. */
static _Noreturn void exchange(const char *one, const char *other) {
  if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) < 0) fail("exchange the names");
  exit(0);
}

static void do_nothing(int number) {
  (void)number;
}

/* SIGALRM only ends waits (receive_bytes, close_connection). */
static void prepare_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGALRM, do_nothing) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
    fail("prepare signals");
}

int main(int argc, char **argv) {
  struct options options = {.frame_seconds = 10};
  const char *role = argc > 1 ? argv[1] : "";
  prepare_signals();
  argc -= 2;
  argv += 2;
  if (argc >= 2 && strcmp(argv[0], "--frame-seconds") == 0) {
    options.frame_seconds = number(argv[1], 1);
    argc -= 2;
    argv += 2;
  }
  if (argc > 0 && strcmp(role, "front") == 0) start_as_front(argc, argv, &options);
  if (argc > 0 && strcmp(role, "broker") == 0) start_as_broker(argc, argv, &options);
  if (argc == 1 && strcmp(role, "shelf") == 0) shelf_main(argv[0]);
  if (argc == 2 && strcmp(role, "exchange") == 0) exchange(argv[0], argv[1]);
  fail_usage();
}
