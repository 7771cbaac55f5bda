/* Written by scripts/build-schema.ts from src/machine/schema.ts. */
#ifndef CHANNEL_SCHEMA_H
#define CHANNEL_SCHEMA_H

enum { CHANNEL_VERSION = 2, FRAME_BODY_MAX = 32768, STREAM_WINDOW = 131072 };

enum frame_kind {
  FRAME_HOSTNAME = 1,
  FRAME_SHARE = 2,
  FRAME_BIND = 3,
  FRAME_MOUNT = 4,
  FRAME_FILE = 5,
  FRAME_LINK = 6,
  FRAME_INSIDE = 7,
  FRAME_IMAGE = 8,
  FRAME_DISK = 9,
  FRAME_CARD = 10,
  FRAME_ADDRESS = 11,
  FRAME_ROUTE = 12,
  FRAME_WORKING_DIRECTORY = 13,
  FRAME_USER = 14,
  FRAME_COMMAND = 15,
  FRAME_START = 16,
  FRAME_INPUT = 17,
  FRAME_GRANT_OUTPUT = 18,
  FRAME_WINDOW = 19,
  FRAME_SIGNAL = 20,
  FRAME_OUTPUT_UNREAD = 21,
  FRAME_HELLO = 32,
  FRAME_STARTED = 33,
  FRAME_FAILED = 34,
  FRAME_OUTPUT = 35,
  FRAME_ERRORS = 36,
  FRAME_GRANT_INPUT = 37,
  FRAME_INPUT_UNREAD = 38,
  FRAME_STOPPED = 39,
  FRAME_EXITED = 40,
};

/* By kind. `words`: how many numbers the body has; -1: bytes; -2: strings. */
static const struct frame_rule { _Bool known, from_guest; int words; const char *name; } frame_rules[64] = {
  [1] = {1, 0, -2, "hostname"},
  [2] = {1, 0, -2, "share"},
  [3] = {1, 0, -2, "bind"},
  [4] = {1, 0, -2, "mount"},
  [5] = {1, 0, -2, "file"},
  [6] = {1, 0, -2, "link"},
  [7] = {1, 0, -2, "inside"},
  [8] = {1, 0, -2, "image"},
  [9] = {1, 0, -2, "disk"},
  [10] = {1, 0, -2, "card"},
  [11] = {1, 0, -2, "address"},
  [12] = {1, 0, -2, "route"},
  [13] = {1, 0, -2, "working-directory"},
  [14] = {1, 0, -2, "user"},
  [15] = {1, 0, -1, "command"},
  [16] = {1, 0, 5, "start"},
  [17] = {1, 0, -1, "input"},
  [18] = {1, 0, 2, "grant-output"},
  [19] = {1, 0, 4, "window"},
  [20] = {1, 0, 1, "signal"},
  [21] = {1, 0, 1, "output-unread"},
  [32] = {1, 1, 1, "hello"},
  [33] = {1, 1, 0, "started"},
  [34] = {1, 1, 3, "failed"},
  [35] = {1, 1, -1, "output"},
  [36] = {1, 1, -1, "errors"},
  [37] = {1, 1, 1, "grant-input"},
  [38] = {1, 1, 0, "input-unread"},
  [39] = {1, 1, 2, "stopped"},
  [40] = {1, 1, 1, "exited"},
};

#endif
