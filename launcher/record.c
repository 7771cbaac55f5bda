/*
 * Parses a launch record by the tables of schema.h. Nothing is done before all of it has been found valid. The bytes come from our own
 * encoder, so anything odd is a bug or an attack, and the whole record is refused.
 */
#include "launcher.h"

enum { RULES = sizeof rules / sizeof *rules };

/* As all lists of the record are, */
struct list {
  void *items;
  size_t count;
};

/* and as all their elements begin that are structures. */
struct mark {
  uint32_t item, kind;
};

/* What is left of an item; `bad` sticks. Texts are copied to `arena`, which is as large as the body and so never short. */
struct reader {
  const uint8_t *at;
  size_t left;
  char *arena;
  bool bad;
};

/* The list of the record that the items of a rule go into, or NULL. */
static struct list *list_of(struct record *record, const struct rule *rule) {
  return rule->size == 0 ? NULL : (struct list *)((char *)record + rule->offset);
}

static uint32_t number_at(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t take_number(struct reader *reader) {
  if (reader->left < 4) reader->bad = true;
  if (reader->bad) return 0;
  reader->at += 4;
  reader->left -= 4;
  return number_at(reader->at - 4);
}

static uint32_t take_bounded(struct reader *reader, uint32_t low, uint32_t high) {
  uint32_t value = take_number(reader);
  if (value >= low && value <= high) return value;
  reader->bad = true;
  return 0;
}

static struct bytes take_bytes(struct reader *reader) {
  struct bytes bytes = {.length = take_number(reader)};
  bytes.at = reader->at;
  if (bytes.length > reader->left) reader->bad = true;
  if (reader->bad) return (struct bytes){0};
  reader->at += bytes.length;
  reader->left -= bytes.length;
  return bytes;
}

static const char *take_text(struct reader *reader) {
  struct bytes bytes = take_bytes(reader);
  if (bytes.length > 0 && memchr(bytes.at, 0, bytes.length) != NULL) reader->bad = true;
  if (reader->bad) return "";
  char *copy = reader->arena;
  if (bytes.length > 0) memcpy(copy, bytes.at, bytes.length);
  copy[bytes.length] = 0;
  reader->arena += bytes.length + 1;
  return copy;
}

static const char *take_path(struct reader *reader, bool optional) {
  const char *path = take_text(reader);
  if (optional && path[0] == 0) return NULL;
  if (path[0] != '/') reader->bad = true;
  return path;
}

static void take_field(struct reader *reader, const struct field *field, char *target) {
  void *at = target + field->offset;
  const char **text = at;
  switch (field->type) {
  case FIELD_FLAG: *(bool *)at = true; break;
  case FIELD_NUMBER: *(uint32_t *)at = take_bounded(reader, field->low, field->high); break;
  case FIELD_BITS:
    *(uint32_t *)at = take_number(reader);
    if ((*(uint32_t *)at & ~field->high) != 0) reader->bad = true;
    break;
  case FIELD_TEXT: *text = take_text(reader); break;
  case FIELD_PATH: *text = take_path(reader, false); break;
  case FIELD_OPTIONAL_PATH: *text = take_path(reader, true); break;
  case FIELD_NAME:
    *text = take_text(reader);
    if (**text == 0 || strchr(*text, '/') != NULL) reader->bad = true;
    break;
  case FIELD_VARIABLE:
    *text = take_text(reader);
    if (**text == '=' || strchr(*text, '=') == NULL) reader->bad = true;
    break;
  case FIELD_BYTES: *(struct bytes *)at = take_bytes(reader);
  }
}

/* `target`: an element of the rule's list, or the record itself. */
static void take_item(struct reader *reader, uint32_t tag, uint32_t item, void *target) {
  const struct rule *rule = &rules[tag];
  uint32_t kind = rule->kinds == NULL ? tag : take_bounded(reader, 1, (uint32_t)rule->kind_count - 1);
  const struct shape *shape = rule->kinds == NULL ? &rule->shape : &rule->kinds[kind];
  if (rule->size > sizeof(char *)) *(struct mark *)target = (struct mark){item, kind};
  for (size_t i = 0; i < shape->count; i++) take_field(reader, &shape->fields[i], target);
}

static bool are_all_seen(const bool seen[RULES]) {
  for (size_t tag = 1; tag < RULES; tag++)
    if (rules[tag].required && !seen[tag]) return false;
  return true;
}

/* Goes through all items: without an arena to count those of each list, with one to take their values. */
static bool walk(const uint8_t *at, const uint8_t *end, struct record *record, char *arena, uint32_t *item) {
  bool seen[RULES] = {true};
  for (*item = 1; end - at >= 8; ++*item) {
    uint32_t tag = number_at(at);
    uint32_t size = number_at(at + 4);
    at += 8;
    if (tag == 0) return size == 0 && at == end && are_all_seen(seen);
    if (tag >= RULES || size > (size_t)(end - at) || (rules[tag].once && seen[tag])) return false;
    seen[tag] = true;

    struct list *list = list_of(record, &rules[tag]);
    size_t index = list == NULL ? 0 : list->count++;
    if (arena != NULL) {
      struct reader reader = {.at = at, .left = size, .arena = arena};
      take_item(&reader, tag, *item, list == NULL ? (void *)record : (char *)list->items + index * rules[tag].size);
      if (reader.bad || reader.left != 0) return false;
      arena = reader.arena;
    }
    at += size;
  }
  return false;
}

static bool allocate_lists(struct record *record) {
  for (size_t tag = 1; tag < RULES; tag++) {
    struct list *list = list_of(record, &rules[tag]);
    if (list == NULL || list->items != NULL) continue;
    list->items = calloc(list->count + 1, rules[tag].size);
    list->count = 0;
    if (list->items == NULL) return false;
  }
  return true;
}

static bool parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item, bool (*is_fit)(const struct record *)) {
  *record = (struct record){0};
  *item = 0;
  if (length < RECORD_HEADER || memcmp(bytes, "ISOLREC1", 8) != 0) return false;
  uint32_t body = number_at(bytes + 8);
  if (body > RECORD_BODY_MAX || body != length - RECORD_HEADER) return false;
  const uint8_t *begin = bytes + RECORD_HEADER;
  if (!walk(begin, begin + body, record, NULL, item)) return false;
  record->texts = malloc(body);
  if (record->texts != NULL && allocate_lists(record) && walk(begin, begin + body, record, record->texts, item)) {
    *item = 0;
    record->whole = (struct bytes){bytes, (uint32_t)length};
    if (is_fit(record)) return true;
  }
  record_free(record);
  return false;
}

bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  return parse(bytes, length, record, item, record_is_launch);
}

bool record_parse_program(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  return parse(bytes, length, record, item, record_is_program);
}

void record_free(struct record *record) {
  for (size_t tag = 1; tag < RULES; tag++) {
    struct list *list = list_of(record, &rules[tag]);
    if (list == NULL) continue;
    free(list->items);
    list->items = NULL;
  }
  free(record->texts);
  record->texts = NULL;
}

const struct descriptor *record_descriptor(const struct record *record, uint32_t kind) {
  for (size_t i = 0; i < record->descriptors.count; i++)
    if (record->descriptors.items[i].kind == kind) return &record->descriptors.items[i];
  return NULL;
}

static bool read_whole(int fd, uint8_t *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t count = read(fd, bytes + at, length - at);
    if (count == 0 || (count < 0 && errno != EINTR)) return false;
    if (count > 0) at += (size_t)count;
  }
  return true;
}

bool record_read(int fd, struct record *record, uint32_t *item) {
  uint8_t header[RECORD_HEADER];
  *item = 0;
  if (!read_whole(fd, header, sizeof header)) return false;
  uint32_t body = number_at(header + 8);
  uint8_t *bytes = body > RECORD_BODY_MAX ? NULL : malloc(sizeof header + body);
  if (bytes == NULL) return false;
  memcpy(bytes, header, sizeof header);
  bool whole = read_whole(fd, bytes + sizeof header, body) && record_parse(bytes, sizeof header + body, record, item);
  if (whole) record->bytes = bytes;
  else free(bytes);
  return whole;
}
