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

/* Kernel id 0 is never part of a map that root writes, whatever the plan says. */
static bool are_fit_maps(const struct id_maps *maps, uint32_t writer) {
  if (writer == MAP_NONE) return maps->count == 0;
  if (writer == MAP_SINGLE && (maps->count != 1 || maps->items[0].count != 1)) return false;
  for (size_t i = 0; i < maps->count; i++) {
    const struct id_map *map = &maps->items[i];
    if (map->inside > UINT32_MAX - map->count || map->outside > UINT32_MAX - map->count) return false;
    if (writer == MAP_DIRECT && map->outside == 0) return false;
  }
  return maps->count > 0;
}

static size_t count_attached(const struct mount_operations *mounts) {
  size_t count = 0;
  for (size_t i = 0; i < mounts->count; i++) count += mounts->items[i].kind == MOUNT_ATTACH;
  return count;
}

bool record_needs_tree(const struct record *record) {
  return record->map_writer == MAP_GIVEN || count_attached(&record->host_mounts) > 0;
}

/* Where they are made, what they need; one tree comes, with its namespace and so after that was entered, or for root. */
static bool are_fit_mounts(const struct record *record, const struct mount_operations *mounts) {
  bool inside = mounts == &record->sandbox_mounts;
  for (size_t i = 0; i < mounts->count; i++) {
    const struct mount_operation *operation = &mounts->items[i];
    if (operation->idmap != IDMAP_NONE && (inside || record->map_writer != MAP_DIRECT)) return false;
    if (operation->create != CREATE_NONE && operation->root == NULL) return false;
  }
  bool comes = inside ? record->map_writer == MAP_GIVEN : record->map_writer == MAP_DIRECT || record->map_writer == MAP_NONE;
  if (count_attached(mounts) > comes) return false;
  return mounts->count == 0 || (record->namespaces & NAMESPACE_MOUNT) != 0;
}

static bool parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item, bool alone);

/* Everything else of a launch is the run's own and no companion's. */
static bool is_program(const struct record *record) {
  const size_t counts[] = {record->uid_maps.count, record->gid_maps.count, record->host_mounts.count, record->sandbox_mounts.count,
                           record->cgroups.count,  record->files.count,    record->groups.count,      record->companions.count};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (counts[i] > 0) return false;
  return record->namespaces == 0 && record->map_writer == MAP_NONE && record->root == NULL && record->deadline_ms == 0 &&
         record->groups_of_run == NULL && !record->supervised && !record->contained_streams &&
         record_descriptor(record, TAG_DESCRIPTOR_STAGE) == NULL && record_descriptor(record, TAG_DESCRIPTOR_STAGE_STATUS) == NULL;
}

/* False for an end that another program has. */
static bool note_channels(const struct record *program, uint32_t *ends) {
  for (size_t i = 0; i < program->descriptors.count; i++) {
    const struct descriptor *descriptor = &program->descriptors.items[i];
    uint32_t bit = 1u << (descriptor->channel * 2 + descriptor->end);
    if (descriptor->kind != TAG_DESCRIPTOR_CHANNEL) continue;
    if ((*ends & bit) != 0) return false;
    *ends |= bit;
  }
  return true;
}

/* Whether their records are those of companions, and each end of a channel has one program. */
static bool are_fit_companions(const struct record *record) {
  struct record program;
  uint32_t item, ends = 0;
  /* In the process namespace of the command, which has the same ids there, it would give the command the host's files: /proc/PID/root. */
  bool sandbox_ids = record->map_writer != MAP_NONE && (record->namespaces & NAMESPACE_PID) == 0;
  bool fit = record->companions.count <= COMPANIONS_MAX && note_channels(record, &ends);
  fit = fit && record_descriptor(record, TAG_DESCRIPTOR_READY) == NULL;
  for (size_t i = 0; fit && i < record->companions.count; i++) {
    const struct companion *companion = &record->companions.items[i];
    fit = companion->name[0] != 0 && (companion->identity == IDENTITY_CALLER || sandbox_ids);
    if (!fit || !parse(companion->program.at, companion->program.length, &program, &item, true)) return false;
    fit = is_program(&program) && note_channels(&program, &ends);
    record_free(&program);
  }
  return fit && (ends & 0x55555555) == (ends >> 1 & 0x55555555);
}

static bool is_whole(const struct record *record, bool alone) {
  bool numbered[LAST_PLANNED + 1] = {false};
  for (size_t i = 0; i < record->descriptors.count; i++) {
    if (numbered[record->descriptors.items[i].number]) return false;
    numbered[record->descriptors.items[i].number] = true;
  }
  if (record->groups.count > (record->map_writer == MAP_NONE ? 0 : GROUPS_MAX)) return false;
  if ((record->file == NULL) == (record->file_descriptor == 0)) return false;
  if (record->file_descriptor != 0 && !numbered[record->file_descriptor]) return false;
  if (!are_fit_maps(&record->uid_maps, record->map_writer) || !are_fit_maps(&record->gid_maps, record->map_writer)) return false;
  bool tools = record->map_writer == MAP_NEWIDMAP;
  if (tools != (record->newuidmap != NULL) || tools != (record->newgidmap != NULL)) return false;
  if (!are_fit_mounts(record, &record->host_mounts) || !are_fit_mounts(record, &record->sandbox_mounts)) return false;
  if ((record->namespaces & NAMESPACE_PID) != 0 && record_descriptor(record, TAG_DESCRIPTOR_STAGE_STATUS) == NULL) return false;
  return alone || are_fit_companions(record);
}

static bool parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item, bool alone) {
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
    if (is_whole(record, alone)) return true;
  }
  record_free(record);
  return false;
}

bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  return parse(bytes, length, record, item, false);
}

bool record_parse_program(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  return parse(bytes, length, record, item, true);
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
