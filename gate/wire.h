/* Frames of the daemon's protocol (PROTOCOL.md): checking, reading and writing them. No allocation, no input or output. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema.h"

enum { WIRE_HEADER = 12, WIRE_ITEM_HEADER = 8, WIRE_CLIENT_FRAME_MAX = WIRE_HEADER + CLIENT_BODY_MAX };
enum wire_side { WIRE_CLIENT = 1, WIRE_DAEMON = 2 };

/* `value` points into the frame and has no NUL behind it. */
struct wire_item {
  uint32_t tag, length;
  const uint8_t *value;
};

/* The length of the whole frame that begins with these WIRE_HEADER bytes, or 0 where `from` sends no such frame. */
size_t wire_frame_length(const uint8_t *header, enum wire_side from);
/* Whether it is one complete frame of `from` by the schema: its items, their sizes, types and counts. Text is UTF-8. */
bool wire_check(const uint8_t *frame, size_t length, enum wire_side from);

/* For frames that pass wire_check. Items in order: `*at` is 0 at first; false after the last. */
uint32_t wire_kind(const uint8_t *frame);
bool wire_next(const uint8_t *frame, size_t length, size_t *at, struct wire_item *item);
/* The first item with the tag. */
bool wire_find(const uint8_t *frame, size_t length, uint32_t tag, struct wire_item *item);
uint32_t wire_number(const struct wire_item *item);

/* Writes a frame into the caller's buffer; wire_end returns its length, or 0 if it did not fit or the schema forbids it. */
struct wire_writer {
  uint8_t *bytes;
  size_t size, length;
  bool failed;
};
void wire_begin(struct wire_writer *writer, void *bytes, size_t size, uint32_t kind);
void wire_add(struct wire_writer *writer, uint32_t tag, const void *value, size_t length);
void wire_add_text(struct wire_writer *writer, uint32_t tag, const char *text);
void wire_add_number(struct wire_writer *writer, uint32_t tag, uint32_t number);
size_t wire_end(struct wire_writer *writer, enum wire_side from);

/* Unsigned little-endian numbers anywhere. */
uint32_t wire_get(const uint8_t *bytes);
void wire_put(uint8_t *bytes, uint32_t number);

#endif
