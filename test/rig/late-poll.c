/*
 * poll(2) as the launcher may find it on a busy machine: of the stage's socket and the signals, both of which are ready, only the signals
 * are reported, because the socket was looked at first. Built into the launcher in poll's place.
 */
#undef poll
#include <poll.h>
#include <unistd.h>

/* The places of the two in the launcher's loop (launcher/supervise.c). */
enum { STAGE = 0, SIGNALS = 4, ALL = 11, WAIT_US = 100000 };

int late_poll(struct pollfd *polls, nfds_t count, int timeout);

int late_poll(struct pollfd *polls, nfds_t count, int timeout)
{
	int ready = poll(polls, count, timeout);
	if (count != ALL || ready <= 0 || polls[STAGE].revents == 0)
		return ready;
	usleep(WAIT_US);
	ready = poll(polls, count, 0);
	if (polls[STAGE].revents == 0 || polls[SIGNALS].revents == 0)
		return ready;
	polls[STAGE].revents = 0;
	return ready - 1;
}
