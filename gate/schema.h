/* Written by scripts/build-schema.ts from src/wire/schema.ts. */
#ifndef SCHEMA_H
#define SCHEMA_H

enum { PROTOCOL_VERSION = 1, CLIENT_BODY_MAX = 1048576, DAEMON_BODY_MAX = 17825792 };

enum item_tag {
  ITEM_ARGUMENT = 1,
  ITEM_DIRECTORY = 2,
  ITEM_VARIABLE = 3,
  ITEM_TERMINAL = 4,
  ITEM_TEMPLATE = 5,
  ITEM_WAIT_MS = 6,
  ITEM_ENGINE = 7,
  ITEM_TARGET = 8,
  ITEM_PATH_FACTS = 9,
  ITEM_FILE_CONTENT = 10,
  ITEM_MISSING = 11,
  ITEM_OUTCOME = 12,
  ITEM_NUMBER = 13,
  ITEM_QUERY = 14,
  ITEM_LIMIT = 15,
  ITEM_RUN = 16,
  ITEM_RECORD = 20,
  ITEM_STATUS = 21,
  ITEM_TEXT = 22,
  ITEM_JSON = 23,
  ITEM_STAT_PATH = 24,
  ITEM_READ_PATH = 25,
  ITEM_VARIABLE_NAME = 26,
  ITEM_UID_MAP = 27,
  ITEM_GID_MAP = 28,
};
enum message_kind {
  MESSAGE_RUN = 1,
  MESSAGE_LEASE = 2,
  MESSAGE_ANSWER = 3,
  MESSAGE_MOUNT = 4,
  MESSAGE_ENDED = 5,
  MESSAGE_QUERY = 6,
  MESSAGE_JOIN = 7,
  MESSAGE_LAUNCH = 33,
  MESSAGE_REFUSE = 34,
  MESSAGE_FALLBACK = 35,
  MESSAGE_ASK = 36,
  MESSAGE_MESSAGE = 37,
  MESSAGE_LEASED = 38,
  MESSAGE_TREE = 39,
  MESSAGE_TEXT = 40,
  MESSAGE_JOINED = 41,
};
enum item_type { ITEM_TYPE_U32 = 1, ITEM_TYPE_STRING = 2, ITEM_TYPE_BYTES = 3 };

/* By tag. */
static const struct item_rule { unsigned type, size; } item_rules[] = {
  [1] = {ITEM_TYPE_STRING, 131072},
  [2] = {ITEM_TYPE_STRING, 4096},
  [3] = {ITEM_TYPE_STRING, 131072},
  [4] = {ITEM_TYPE_U32, 4},
  [5] = {ITEM_TYPE_STRING, 255},
  [6] = {ITEM_TYPE_U32, 4},
  [7] = {ITEM_TYPE_STRING, 32},
  [8] = {ITEM_TYPE_STRING, 4096},
  [9] = {ITEM_TYPE_BYTES, 24},
  [10] = {ITEM_TYPE_BYTES, 262144},
  [11] = {ITEM_TYPE_U32, 4},
  [12] = {ITEM_TYPE_U32, 4},
  [13] = {ITEM_TYPE_U32, 4},
  [14] = {ITEM_TYPE_STRING, 32},
  [15] = {ITEM_TYPE_STRING, 64},
  [16] = {ITEM_TYPE_STRING, 16},
  [20] = {ITEM_TYPE_BYTES, 16777228},
  [21] = {ITEM_TYPE_U32, 4},
  [22] = {ITEM_TYPE_STRING, 16777216},
  [23] = {ITEM_TYPE_STRING, 16777216},
  [24] = {ITEM_TYPE_STRING, 4096},
  [25] = {ITEM_TYPE_STRING, 4096},
  [26] = {ITEM_TYPE_STRING, 4096},
  [27] = {ITEM_TYPE_BYTES, 12},
  [28] = {ITEM_TYPE_BYTES, 12},
};
/* Which items a message has, and how often. */
static const struct use_rule { unsigned kind, tag, least, most; } use_rules[] = {
  {1, 1, 0, 32768},
  {1, 2, 1, 1},
  {1, 3, 0, 64},
  {1, 4, 1, 1},
  {2, 5, 1, 1},
  {2, 6, 1, 1},
  {2, 7, 1, 1},
  {2, 8, 0, 1024},
  {2, 1, 1, 256},
  {2, 15, 0, 3},
  {3, 9, 0, 1024},
  {3, 10, 0, 64},
  {3, 3, 0, 1024},
  {3, 11, 0, 2112},
  {5, 12, 1, 1},
  {5, 13, 1, 1},
  {6, 14, 1, 1},
  {7, 16, 1, 1},
  {33, 20, 1, 1},
  {34, 21, 1, 1},
  {34, 22, 1, 1},
  {34, 23, 1, 1},
  {36, 24, 0, 1024},
  {36, 25, 0, 64},
  {36, 26, 0, 1024},
  {37, 22, 1, 1},
  {38, 23, 1, 1},
  {39, 27, 1, 340},
  {39, 28, 1, 340},
  {40, 23, 1, 1},
};
static const unsigned client_kinds[] = {1, 2, 3, 4, 5, 6, 7};
static const unsigned daemon_kinds[] = {33, 34, 35, 36, 37, 38, 39, 40, 41};
static const char *const caller_variables[] = {"TERM", "PRE_SPAWN_HOOK", "POST_SPAWN_HOOK", "DISABLE_SECCOMP_WRAPPER", "LXC_NET_BR", "LXC_MAP_TUN", "LXC_CPU_QUOTA", "LXC_MEM_MB_QUOTA", "DEBUG_LXC_SPAWN"};

#endif
