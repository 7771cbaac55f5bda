/* libFuzzer target: any bytes as a frame of either side; what passes the check must be readable, and writable again unchanged. */
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void write_again(const uint8_t *frame, size_t length, enum wire_side from) {
  struct wire_writer writer;
  struct wire_item item;
  uint8_t *copy = malloc(length);
  if (copy == NULL) return;
  wire_begin(&writer, copy, length, wire_kind(frame));
  for (size_t at = 0; wire_next(frame, length, &at, &item);) wire_add(&writer, item.tag, item.value, item.length);
  if (wire_end(&writer, from) != length || memcmp(copy, frame, length) != 0) abort();
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < WIRE_HEADER) return wire_check(bytes, length, WIRE_CLIENT);
  for (enum wire_side from = WIRE_CLIENT; from <= WIRE_DAEMON; from++)
    if (wire_check(bytes, length, from)) write_again(bytes, length, from);
  return 0;
}
