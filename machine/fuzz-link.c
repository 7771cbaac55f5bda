/* What a hostile machine can send: raw bytes, or frames of any kind in any order, taken and handed on in any portions. */
#include "agent.h"

static void check(const struct link *link) {
  for (int stream = 0; stream < 2; stream++) {
    const struct ring *ring = &link->output[stream];
    if (ring->used > sizeof ring->bytes || ring->from >= sizeof ring->bytes) abort();
    if (ring->used + link->granted[stream] + link->owed[stream] > STREAM_WINDOW) abort();
  }
  if (link->input_credit > STREAM_WINDOW) abort();
  /* However much it sends, no more waits for it than the answers to what it was granted. */
  if (link_waiting(link) > 4 * 65536 || link->outflow.size > 8 * 65536) abort();
}

/* As the host's end does when the machine has greeted. */
static void greet(struct link *link) {
  for (int stream = 0; stream < 2; stream++) link->granted[stream] = STREAM_WINDOW;
  link->input_credit = STREAM_WINDOW;
}

static bool feed(struct link *link, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    struct inflow *inflow = &link->inflow;
    bool booting = link->state == LINK_BOOTING;
    memmove(inflow->bytes, inflow->bytes + inflow->from, inflow->to - inflow->from);
    inflow->to -= inflow->from;
    inflow->from = 0;
    size_t part = sizeof inflow->bytes - inflow->to < length ? sizeof inflow->bytes - inflow->to : length;
    if (part == 0) abort(); /* a frame that does not fit is refused by its header */
    memcpy(inflow->bytes + inflow->to, bytes, part);
    inflow->to += part;
    bytes += part;
    length -= part;
    if (!link_take(link)) return false;
    if (booting && link->state != LINK_BOOTING) greet(link);
    check(link);
  }
  return true;
}

/* One frame, whose body is the next bytes of the input or, if it is long, one byte of it again and again. */
static bool feed_frame(struct link *link, const uint8_t **at, const uint8_t *end) {
  static uint8_t frame[FRAME_MAX];
  static const uint8_t kinds[] = {FRAME_HELLO, FRAME_STARTED, FRAME_FAILED, FRAME_OUTPUT, FRAME_ERRORS, FRAME_GRANT_INPUT, FRAME_INPUT_UNREAD, FRAME_STOPPED, FRAME_EXITED, FRAME_INPUT, 0, 255};
  uint8_t choice = *(*at)++;
  unsigned kind = kinds[(choice & 15) % sizeof kinds];
  int words = kind < 64 ? frame_rules[kind].words : 1;
  size_t length = words >= 0 ? 4 * (size_t)words : (size_t)(choice >> 4) * 2184;
  frame_header(frame, kind, length);
  for (size_t i = 0; i < length; i++) frame[FRAME_HEADER + i] = *at < end && words >= 0 ? *(*at)++ : choice;
  return feed(link, frame, FRAME_HEADER + length);
}

static void hand_on(struct link *link, uint8_t choice) {
  int stream = choice & 1;
  size_t used = link->output[stream].used, part = used * (choice >> 4) / 15;
  if (part > 0) link_wrote(link, stream, part);
  if ((choice & 2) != 0) link->outflow.from += link_waiting(link) * (choice >> 4) / 15;
  link_settle(link);
  if ((choice & 4) != 0 && link->input_credit > 0) link->input_credit--;
  check(link);
}

/* Without the megabyte of bytes that nothing is read from before it is written. */
static void reset(struct link *link) {
  free(link->outflow.bytes);
  link->outflow = (struct outflow){0};
  link->state = LINK_BOOTING;
  link->inflow.from = link->inflow.to = 0;
  link->input_credit = link->continued = 0;
  link->input_unread = link->started = false;
  link->stopped = link->status = 0;
  memset(link->failure, 0, sizeof link->failure);
  for (int stream = 0; stream < 2; stream++) {
    link->output[stream].from = link->output[stream].used = 0;
    link->output_ended[stream] = false;
    link->granted[stream] = link->owed[stream] = 0;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct link link;
  const uint8_t *at = data, *end = data + size;
  reset(&link);
  if (size > 0 && (*at++ & 1) != 0) {
    feed(&link, at, (size_t)(end - at));
    return 0;
  }
  while (end - at >= 2) {
    if (!feed_frame(&link, &at, end)) break;
    if (at < end) hand_on(&link, *at++);
  }
  return 0;
}
