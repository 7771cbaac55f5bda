#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tree.h"

/* btrfs shares no blocks between a file that it checksums and one that it does not: chattr(1), C. */
static bool take_checksums(int from, int to)
{
	int flags, own;
	if (ioctl(from, FS_IOC_GETFLAGS, &flags) < 0 || ioctl(to, FS_IOC_GETFLAGS, &own) < 0 || ((flags ^ own) & FS_NOCOW_FL) == 0)
		return false;
	own ^= FS_NOCOW_FL;
	return ioctl(to, FS_IOC_SETFLAGS, &own) == 0;
}

bool share_content(int from, int to)
{
	if (ioctl(to, FICLONE, from) == 0)
		return true;
	if (errno != EINVAL)
		return false;
	if (take_checksums(from, to))
		return ioctl(to, FICLONE, from) == 0;
	errno = EINVAL;
	return false;
}

void try_sharing(const char *path)
{
	enum { SIZE = 1 << 16 };
	int files[2];
	char *block = need(calloc(1, SIZE));
	for (int i = 0; i < 2; i++) {
		files[i] = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (files[i] < 0)
			fail(path, "no file can be made");
	}
	if (write(files[0], block, SIZE) != SIZE)
		fail(path, "no file can be written");
	if (!share_content(files[0], files[1]))
		fail(path, "files cannot share blocks");
	free(block);
	close(files[0]);
	close(files[1]);
}
