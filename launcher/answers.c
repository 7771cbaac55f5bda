/*
 * A program can query a terminal emulator (for the cursor's position, a colour), and the answer comes as if it were typed. The caller's
 * shell would read an answer that comes after the end of the run. So the guest's output is watched for queries. After one, the launcher
 * itself queries the terminal at the end, and discards all input before that answer.
 */
#include "launcher.h"

/* How long the answer may take, as over a slow line, and how long it has to be quiet after it: the guest may have asked the same. */
enum { ANSWER_MS = 1000, QUIET_MS = 30 };
static const char question[] = "\033[5n", answer[] = "\033[0n";

/* Control sequences that no terminal answers, by their last byte; and those with a question mark. */
static const char silent[] = "@ABCDEFGHIJKLMPSTXZ`abdefghlmrs", silent_private[] = "JKhlrs";

/* In doubt it is a query. `byte` is a 7-bit character or an 8-bit control character. */
static void watch(struct questions *questions, unsigned char byte) {
  if (byte == 0x05 || byte == 0x90 || byte == 0x9a || byte == 0x9f) questions->asked = true;
  switch (byte) {
  case 0x1b: questions->state = IN_ESCAPE; return;
  case 0x9b: questions->state = IN_SEQUENCE; questions->private = false; return;
  case 0x90: case 0x98: case 0x9d: case 0x9e: case 0x9f: questions->state = IN_STRING; return;
  case 0x18: case 0x1a: case 0x9c: questions->state = IN_TEXT; return;
  case 0x07: if (questions->state == IN_STRING) questions->state = IN_TEXT; return;
  }
  /* A terminal executes other control characters inside a sequence and continues the sequence. */
  if (byte < 0x20) return;
  switch (questions->state) {
  case IN_ESCAPE:
    if (byte == 'Z' || byte == 'P' || byte == '_') questions->asked = true;
    questions->private = false;
    if (byte >= 0x30) questions->state = byte == '[' ? IN_SEQUENCE : strchr("P]X^_", byte) != NULL ? IN_STRING : IN_TEXT;
    break;
  case IN_SEQUENCE:
    if (byte == '?') questions->private = true;
    if (byte < 0x40 || byte > 0x7e) break;
    if (strchr(questions->private ? silent_private : silent, byte) == NULL) questions->asked = true;
    questions->state = IN_TEXT;
    break;
  case IN_STRING:
    if (byte == '?') questions->asked = true;
    break;
  case IN_TEXT: break;
  }
}

/* In UTF-8 most bytes that look like control characters of eight bits are parts of letters; these begin with C2 there. */
static void watch_utf8(struct questions *questions, unsigned char byte) {
  bool continues = questions->more > 0 && (byte & 0xc0) == 0x80;
  bool control = continues && questions->lead == 0xc2 && byte < 0xa0;
  questions->more = continues ? (unsigned char)(questions->more - 1) : byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
  if (!continues) questions->lead = byte;
  if (control || (!continues && byte < 0xa0)) watch(questions, byte);
}

void questions_watch(struct questions *questions, const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) watch_utf8(questions, (unsigned char)bytes[i]);
}

void questions_settle(struct questions *questions, int in, int out) {
  char last[sizeof answer - 1] = "", bytes[256];
  struct pollfd input = {.fd = in, .events = POLLIN};
  int64_t deadline = now_ms() + ANSWER_MS;
  bool answered = false;
  questions->asked = false;
  if (write(out, question, sizeof question - 1) != sizeof question - 1) return;
  for (int64_t left; (left = deadline - now_ms()) > 0;) {
    int ready = poll(&input, 1, answered && left > QUIET_MS ? QUIET_MS : (int)left);
    if (ready < 0 && errno == EINTR) continue;
    ssize_t count = ready > 0 && (input.revents & POLLIN) != 0 ? read(in, bytes, sizeof bytes) : 0;
    if (count <= 0) return;
    for (ssize_t i = 0; i < count; i++) {
      memmove(last, last + 1, sizeof last - 1);
      last[sizeof last - 1] = bytes[i];
      answered |= memcmp(last, answer, sizeof last) == 0;
    }
  }
}
