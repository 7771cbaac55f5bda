/* The virtio-serial port of that name (Documentation/ABI/testing/sysfs-driver-... /sys/class/virtio-ports/N/name). */
#include "init.h"

#include <dirent.h>
#include <sys/reboot.h>
#include <sys/uio.h>

static int port = -1;

static bool is_ours(const char *name) {
  char path[300], text[64];
  snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", name);
  read_text(path, text, sizeof text);
  return strcmp(text, "isolate\n") == 0;
}

int channel_open(void) {
  char path[300];
  DIR *ports = opendir("/sys/class/virtio-ports");
  for (struct dirent *entry; ports != NULL && port < 0 && (entry = readdir(ports)) != NULL;) {
    if (!is_ours(entry->d_name)) continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    port = open(path, O_RDWR | O_CLOEXEC);
  }
  if (ports != NULL) closedir(ports);
  return port;
}

void channel_send(unsigned kind, const void *body, size_t length) {
  uint8_t bytes[FRAME_MAX];
  frame_header(bytes, kind, length);
  if (length > 0) memcpy(bytes + FRAME_HEADER, body, length);
  for (size_t done = 0; done < FRAME_HEADER + length;) {
    ssize_t count = write(port, bytes + done, FRAME_HEADER + length - done);
    if (count > 0) done += (size_t)count;
    else if (count < 0 && errno != EINTR) machine_end();
  }
}

void channel_send_number(unsigned kind, uint32_t number) {
  uint8_t bytes[FRAME_HEADER + 4];
  frame_of_numbers(bytes, kind, &number, 1);
  channel_send(kind, bytes + FRAME_HEADER, 4);
}

void channel_send_stop(uint32_t signal, uint32_t continued) {
  uint8_t bytes[FRAME_HEADER + 8];
  frame_of_numbers(bytes, FRAME_STOPPED, (uint32_t[]){signal, continued}, 2);
  channel_send(FRAME_STOPPED, bytes + FRAME_HEADER, 8);
}

_Noreturn void channel_fail(uint32_t what, int error, uint32_t step) {
  uint8_t bytes[FRAME_HEADER + 12];
  frame_of_numbers(bytes, FRAME_FAILED, (uint32_t[]){what, (uint32_t)error, step}, 3);
  channel_send(FRAME_FAILED, bytes + FRAME_HEADER, 12);
  machine_end();
}

/* QEMU ends with -no-reboot. */
_Noreturn void machine_end(void) {
  sync();
  for (;;) {
    reboot(RB_AUTOBOOT);
    pause();
  }
}
