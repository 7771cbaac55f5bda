/* isolate-unpack: one layer of an image, unpacked over those below it. main.c says how. */
#ifndef UNPACK_H
#define UNPACK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* The statuses: what is read is at fault, or what is written to. */
enum { BAD_ARCHIVE = 1, BAD_STORAGE = 2, BAD_USAGE = 125 };

enum { BLOCK = 512, MOST_ATTRIBUTES = 256, MOST_SEGMENTS = 65536, LONGEST_HEADER = 1 << 20, MOST_NAMES = 1 << 29 };

/* Of a path in an archive, with the NUL. The system's calls take no longer one, but isolate-tree takes it in parts. */
#ifndef LONGEST_PATH
#define LONGEST_PATH PATH_MAX
#endif

struct attribute {
	const char *name;
	const void *value;
	size_t size;
};

/* Data of a sparse file; the rest is a hole. */
struct segment {
	uint64_t offset;
	uint64_t length;
};

struct entry {
	/* As in tar's type flag: '0' a file, '1' a hard link, '2' a symbolic one, '3' and '4' devices, '5' a directory, '6' a pipe. */
	char type;
	/* Without a slash at its beginning or end, without `.` and `..` as components; "." is the root. A hard link's target too. */
	char path[LONGEST_PATH];
	char target[LONGEST_PATH];
	uint64_t size; /* of its data in the archive */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct attribute attributes[MOST_ATTRIBUTES];
	size_t attribute_count;
	bool sparse;
	uint64_t real_size;
	struct segment *segments;
	size_t segment_count;
};

/* errors.c: print one line and exit. `path` may be NULL. */
_Noreturn void bad_archive(const char *path, const char *what);
_Noreturn void bad_storage(const char *path, const char *what);

/* input.c: standard input, which ends only where it may. */
void read_exactly(void *into, size_t size);
/* False at the end of the input, which may come before a block only. */
bool read_block(unsigned char block[BLOCK]);
void skip(uint64_t size);
void skip_padding(uint64_t size);
void drain(void);
/* Copies `size` bytes to a file from `offset` on. */
void copy_to(int file, uint64_t offset, uint64_t size, const char *path);

/* number.c */
bool parse_decimal(const char *text, uint64_t *value);
bool parse_time(const char *text, struct timespec *time);
/* A field of a header, in octal digits or GNU's binary form. */
int64_t parse_field(const unsigned char *field, size_t size);

/* path.c: false if it leads out or is too long. */
bool clean_path(const char *raw, char clean[LONGEST_PATH]);

/* pax.c */
struct pax {
	char *text; /* the records, which the rest points into */
	const char *path, *target;
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	struct timespec mtime;
	struct attribute attributes[MOST_ATTRIBUTES];
	size_t attribute_count;
	/* GNU's sparse files: version 0.0 and 0.1 have the map in the records, 1.0 at the beginning of the data. */
	bool sparse, map_in_data;
	const char *sparse_name;
	uint64_t real_size;
	struct segment *segments;
	size_t segment_count;
	bool half_segment;
};
void parse_pax(struct pax *pax, char *text, size_t size);
void add_segment(struct segment **segments, size_t *count, uint64_t offset, uint64_t length);

/* sparse.c */
void read_old_map(struct entry *entry, const unsigned char header[BLOCK]);
void read_map_in_data(struct entry *entry);
void check_map(const struct entry *entry);

/* tar.c: the next entry; false behind the last. Its data is read before the next is asked for. */
bool next_entry(struct entry *entry);

/* seen.c: what this layer has, by path, and the times that its directories get at the end. */
void see(const char *path);
bool is_seen(const char *path);
/* Notes that nothing of lower layers is left at a path that is seen; false if that was noted before. */
bool note_cleared(const char *path);
void time_at_end(const char *path, const struct timespec *time, bool again);
void forget_time(const char *path);
void set_times(void);

/* remove.c */
void remove_all(const char *path);
/* What lower layers left at `path` and below it; at `path` itself only if `itself`. */
void remove_lower(const char *path, bool itself);

/* attributes.c: sets what the storage takes, and returns how many it did not take. `file` is -1 for what has no descriptor. */
unsigned int set_attributes(const struct entry *entry, int file);

/* place.c */
struct counts {
	unsigned long entries, devices, attributes;
};
void place(const struct entry *entry, struct counts *counts);

#endif
