#include "agent.h"

/* More than this does not wait for a guest that takes nothing. */
enum { MOST_WAITING = 65536 };

static void reserve(struct outflow *outflow, size_t length) {
  if (outflow->to + length > outflow->size || outflow->from == outflow->to) {
    if (outflow->from > 0) memmove(outflow->bytes, outflow->bytes + outflow->from, outflow->to - outflow->from);
    outflow->to -= outflow->from;
    outflow->from = 0;
  }
  if (outflow->to + length <= outflow->size) return;
  size_t size = outflow->to + length + FRAME_MAX;
  uint8_t *grown = realloc(outflow->bytes, size);
  if (grown == NULL) abort();
  outflow->bytes = grown;
  outflow->size = size;
}

void link_send_bytes(struct link *link, const void *bytes, size_t length) {
  if (length == 0) return;
  reserve(&link->outflow, length);
  memcpy(link->outflow.bytes + link->outflow.to, bytes, length);
  link->outflow.to += length;
}

void link_send(struct link *link, unsigned kind, const void *body, size_t length) {
  uint8_t header[FRAME_HEADER];
  frame_header(header, kind, length);
  link_send_bytes(link, header, sizeof header);
  link_send_bytes(link, body, length);
}

void link_send_numbers(struct link *link, unsigned kind, const uint32_t *numbers, size_t count) {
  uint8_t bytes[FRAME_HEADER + 32];
  link_send_bytes(link, bytes, frame_of_numbers(bytes, kind, numbers, count));
}

size_t link_waiting(const struct link *link) {
  return link->outflow.to - link->outflow.from;
}

void link_wrote(struct link *link, int stream, size_t length) {
  ring_drop(&link->output[stream], length);
  link->owed[stream] += (uint32_t)length;
  link_settle(link);
}

void link_settle(struct link *link) {
  for (uint32_t stream = 0; stream < 2; stream++) {
    if (link->owed[stream] < STREAM_WINDOW / 4 || link_waiting(link) > MOST_WAITING) continue;
    link_send_numbers(link, FRAME_GRANT_OUTPUT, (uint32_t[]){stream, link->owed[stream]}, 2);
    link->granted[stream] += link->owed[stream];
    link->owed[stream] = 0;
  }
}

static bool take_output(struct link *link, int stream, const struct frame *frame) {
  if (link->output_ended[stream] || frame->length > link->granted[stream]) return false;
  if (frame->length == 0) link->output_ended[stream] = true;
  link->granted[stream] -= (uint32_t)frame->length;
  ring_add(&link->output[stream], frame->body, frame->length);
  return true;
}

static bool take_failure(struct link *link, const struct frame *frame) {
  link->failure[0] = frame_number(frame, 0);
  link->failure[1] = frame_number(frame, 1);
  link->failure[2] = frame_number(frame, 2);
  link->state = LINK_ENDED;
  return link->failure[0] <= 3 && link->failure[1] > 0 && link->failure[1] < 4096;
}

static bool take_grant(struct link *link, uint32_t bytes) {
  if (bytes > STREAM_WINDOW - link->input_credit) return false;
  link->input_credit += bytes;
  return true;
}

/* One that was sent before the command was told to go on again is over. */
static bool take_stop(struct link *link, uint32_t signal, uint32_t continued) {
  if (continued == link->continued) link->stopped = (int)signal;
  return signal > 0 && signal < 65;
}

/* Whether a command can have ended so: by its exit, or by a signal that ends processes (signal(7)). */
static bool is_end(int status) {
  static const uint64_t harmless = 1ull << SIGCHLD | 1ull << SIGCONT | 1ull << SIGURG | 1ull << SIGWINCH | 1ull << SIGSTOP |
                                   1ull << SIGTSTP | 1ull << SIGTTIN | 1ull << SIGTTOU;
  if (WIFEXITED(status)) return true;
  return WIFSIGNALED(status) && WTERMSIG(status) <= 64 && (WTERMSIG(status) == 64 || (harmless >> WTERMSIG(status) & 1) == 0);
}

/* A command that was not executed has said why on its standard error before. */
static bool take_frame(struct link *link, const struct frame *frame) {
  bool prepares = link->state == LINK_PREPARING, runs = link->state == LINK_RUNNING;
  switch (frame->kind) {
  case FRAME_HELLO:
    if (link->state != LINK_BOOTING || frame_number(frame, 0) != CHANNEL_VERSION) return false;
    link->state = LINK_PREPARING;
    return true;
  case FRAME_STARTED:
    link->state = LINK_RUNNING;
    link->started = link->started || prepares;
    return prepares;
  case FRAME_FAILED: return prepares && take_failure(link, frame);
  case FRAME_OUTPUT: return (prepares || runs) && take_output(link, 0, frame);
  case FRAME_ERRORS: return (prepares || runs) && take_output(link, 1, frame);
  case FRAME_GRANT_INPUT: return (prepares || runs) && take_grant(link, frame_number(frame, 0));
  case FRAME_INPUT_UNREAD: link->input_unread = true; return prepares || runs;
  case FRAME_STOPPED: return runs && take_stop(link, frame_number(frame, 0), frame_number(frame, 1));
  case FRAME_EXITED:
    link->status = (int)(frame_number(frame, 0) & 0xffff);
    link->state = LINK_ENDED;
    return runs && is_end(link->status);
  default: return false;
  }
}

bool link_take(struct link *link) {
  struct frame frame;
  int found;
  while ((found = inflow_next(&link->inflow, true, &frame)) > 0)
    if (link->state == LINK_ENDED || !take_frame(link, &frame)) return false;
  return found == 0;
}
