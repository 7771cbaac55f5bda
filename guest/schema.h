/* Written by scripts/build-schema.ts from src/machine/schema.ts. */
#ifndef CHANNEL_SCHEMA_H
#define CHANNEL_SCHEMA_H

enum { CHANNEL_VERSION = 1, FRAME_BODY_MAX = 32768, STREAM_WINDOW = 131072 };

enum frame_kind {
  FRAME_HOSTNAME = 1,
  FRAME_SHARE = 2,
  FRAME_BIND = 3,
  FRAME_MOUNT = 4,
  FRAME_FILE = 5,
  FRAME_LINK = 6,
  FRAME_NETWORK = 7,
  FRAME_WORKING_DIRECTORY = 8,
  FRAME_USER = 9,
  FRAME_COMMAND = 10,
  FRAME_START = 11,
  FRAME_INPUT = 12,
  FRAME_GRANT_OUTPUT = 13,
  FRAME_WINDOW = 14,
  FRAME_SIGNAL = 15,
  FRAME_OUTPUT_UNREAD = 16,
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
static const struct frame_rule { _Bool known, from_guest; int words; } frame_rules[64] = {
  [1] = {1, 0, -2},
  [2] = {1, 0, -2},
  [3] = {1, 0, -2},
  [4] = {1, 0, -2},
  [5] = {1, 0, -2},
  [6] = {1, 0, -2},
  [7] = {1, 0, -2},
  [8] = {1, 0, -2},
  [9] = {1, 0, -2},
  [10] = {1, 0, -1},
  [11] = {1, 0, 5},
  [12] = {1, 0, -1},
  [13] = {1, 0, 2},
  [14] = {1, 0, 4},
  [15] = {1, 0, 1},
  [16] = {1, 0, 1},
  [32] = {1, 1, 1},
  [33] = {1, 1, 0},
  [34] = {1, 1, 3},
  [35] = {1, 1, -1},
  [36] = {1, 1, -1},
  [37] = {1, 1, 1},
  [38] = {1, 1, 0},
  [39] = {1, 1, 2},
  [40] = {1, 1, 1},
};

#endif
