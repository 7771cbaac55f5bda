/*
 * What is told of a run's start and end: lines that the daemon has written but for what is only known then, as
 * src/launch/report.ts fills them in. Standard error gets the words of a failure where no line has others for it.
 */
#include "client.h"

#include "texts.h"

enum { LINES_MAX = 64, LINE_HEADER = 16, STREAM_ERROR = 0, STREAM_STATUS = 1, STREAM_TERMINAL = 2 };

/* Written of an event of this kind; `number` 0: with any. */
struct line {
  uint32_t stream, kind, number, memory, length;
  const char *text;
};
static struct line lines[LINES_MAX];
static size_t count;
static bool start_is_untold;
static const struct failure no_failure = {"", "", NULL};

int report_open(int fd) {
  char path[64], target[32];
  int flags = fcntl(fd, F_GETFL);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, target, sizeof target);
  /* As Node has it, whose own descriptors look so. */
  bool nameless = length >= 11 && memcmp(target, "anon_inode:", 11) == 0;
  if (flags < 0 || length < 0 || nameless || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) return -1;
  return fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
}

void report_take(struct frame *frame) {
  struct wire_item item;
  for (size_t at = 0; wire_next(frame->bytes, frame->length, &at, &item);) {
    if (item.tag != ITEM_LINE || item.length < LINE_HEADER || count == LINES_MAX) continue;
    lines[count++] = (struct line){wire_get(item.value),      wire_get(item.value + 4),    wire_get(item.value + 8),
                                   wire_get(item.value + 12), item.length - LINE_HEADER, (const char *)item.value + LINE_HEADER};
  }
  *frame = (struct frame){.descriptors = {-1, -1}}; /* the lines are in its bytes */
}

void report_text(int fd, const void *text, size_t length) {
  for (const char *at = text; length > 0;) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    ssize_t written = write(fd, at, length);
    if (written < 0 && errno == EAGAIN && poll(&writable, 1, -1) >= 0) continue;
    if (written <= 0 && errno != EINTR) return;
    if (written > 0) at += written, length -= (size_t)written;
  }
}

/* As JSON.stringify does, and with what src/json.ts escapes beyond. */
static void print_json(FILE *out, const char *text) {
  static const char plain[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
  fputc('"', out);
  while (*text != 0) {
    char shown[8];
    const char *special = strchr(plain, *text);
    size_t length = escape_character(text, shown);
    if (special != NULL) fprintf(out, "\\%c", letters[special - plain]);
    else if (shown[0] == '\\' && shown[1] == 'x') fprintf(out, "\\u00%s", shown + 2);
    else fputs(shown, out);
    text += length;
  }
  fputc('"', out);
}

static void print_directive(FILE *out, char directive, struct event event, struct failure failure) {
  bool killed = event.kind == EVENT_KILLED;
  const char *const *names = killed ? signal_names : error_names;
  size_t known = killed ? sizeof signal_names / sizeof *signal_names : sizeof error_names / sizeof *error_names;
  switch (directive) {
  case 'd': fprintf(out, "%u", event.a); break;
  case 's':
    if (event.a < known && names[event.a] != NULL) fputs(names[event.a], out);
    else fprintf(out, killed ? "SIG%u" : "Unknown system error -%u", event.a);
    break;
  case 'c': fputs(failure.code, out); break;
  case 'm': print_json(out, failure.message); break;
  case 'h':
    if (failure.hint == NULL) break;
    fputs(",\"hint\":", out);
    print_json(out, failure.hint);
    break;
  default: fputc(directive, out);
  }
}

static bool fits(const struct line *line, uint32_t stream, struct event event) {
  bool numbered = line->number == 0 || line->number == event.a;
  return line->stream == stream && line->kind == event.kind && numbered && (line->memory == 0 || event.b > 0);
}

/* Writes the first matching line of the stream; false: there is none. */
static bool tell(uint32_t stream, int fd, struct event event, struct failure failure) {
  const struct line *line = lines;
  char *text = NULL;
  size_t length = 0;
  while (line < lines + count && !fits(line, stream, event)) line++;
  FILE *out = line == lines + count ? NULL : open_memstream(&text, &length);
  if (out == NULL) return false;
  for (uint32_t i = 0; i < line->length; i++) {
    if (line->text[i] == '%' && i + 1 < line->length) print_directive(out, line->text[++i], event, failure);
    else fputc(line->text[i], out);
  }
  if (fclose(out) == 0) report_text(fd, text, length);
  free(text);
  return true;
}

static void tell_plainly(const char *before, const char *text, const char *after) {
  char *line = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&line, &length);
  if (out == NULL) return;
  fputs(before, out);
  for (char shown[8]; *text != 0; fputs(shown, out)) text += escape_character(text, shown);
  fputs(after, out);
  if (fclose(out) == 0) report_text(STDERR_FILENO, line, length);
  free(line);
}

/* The command and its signals have to be served at the same time, so a slow reader gets the start together with the end. */
static void report_start(const struct run *run, struct event started) {
  struct pollfd status = {.fd = run->events, .events = POLLOUT};
  start_is_untold = run->events >= 0 && poll(&status, 1, 0) == 0;
  if (!start_is_untold) tell(STREAM_STATUS, run->events, started, no_failure);
}

void report_event(const struct run *run, struct event event) {
  if (event.kind == EVENT_STARTED) return report_start(run, event);
  struct failure failure = failure_of(&run->record, event);
  if (!tell(STREAM_ERROR, STDERR_FILENO, event, failure)) tell_plainly("isolate: warning: ", failure.message, "\n");
}

void report_end(const struct run *run, struct event last, const struct failure *cause) {
  struct failure failure = cause == NULL ? no_failure : *cause;
  if (start_is_untold) tell(STREAM_STATUS, run->events, (struct event){.kind = EVENT_STARTED}, no_failure);
  tell(STREAM_STATUS, run->events, last, failure);
  bool told = tell(STREAM_ERROR, STDERR_FILENO, last, failure), succeeded = last.kind == EVENT_EXITED && last.a == 0;
  if (!succeeded && isatty(STDERR_FILENO)) tell(STREAM_TERMINAL, STDERR_FILENO, last, failure);
  if (told || last.kind != EVENT_FAILED) return;
  tell_plainly("isolate: ", failure.message, "\n");
  if (failure.hint != NULL) tell_plainly("hint: ", failure.hint, "\n");
}
