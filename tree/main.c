/*
 * isolate-tree compare [--same-inodes=SINCE] [--layer=trusted|user] [--paths] BASE OTHER: what differs between two trees.
 *
 * Theory of operation. Both trees may be hostile, and the other one may be changing. So each directory is opened from the
 * one that has it, no link is followed, nothing but regular files is opened, and what is mounted below is left out. What
 * vanishes in between counts as missing. The two trees are walked side by side, so nothing but one directory's names is
 * kept in memory for each level, and a record is written for each path that differs.
 *
 * A record has fields that end with a NUL: the kinds of changes (`-` only in BASE, `+` only in OTHER, or some of: c content,
 * t type, p permission, u owner, g group, x extended attributes, a ACL); the path from the root, `.` for the root; for each
 * side TYPE MODE UID GID SIZE MTIME MAJOR:MINOR INODE LINKS, with find(1)'s letters, or nothing; the targets of symbolic
 * links; the attributes that differ, `-` or `+`, name and value in hexadecimal with a `=` between (of a long value the
 * beginning, `/` and its size); an empty field. Records are in the order of a walk in which names are sorted by their bytes.
 *
 * --same-inodes=SINCE
 *                 OTHER began as a snapshot of BASE at this Unix time in seconds, and its file system keeps the numbers and
 *                 times of files: a file that has the same number and time of change in both is not compared, unless it was
 *                 changed at about that time, when the clock of the file system may not tell one change from the next
 * --layer=KIND    OTHER is the upper layer of an overlay over BASE, whose marks are trusted.overlay.* or user.overlay.*
 * --paths         compares only what is at the paths on standard input, each ended by a NUL, and all that is below a
 *                 directory that is on one side only
 *
 * isolate-tree copy [--plain | --reflink] FROM PATH TO PATH: copies what is at a path in one root to a path in another, where nothing
 * may be; `.` for a root itself, which is there.
 *
 * A copy has everything: owners, set-uid bits, times in nanoseconds, extended attributes with ACLs and capabilities, hard links
 * among what is copied, holes; and blocks that both share where the file system can do that. --plain leaves out what not any
 * user may have; --reflink fails at the first file whose blocks cannot be shared. One line says how many files there are, and how many devices and attributes are missing.
 *
 * isolate-tree read ROOT BYTES: prints the files at the paths on standard input, each ended by a NUL: the size, a newline and
 * the content; `-` and a newline for what is no regular file or has more than BYTES.
 *
 * isolate-tree same BASE OTHER: for each pair of paths on standard input, one in BASE and one in OTHER, prints `=` if both are
 * regular files with the same content, otherwise `!`.
 *
 * isolate-tree remove ROOT PATH: removes what is at a path, if there is anything, with all that is below it. What is mounted there
 * stays, and makes it fail.
 *
 * isolate-tree exchange ROOT PATH ROOT PATH: each of the two gets the other's name, at once.
 *
 * isolate-tree pack [--mounts] ROOT PATH NAME: prints what is at a path as a tar archive in the pax format, in which it is called
 * NAME; `.`: the directory is the archive's root. What is mounted below is left out without --mounts. One line for each kind of what no
 * archive can have says on standard error how many were left out.
 *
 * isolate-tree unpack [--archive] [--contents|--name=NAME] ROOT PATH: puts the archive on standard input into the directory at PATH.
 * With --name what is in it below one name goes to PATH, or, if there is a directory, gets NAME in it. With --contents the
 * directory at PATH is made if it is missing. Nothing replaces a directory, a directory replaces nothing, and a file is in its place only
 * when it is complete. --archive: also owners, set-uid bits, capabilities and ACLs. Prints how many members it has put in their places,
 * and how many attributes are missing.
 *
 * isolate-tree shares DIRECTORY: fails if files there cannot share blocks. Leaves nothing.
 *
 * isolate-tree subvolumes PATH...: prints for each path the UUID of the btrfs subvolume there, or `-`, then a space and the path of
 * a subvolume below it if it has one, and a NUL.
 *
 * isolate-tree snapshot FROM DIRECTORY BASE NAME: makes a read-only snapshot BASE of a subvolume without others below it, and a
 * snapshot NAME of BASE.
 *
 * isolate-tree drop DIRECTORY [UUID NAME]...: removes subvolumes in a directory that have these UUIDs, and those below them. Where
 * its caller may only remove what is in them, it makes them writable and prints their paths, each with a NUL. isolate-tree
 * drop-below DIRECTORY does so with all below a directory that is no subvolume.
 *
 * The status is 0 however much differs; 2 if something could not be read or written, 3 if there is nothing at PATH, 1 for a bad archive,
 * with one line on standard error, and then the records are not complete; 125 for a bad command line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive.h"
#include "walk.h"

enum { FOUND = 0, BAD_USAGE = 125 };

static int usage(void)
{
	fputs("usage: isolate-tree compare [--same-inodes=SINCE] [--layer=trusted|user] [--paths] BASE OTHER\n"
	      "       isolate-tree copy [--plain | --reflink] FROM PATH TO PATH\n"
	      "       isolate-tree read ROOT BYTES\n"
	      "       isolate-tree same BASE OTHER\n"
	      "       isolate-tree remove ROOT PATH\n"
	      "       isolate-tree exchange ROOT PATH ROOT PATH\n"
	      "       isolate-tree pack [--mounts] ROOT PATH NAME\n"
	      "       isolate-tree unpack [--archive] [--contents|--name=NAME] ROOT PATH\n"
	      "       isolate-tree shares DIRECTORY\n"
	      "       isolate-tree subvolumes PATH...\n"
	      "       isolate-tree snapshot FROM DIRECTORY BASE NAME\n"
	      "       isolate-tree drop DIRECTORY [UUID NAME]...\n"
	      "       isolate-tree drop-below DIRECTORY\n",
	      stderr);
	return BAD_USAGE;
}

static bool has_words(char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] == NULL)
			return false;
	return words[count] == NULL;
}

static bool is_name(const char *text)
{
	return *text != '\0' && strchr(text, '/') == NULL && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int open_root(const char *path)
{
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		fail(path, "the directory cannot be opened");
	return root;
}

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int compare(char **words)
{
	static const char since[] = "--same-inodes=";
	struct comparison comparison = { 0 };
	bool by_paths = false;
	for (; words[0] != NULL && words[0][0] == '-'; words++) {
		if (strncmp(words[0], since, strlen(since)) == 0 && is_number(words[0] + strlen(since)))
			comparison.same_inodes_since = strtoll(words[0] + strlen(since), NULL, 10);
		else if (strcmp(words[0], "--layer=trusted") == 0)
			comparison.layer = TRUSTED_OVERLAY;
		else if (strcmp(words[0], "--layer=user") == 0)
			comparison.layer = USER_OVERLAY;
		else if (strcmp(words[0], "--paths") == 0)
			by_paths = true;
		else
			return usage();
	}
	if (!has_words(words, 2) || (by_paths && comparison.layer != NO_OVERLAY))
		return usage();
	for (int side = BASE; side <= OTHER; side++)
		comparison.roots[side] = open_root(words[side]);
	if (by_paths) {
		size_t count;
		char **paths = read_paths(&count);
		compare_paths(&comparison, paths, count);
		for (size_t i = 0; i < count; i++)
			free(paths[i]);
		free(paths);
	} else {
		compare_trees(&comparison);
	}
	if (fflush(stdout) != 0)
		fail("standard output", "it cannot be written");
	return FOUND;
}

static int copy(char **words)
{
	struct copy copy = { 0 };
	int roots[2];
	copy.plain = words[0] != NULL && strcmp(words[0], "--plain") == 0;
	copy.reflink = words[0] != NULL && strcmp(words[0], "--reflink") == 0;
	if (copy.plain || copy.reflink)
		words++;
	if (!has_words(words, 4))
		return usage();
	for (int side = 0; side < 2; side++) {
		struct place place;
		roots[side] = open_root(words[2 * side]);
		if (!find_place(roots[side], words[2 * side + 1], ONE_MOUNT, &place))
			fail_to_reach(roots[side], words[2 * side + 1]);
		copy.parents[side] = place.parent;
		copy.names[side] = place.name;
	}
	copy.root = roots[1];
	copy.path = words[3];
	umask(0);
	struct copied copied = copy_tree(&copy);
	printf("%lu %lu %lu\n", copied.files, copied.devices, copied.attributes);
	if (fflush(stdout) != 0)
		fail("standard output", "it cannot be written");
	return FOUND;
}

static int finish(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		fail("standard output", "it cannot be written");
	return FOUND;
}

static int read_files(char **words)
{
	if (!has_words(words, 2) || !is_number(words[1]))
		return usage();
	print_files(open_root(words[0]), strtoll(words[1], NULL, 10));
	return finish();
}

static int same(char **words)
{
	if (!has_words(words, 2))
		return usage();
	compare_files_at((int[]){ open_root(words[0]), open_root(words[1]) });
	return finish();
}

static int remove_at(char **words)
{
	if (!has_words(words, 2))
		return usage();
	remove_tree(open_root(words[0]), words[1]);
	return FOUND;
}

static int exchange_at(char **words)
{
	if (!has_words(words, 4))
		return usage();
	exchange((int[]){ open_root(words[0]), open_root(words[2]) }, (char *const[]){ words[1], words[3] });
	return FOUND;
}

static int pack(char **words)
{
	bool crosses = words[0] != NULL && strcmp(words[0], "--mounts") == 0;
	words += crosses;
	if (!has_words(words, 3))
		return usage();
	pack_tree(open_root(words[0]), words[1], words[2], crosses);
	return finish();
}

static int unpack(char **words)
{
	struct unpacking unpacking = { .what = MEMBERS };
	for (; words[0] != NULL && words[0][0] == '-'; words++) {
		if (strcmp(words[0], "--archive") == 0)
			unpacking.archive = true;
		else if (strcmp(words[0], "--contents") == 0)
			unpacking.what = CONTENTS;
		else if (strncmp(words[0], "--name=", 7) == 0 && is_name(words[0] + 7))
			unpacking.what = ONE, unpacking.name = words[0] + 7;
		else
			return usage();
	}
	if (!has_words(words, 2))
		return usage();
	unpacking.root = open_root(words[0]);
	unpacking.path = words[1];
	umask(0);
	unpack_tree(&unpacking);
	return finish();
}

static int shares(char **words)
{
	if (!has_words(words, 1))
		return usage();
	try_sharing(words[0]);
	return FOUND;
}

static int snapshot(char **words)
{
	if (!has_words(words, 4))
		return usage();
	snapshot_twice(words[0], words[1], (const char *[]){ words[2], words[3] });
	return FOUND;
}

static int drop(char **words)
{
	size_t count = 0;
	while (words[count] != NULL)
		count++;
	if (count < 3 || count % 2 == 0)
		return usage();
	for (size_t i = 1; i < count; i += 2)
		drop_subvolume(words[i], words[0], words[i + 1]);
	return finish();
}

static int drop_below(char **words)
{
	if (!has_words(words, 1))
		return usage();
	drop_subvolumes_below(words[0]);
	return finish();
}

static int list_subvolumes(char **paths)
{
	print_subvolumes(paths);
	return finish();
}

static const struct {
	const char *name;
	int (*carry_out)(char **words);
} verbs[] = {
	{ "compare", compare },	  { "copy", copy },	{ "read", read_files },	  { "same", same },
	{ "remove", remove_at },  { "exchange", exchange_at }, { "pack", pack },  { "unpack", unpack },
	{ "shares", shares },	  { "subvolumes", list_subvolumes }, { "snapshot", snapshot }, { "drop", drop },
	{ "drop-below", drop_below },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].carry_out(argv + 2);
	return usage();
}
