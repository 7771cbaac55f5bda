/* The virtio-serial port to the host: the one that has our name in /sys/class/virtio-ports (drivers/char/virtio_console.c). */
#include "init.h"

#include <dirent.h>
#include <sys/reboot.h>

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

static void send_all(const uint8_t *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = write(port, bytes + done, length - done);
    if (count > 0) done += (size_t)count;
    else if (count < 0 && errno != EINTR) machine_end();
  }
}

void channel_send(unsigned kind, const void *body, size_t length) {
  uint8_t bytes[FRAME_MAX];
  frame_header(bytes, kind, length);
  if (length > 0) memcpy(bytes + FRAME_HEADER, body, length);
  send_all(bytes, FRAME_HEADER + length);
}

void channel_send_numbers(unsigned kind, const uint32_t *numbers, size_t count) {
  uint8_t bytes[FRAME_HEADER + 16];
  size_t length = frame_of_numbers(bytes, kind, numbers, count);
  send_all(bytes, length);
}

_Noreturn void channel_fail(uint32_t what, int error, uint32_t step) {
  disks_release();
  channel_send_numbers(FRAME_FAILED, (uint32_t[]){what, (uint32_t)error, step}, 3);
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
