/* errand.c, for the gate and for the launcher (client/tree.c). */
#ifndef ERRAND_H
#define ERRAND_H

#include <stdint.h>
#include <sys/types.h>

void close_kept_error(int fd);
void reap(pid_t child);
/*
 * Calls `run` in a process that shares memory and descriptors with us, and that may enter other namespaces: a call made
 * elsewhere. We stand still until it has ended. Returns what `run` did, with its errno.
 */
int send_errand(int (*run)(void *data), void *data);
/* A mount namespace with nothing but a tmpfs, made with these options, and in it a directory /t. */
int make_mount_namespace(const char *options);
/* A detached copy of the mount at `path`; ENODEV: none is there, or what is there is on another device than the one given. */
int copy_mount(const char *path, const uint32_t *device);
/* A descriptor of the shelf (shelf.c), which is bound to `ns` in this directory; ENOENT: none is, or it is not seen from here. */
int shelf_open(const char *directory);
/* The root of the shelf, which only marks a place (O_PATH). */
int shelf_root(int shelf);
/* `copy_mount` on the shelf. */
int shelf_copy(int shelf, const char *path, const uint32_t *device);

#endif
