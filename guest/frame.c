#include "frame.h"

#include <string.h>
#include <unistd.h>

static uint32_t read_word(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void write_word(uint8_t *bytes, uint32_t word) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> 8 * i);
}

long inflow_read(struct inflow *inflow, int fd) {
  if (inflow->from > 0) memmove(inflow->bytes, inflow->bytes + inflow->from, inflow->to - inflow->from);
  inflow->to -= inflow->from;
  inflow->from = 0;
  long count = read(fd, inflow->bytes + inflow->to, sizeof inflow->bytes - inflow->to);
  if (count > 0) inflow->to += (size_t)count;
  return count;
}

void ring_add(struct ring *ring, const uint8_t *bytes, size_t length) {
  size_t at = (ring->from + ring->used) % sizeof ring->bytes;
  size_t first = sizeof ring->bytes - at < length ? sizeof ring->bytes - at : length;
  memcpy(ring->bytes + at, bytes, first);
  memcpy(ring->bytes, bytes + first, length - first);
  ring->used += length;
}

size_t ring_front(const struct ring *ring) {
  size_t part = sizeof ring->bytes - ring->from;
  return part < ring->used ? part : ring->used;
}

void ring_drop(struct ring *ring, size_t length) {
  ring->from = (ring->from + length) % sizeof ring->bytes;
  ring->used -= length;
}

static bool is_allowed(const struct frame *frame, bool from_guest) {
  const struct frame_rule *rule = &frame_rules[frame->kind];
  if (!rule->known || rule->from_guest != from_guest || frame->length > FRAME_BODY_MAX) return false;
  return rule->words < 0 || frame->length == 4 * (size_t)rule->words;
}

int inflow_next(struct inflow *inflow, bool from_guest, struct frame *frame) {
  size_t there = inflow->to - inflow->from;
  if (there < FRAME_HEADER) return 0;
  const uint8_t *at = inflow->bytes + inflow->from;
  uint32_t word = read_word(at);
  *frame = (struct frame){word >> 24, word & 0xffffff, at + FRAME_HEADER};
  if (frame->kind >= sizeof frame_rules / sizeof *frame_rules || !is_allowed(frame, from_guest)) return -1;
  if (there < FRAME_HEADER + frame->length) return 0;
  if (frame_rules[frame->kind].words == -2 && (frame->length == 0 || frame->body[frame->length - 1] != 0)) return -1;
  inflow->from += FRAME_HEADER + frame->length;
  return 1;
}

const char *frame_name(const struct frame *frame) {
  return frame_rules[frame->kind].name;
}

uint32_t frame_number(const struct frame *frame, size_t index) {
  return read_word(frame->body + 4 * index);
}

const char *frame_string(const struct frame *frame, size_t *at) {
  if (*at >= frame->length) return NULL;
  const char *string = (const char *)frame->body + *at;
  *at += strlen(string) + 1;
  return string;
}

void frame_header(uint8_t header[FRAME_HEADER], unsigned kind, size_t length) {
  write_word(header, (uint32_t)kind << 24 | (uint32_t)length);
}

size_t frame_of_numbers(uint8_t *bytes, unsigned kind, const uint32_t *numbers, size_t count) {
  frame_header(bytes, kind, 4 * count);
  for (size_t i = 0; i < count; i++) write_word(bytes + FRAME_HEADER + 4 * i, numbers[i]);
  return FRAME_HEADER + 4 * count;
}
