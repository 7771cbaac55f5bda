/* The caller's streams, as the command in the machine has them. */
#include "agent.h"

void caller_size(uint32_t size[4]) {
  struct winsize now = {0};
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &now) == 0) break;
  size[0] = now.ws_row;
  size[1] = now.ws_col;
  size[2] = now.ws_xpixel;
  size[3] = now.ws_ypixel;
}

/* The guest's terminal echoes and edits lines, so this one must not; unless the caller's does, because the output goes elsewhere. */
void caller_take_terminal(struct caller *caller) {
  struct termios raw;
  for (int fd = 0; fd <= 2; fd++)
    if (isatty(fd)) caller->terminals |= 1u << fd;
  if (caller->terminals == 0) return;
  take_foreground();
  if ((caller->terminals & 2) == 0) {
    caller->terminals |= 8;
  } else if (tcgetattr(1, &raw) == 0) {
    cfmakeraw(&raw);
    /* What is typed is not read where the input is something else, so its signals come from this terminal. */
    if ((caller->terminals & 1) == 0) raw.c_lflag |= ISIG;
    tcsetattr(1, TCSANOW, &raw);
  }
}

void caller_read_input(struct caller *caller, struct link *link, short events) {
  uint8_t bytes[FRAME_BODY_MAX];
  size_t most = link->input_credit < sizeof bytes ? link->input_credit : sizeof bytes;
  ssize_t count = read(0, bytes, most);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  /* An end that was typed is typed into the guest's terminal, which may be read again; a terminal that was hung up has ended. */
  if (count == 0 && (caller->terminals & 1) != 0 && (events & POLLHUP) == 0) bytes[0] = 4, count = 1;
  if (count <= 0) {
    caller->input_ended = true;
    link_send(link, FRAME_INPUT, NULL, 0);
    return;
  }
  link->input_credit -= (uint32_t)count;
  link_send(link, FRAME_INPUT, bytes, (size_t)count);
}

/* The stream is shared with the caller, and may block: so much can be written where poll(2) says that something can (pipe(7)). */
enum { WRITE_MAX = 4096, WRITE_MAX_TERMINAL = 256 };

void caller_write_output(struct caller *caller, struct link *link, int stream, short events) {
  struct ring *ring = &link->output[stream];
  size_t part = ring_front(ring);
  size_t most = (caller->terminals >> (stream + 1) & 1) != 0 ? WRITE_MAX_TERMINAL : WRITE_MAX;
  if (part > most) part = most;
  errno = EPIPE;
  ssize_t count = (events & POLLERR) != 0 || part == 0 ? -1 : write(stream + 1, ring->bytes + ring->from, part);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) {
    link_wrote(link, stream, (size_t)count);
    return;
  }
  if (errno != EPIPE && !caller->output_lost) {
    dprintf(2, "isolate: what the command writes is lost: %s\n", strerror(errno));
    caller->output_lost = true;
  }
  /* Nobody reads it: the command is to notice, and what it has written already goes nowhere. */
  if (!caller->unread_told[stream]) link_send_numbers(link, FRAME_OUTPUT_UNREAD, (uint32_t[]){(uint32_t)stream}, 1);
  caller->unread_told[stream] = true;
  ring->used = 0;
}
