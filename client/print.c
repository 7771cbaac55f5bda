/* Prints what needs no Node: the answers of the daemon that are texts, and the version. */
#include "client.h"
#include "texts.h"

#include <sys/ioctl.h>

/* As Node does where the terminal does not say. */
enum { USUAL_COLUMNS = 80 };

uint32_t print_columns(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_COLUMNS;
}

/* That nobody reads it any more is no failure. SIGPIPE is blocked or ignored. */
static bool print(const char *text, size_t length) {
  struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};
  for (size_t at = 0; at < length;) {
    ssize_t count = write(STDOUT_FILENO, text + at, length - at);
    if (count > 0) at += (size_t)count;
    else if (count < 0 && errno == EAGAIN) poll(&writable, 1, -1);
    else if (count < 0 && errno != EINTR) return errno == EPIPE;
  }
  return true;
}

bool print_answer(const struct frame *frame) {
  struct wire_item text;
  return wire_find(frame->bytes, frame->length, ITEM_TEXT, &text) && print((const char *)text.value, text.length);
}

bool print_version(void) {
  static const char text[] = "isolate " VERSION "\n";
  sighandler_t before = signal(SIGPIPE, SIG_IGN);
  bool printed = print(text, sizeof text - 1);
  signal(SIGPIPE, before);
  return printed;
}
