#include <errno.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

#include "unpack.h"

static _Noreturn void fail(const char *path)
{
	if (errno == ENAMETOOLONG)
		bad_archive(path, "cannot be removed, it is too deep");
	bad_storage(path, "cannot be removed");
}

/* fts(3) changes into the directories, so the depth of a tree costs no descriptors. It follows no links. */
static void walk(const char *top, bool keep_seen, bool keep_top)
{
	char start[PATH_MAX];
	strcpy(start, top);
	char *paths[] = { start, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL, NULL);
	if (tree == NULL)
		bad_storage(top, "cannot be removed");
	errno = 0;
	for (FTSENT *found; (found = fts_read(tree)) != NULL; errno = 0) {
		const char *path = strcmp(top, ".") == 0 && found->fts_level > 0 ? found->fts_path + 2 : found->fts_path;
		bool kept = (keep_seen && is_seen(path)) || (keep_top && found->fts_level == 0);
		bool directory = found->fts_info == FTS_D || found->fts_info == FTS_DP;
		if (found->fts_info == FTS_ERR || found->fts_info == FTS_DNR || found->fts_info == FTS_NS) {
			errno = found->fts_errno;
			if (errno != ENOENT)
				fail(path);
		} else if (found->fts_info != FTS_D && !kept && (directory ? rmdir(found->fts_accpath) : unlink(found->fts_accpath)) < 0) {
			fail(path);
		}
	}
	if (errno != 0)
		fail(top);
	fts_close(tree);
}

void remove_all(const char *path)
{
	walk(path, false, false);
}

void remove_lower(const char *path, bool itself)
{
	walk(path, true, !itself);
}
