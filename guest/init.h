/* What the parts of a machine's init share. */
#ifndef INIT_H
#define INIT_H

#include "../launcher/launcher.h"
#include "frame.h"

/* Where the root of the run is put together, and where the share with it and with the sources of binds is mounted. */
#define ROOT "/root"
#define SHARE "/share"

/* channel.c: the port to the host. Nothing can be said where it fails, so the machine ends. */
int channel_open(void);
void channel_send(unsigned kind, const void *body, size_t length);
/* At most four. */
void channel_send_numbers(unsigned kind, const uint32_t *numbers, size_t count);
/* The command was not executed. */
_Noreturn void channel_fail(uint32_t what, int error, uint32_t step);
_Noreturn void machine_end(void);

/* prepare.c: what the host wants before the command. Errno says why not. */
bool prepare_system(void);
bool prepare_share(const struct frame *frame);
bool prepare_bind(const struct frame *frame);
bool prepare_mount(const struct frame *frame);
bool prepare_file(const struct frame *frame);
bool prepare_link(const struct frame *frame);
bool prepare_inside(const struct frame *frame);
/* The last step: a descriptor of the complete root, or -1. */
int prepare_root(void);
/* From then on paths lead to where the command sees them, if the root is complete. */
bool enter_root(void);

/* The strings of a frame that has so many. */
bool read_strings(const struct frame *frame, const char **strings, size_t count);
/* As in mount(2). */
unsigned long parse_flags(const char *text);
/* Mounts at a target in the run's root, which is made if it is missing. */
bool mount_at(const char *target, uint32_t create, const char *type, const char *source, unsigned long flags, const char *options);

/* disks.c: disks and what is mounted from them. */
bool prepare_disk(const struct frame *frame);
bool prepare_image(const struct frame *frame);
/* Before the host is told of the end. It leaves no way back from the run's root. */
void disks_release(void);

/* modules.c: those for `when`, a directory of the initramfs; none, if it lacks that. Errno says why one could not be loaded. */
bool modules_load(const char *when);

/* network.c: network cards. */
bool prepare_card(const struct frame *frame);
bool prepare_address(const struct frame *frame);
bool prepare_route(const struct frame *frame);

/* start.c: the command, as the frames before the start say. */
struct start {
  char *directory, *user;
  uint8_t *command;
  size_t command_length;
  uint32_t terminals;
  struct winsize size;
};
/* The run: descriptors are -1 where there is none or it has ended. */
struct streams {
  pid_t command;
  int input, output[2]; /* our ends; the terminal's is each of those that is one */
  int report;           /* of the child: why it was not executed */
};
bool start_command(const struct start *start, struct streams *streams);

#endif
