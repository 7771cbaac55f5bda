/*
 * The paths of this layer, each with its parents. A whiteout removes what lower layers have and nothing of its own layer,
 * wherever in the layer it is. Directories get their times at the end, because what is made in them changes these.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "unpack.h"

struct node {
	size_t path; /* where it begins in `text` */
	struct timespec time;
	bool timed;
	bool cleared;
};

static struct node *nodes;
static size_t count, room;
static char *text;
static size_t text_length, text_room;
/* Open addressing: the number of a node and 1; 0 is empty. A power of two, at most half full. */
static uint32_t *table;
static size_t slots;
/* Random, so that nobody can choose paths that collide. */
static uint64_t seed[2];

static uint64_t hash(const char *path)
{
	uint64_t value = seed[0];
	for (; *path != '\0'; path++) {
		value = (value ^ (unsigned char)*path) * (seed[1] | 1);
		value ^= value >> 29;
	}
	return value ^ value >> 32;
}

static uint32_t *find(const char *path)
{
	size_t slot = (size_t)hash(path) & (slots - 1);
	while (table[slot] != 0 && strcmp(text + nodes[table[slot] - 1].path, path) != 0)
		slot = (slot + 1) & (slots - 1);
	return &table[slot];
}

static void grow(void)
{
	room = room == 0 ? 4096 : room * 2;
	slots = room * 2;
	nodes = reallocarray(nodes, room, sizeof *nodes);
	free(table);
	table = calloc(slots, sizeof *table);
	if (nodes == NULL || table == NULL)
		bad_storage(NULL, "no memory");
	if (count == 0 && getrandom(seed, sizeof seed, 0) != sizeof seed)
		bad_storage(NULL, "no random numbers");
	for (size_t i = 0; i < count; i++)
		*find(text + nodes[i].path) = (uint32_t)i + 1;
}

static size_t keep(const char *path)
{
	size_t size = strlen(path) + 1, begin = text_length;
	/* Half a gigabyte: the names of millions of files, but not as many of the longest ones. */
	if (begin + size > MOST_NAMES)
		bad_archive(NULL, "the layer has too many long names");
	if (text_room - begin < size) {
		text_room = text_room * 2 + (1 << 20);
		text = realloc(text, text_room);
		if (text == NULL)
			bad_storage(NULL, "no memory");
	}
	memcpy(text + begin, path, size);
	text_length += size;
	return begin;
}

/* The node of a path, which is made if there is none. */
static struct node *obtain(const char *path)
{
	if (count == room)
		grow();
	uint32_t *slot = find(path);
	if (*slot == 0) {
		nodes[count++] = (struct node){ .path = keep(path) };
		*slot = (uint32_t)count;
	}
	return &nodes[*slot - 1];
}

void see(const char *path)
{
	char part[PATH_MAX];
	strcpy(part, path);
	while (!is_seen(part)) {
		obtain(part);
		char *slash = strrchr(part, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

bool is_seen(const char *path)
{
	return slots > 0 && *find(path) != 0;
}

bool note_cleared(const char *path)
{
	struct node *node = obtain(path);
	bool first = !node->cleared;
	node->cleared = true;
	return first;
}

void time_at_end(const char *path, const struct timespec *time, bool again)
{
	see(path);
	struct node *node = obtain(path);
	if (node->timed && !again)
		return;
	node->timed = true;
	node->time = *time;
}

void forget_time(const char *path)
{
	if (is_seen(path))
		obtain(path)->timed = false;
}

/* What is gone by now needs no time. */
void set_times(void)
{
	for (size_t i = count; i > 0; i--) {
		struct timespec times[2] = { nodes[i - 1].time, nodes[i - 1].time };
		if (nodes[i - 1].timed)
			(void)utimensat(AT_FDCWD, text + nodes[i - 1].path, times, 0);
	}
}
