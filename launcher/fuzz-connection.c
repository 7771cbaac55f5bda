/* libFuzzer target: any bytes as what a daemon sends to the client; whatever is taken for a frame must be readable whole. */
#include "../client/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct frame frame;
  struct wire_item item;
  struct id_map map = {.inside = 0, .outside = 1000, .count = 1};
  struct record record = {.uid_maps = {&map, 1}, .gid_maps = {&map, 1}};
  int ends[2], user_namespace = -1, tree = -1;
  size_t seen = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return 0;
  if (length <= 65536 && send(ends[1], bytes, length, MSG_DONTWAIT) == (ssize_t)length && shutdown(ends[1], SHUT_WR) == 0) {
    if (length > 0 && bytes[length - 1] % 2 == 1) connection_tree(ends[0], &record, 0, &user_namespace, &tree);
    while (connection_receive(ends[0], -1, 1000, &frame) == ARRIVAL_FRAME) {
      for (size_t at = 0; wire_next(frame.bytes, frame.length, &at, &item);)
        for (uint32_t i = 0; i < item.length; i++) seen += item.value[i];
      frame_free(&frame);
    }
  }
  volatile size_t sink = seen;
  (void)sink;
  if (user_namespace >= 0 || tree >= 0) abort(); /* no descriptor was ever sent */
  close(ends[0]);
  close(ends[1]);
  return 0;
}
