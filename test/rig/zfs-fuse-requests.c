/*
 * A library for the test rig's zfs-fuse: its reader of requests never waits in read(2).
 *
 * One thread of zfs-fuse at a time polls all of its file systems and reads from those that have a request. A request is taken back when its
 * process is killed; libfuse then reads again, and waits for the next request of that one file system, while all others are silent. Here the
 * descriptor does not block, and "no request" is the answer 0, after which zfs-fuse polls again.
 *
 * Load it with LD_PRELOAD; it takes the place of libfuse's fuse_chan_recv (fuse_lowlevel.h of libfuse 2.9).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>

struct fuse_chan;

int fuse_chan_recv(struct fuse_chan **channel, char *buffer, size_t size);

int fuse_chan_recv(struct fuse_chan **channel, char *buffer, size_t size)
{
	int (*get_descriptor)(struct fuse_chan *) = dlsym(RTLD_NEXT, "fuse_chan_fd");
	int (*receive)(struct fuse_chan **, char *, size_t) = dlvsym(RTLD_NEXT, "fuse_chan_recv", "FUSE_2.6");
	if (get_descriptor == NULL || receive == NULL)
		abort();
	const int descriptor = get_descriptor(*channel);
	const int flags = fcntl(descriptor, F_GETFL);
	if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0)
		abort();
	const int length = receive(channel, buffer, size);
	return length == -EAGAIN || length == -EINTR ? 0 : length;
}
