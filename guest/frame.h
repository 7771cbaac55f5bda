/* Frames of the channel (src/machine/schema.ts), for both of its ends. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema.h"

enum { FRAME_HEADER = 4, FRAME_MAX = FRAME_HEADER + FRAME_BODY_MAX };

/* What has come in and is not cut into frames yet. */
struct inflow {
  uint8_t bytes[FRAME_MAX];
  size_t from, to;
};

/* Bytes of a stream that wait: no more than one end may send before the other grants more. */
struct ring {
  uint8_t bytes[STREAM_WINDOW];
  size_t from, used;
};

/* Adds bytes, for which there has to be room. */
void ring_add(struct ring *ring, const uint8_t *bytes, size_t length);
/* How many of the bytes behind `ring->bytes + ring->from` are the next ones. */
size_t ring_front(const struct ring *ring);
void ring_drop(struct ring *ring, size_t length);

struct frame {
  unsigned kind;
  size_t length;
  const uint8_t *body; /* until more is read */
};

/* Reads what there is. As read(2). */
long inflow_read(struct inflow *inflow, int fd);
/* The next frame: 1; more has to be read first: 0; no frame that this end may send, so the channel is of no use any more: -1. */
int inflow_next(struct inflow *inflow, bool from_guest, struct frame *frame);
const char *frame_name(const struct frame *frame);
uint32_t frame_number(const struct frame *frame, size_t index);
/* The next of the strings, `*at` being where it begins; NULL behind the last. */
const char *frame_string(const struct frame *frame, size_t *at);

/* The 4 bytes before a body. */
void frame_header(uint8_t header[FRAME_HEADER], unsigned kind, size_t length);
/* Writes a frame of numbers and returns its length. */
size_t frame_of_numbers(uint8_t *bytes, unsigned kind, const uint32_t *numbers, size_t count);

#endif
