/*
 * Parses a launch record. Nothing is done with any of it before all of it was found right: the bytes come from our own
 * encoder, so whatever is odd is a defect or an attack, and is refused whole.
 */
#include "launcher.h"

enum value { NONE, FLAG, NUMBER, PATH, STRING, VARIABLE, DESCRIPTOR, ID_MAP, MOUNT, CGROUP, CGROUP_SETTING };

/* What an item's value is, and where in the record it goes. Lists may have many, all else one. */
struct rule {
  enum value value;
  size_t field;
  size_t element; /* size of one, where the field is a list */
  uint32_t low, high;
  bool once;
};

#define FIELD(name) .field = offsetof(struct record, name)
#define LIST(name) FIELD(name), .element = sizeof(*((struct record *)NULL)->name.items)

/* Indexed by the tags of RECORD.md. */
static const struct rule rules[] = {
    [1] = {PATH, FIELD(file)},
    [2] = {NUMBER, FIELD(file_descriptor), .low = FIRST_PLANNED, .high = LAST_PLANNED},
    [3] = {STRING, LIST(arguments)},
    [4] = {VARIABLE, LIST(environment)},
    [DESCRIPTOR_DATA] = {DESCRIPTOR, LIST(descriptors)},
    [DESCRIPTOR_FILE] = {DESCRIPTOR, LIST(descriptors)},
    [DESCRIPTOR_STAGE] = {DESCRIPTOR, LIST(descriptors), .once = true},
    [DESCRIPTOR_STAGE_STATUS] = {DESCRIPTOR, LIST(descriptors), .once = true},
    [9] = {NUMBER, FIELD(map_writer), .low = MAP_DIRECT, .high = MAP_GIVEN},
    [10] = {ID_MAP, LIST(uid_maps)},
    [11] = {ID_MAP, LIST(gid_maps)},
    [12] = {PATH, FIELD(newuidmap)},
    [13] = {PATH, FIELD(newgidmap)},
    [14] = {NUMBER, FIELD(namespaces), .high = NAMESPACE_MOUNT | NAMESPACE_PID | NAMESPACE_NETWORK | NAMESPACE_USER_MAPS_ONLY},
    [15] = {MOUNT, LIST(host_mounts)},
    [16] = {MOUNT, LIST(sandbox_mounts)},
    [17] = {CGROUP, LIST(cgroups)},
    [18] = {CGROUP_SETTING, LIST(cgroups)},
    [19] = {PATH, FIELD(root)},
    [20] = {PATH, FIELD(working_directory)},
    [21] = {FLAG, FIELD(no_new_privileges)},
    [22] = {PATH, FIELD(seccomp_filter)},
    [23] = {FLAG, FIELD(supervised)},
    [24] = {NUMBER, FIELD(grace_ms), .high = INT32_MAX},
    [25] = {FLAG, FIELD(stage_takes_terminal)},
    [26] = {STRING, FIELD(engine)},
    [27] = {FLAG, FIELD(contained_streams)},
    [28] = {STRING, FIELD(groups_of_run)},
};
enum { RULES = sizeof rules / sizeof rules[0] };
_Static_assert(RULES <= 64, "the tags that were seen are bits of one number");

struct list {
  void *items;
  size_t count;
};

/* What is left of an item; `bad` sticks. Strings are copied to `arena`, which is as large as the body and so never short. */
struct reader {
  const uint8_t *at;
  size_t left;
  char *arena;
  bool bad;
};

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
  if (value < low || value > high) reader->bad = true;
  return value;
}

static const char *take_string(struct reader *reader, size_t length) {
  if (length > reader->left || memchr(reader->at, 0, length) != NULL) reader->bad = true;
  if (reader->bad) return "";
  char *copy = memcpy(reader->arena, reader->at, length);
  copy[length] = 0;
  reader->arena += length + 1;
  reader->at += length;
  reader->left -= length;
  return copy;
}

static const char *take_path(struct reader *reader, size_t length) {
  const char *path = take_string(reader, length);
  if (path[0] != '/') reader->bad = true;
  return path;
}

static void take_making(struct reader *reader, struct mount_operation *operation) {
  bool copies = operation->kind == MOUNT_COPY;
  operation->create = copies ? CREATE_FILE : take_bounded(reader, CREATE_DIRECTORY, CREATE_FILE);
  operation->root = take_path(reader, take_number(reader));
  if (copies) operation->source = take_path(reader, take_number(reader));
  uint32_t layer = copies ? 0 : take_number(reader);
  operation->layer = layer == 0 ? NULL : take_path(reader, layer);
  operation->target = take_path(reader, take_number(reader));
  if (!copies) return;
  operation->otherwise = take_string(reader, take_number(reader));
  operation->line = take_string(reader, take_number(reader));
}

static void take_mount(struct reader *reader, struct mount_operation *operation) {
  operation->kind = take_bounded(reader, MOUNT_BIND, MOUNT_COPY);
  if (operation->kind == MOUNT_MAKE || operation->kind == MOUNT_COPY) return take_making(reader, operation);
  if (operation->kind == MOUNT_DIRECTORY || operation->kind == MOUNT_ATTACH) {
    operation->mode = operation->kind == MOUNT_ATTACH ? 0 : take_bounded(reader, 0, 07777);
    operation->target = take_path(reader, take_number(reader));
    return;
  }
  operation->flags = take_bounded(reader, 0, 31);
  if (operation->kind == MOUNT_BIND) {
    operation->create = take_bounded(reader, CREATE_NONE, CREATE_FILE);
    operation->idmap = take_bounded(reader, IDMAP_NONE, IDMAP_OWNER);
    operation->uid = take_number(reader);
    operation->gid = take_number(reader);
    operation->source = take_path(reader, take_number(reader));
  } else {
    if ((operation->flags & FLAG_RECURSIVE) != 0) reader->bad = true;
    operation->type = take_string(reader, take_number(reader));
    operation->source = take_string(reader, take_number(reader));
  }
  uint32_t root = take_number(reader);
  operation->root = root == 0 ? NULL : take_path(reader, root);
  operation->target = take_path(reader, take_number(reader));
  if (operation->create != CREATE_NONE && operation->root == NULL) reader->bad = true;
  if (operation->kind == MOUNT_FILE_SYSTEM) operation->options = take_string(reader, take_number(reader));
}

static void take_descriptor(struct reader *reader, struct descriptor *descriptor) {
  descriptor->number = take_bounded(reader, FIRST_PLANNED, LAST_PLANNED);
  if (descriptor->kind == DESCRIPTOR_DATA) {
    descriptor->data = reader->at;
    descriptor->length = (uint32_t)reader->left;
    reader->left = 0;
  }
  if (descriptor->kind == DESCRIPTOR_FILE) descriptor->path = take_path(reader, reader->left);
}

static void take_setting(struct reader *reader, struct cgroup *setting) {
  setting->file = take_string(reader, take_number(reader));
  setting->value = take_string(reader, take_number(reader));
  if (setting->file[0] == 0 || strchr(setting->file, '/') != NULL) reader->bad = true;
}

/* `index` is the place in the list of a field that is one. */
static void take_value(struct reader *reader, uint32_t tag, uint32_t item, void *field, size_t index) {
  const struct rule *rule = &rules[tag];
  switch (rule->value) {
  case FLAG: *(bool *)field = true; break;
  case NUMBER: *(uint32_t *)field = take_bounded(reader, rule->low, rule->high); break;
  case PATH: *(const char **)field = take_path(reader, reader->left); break;
  case STRING: *(const char **)field = take_string(reader, reader->left); break;
  case VARIABLE: {
    const char *variable = *(const char **)field = take_string(reader, reader->left);
    if (variable[0] == '=' || strchr(variable, '=') == NULL) reader->bad = true;
    break;
  }
  case DESCRIPTOR:
    *(struct descriptor *)field = (struct descriptor){.item = item, .kind = tag};
    take_descriptor(reader, field);
    break;
  case ID_MAP: {
    uint32_t inside = take_number(reader), outside = take_number(reader), count = take_number(reader);
    if (count == 0 || inside > UINT32_MAX - count || outside > UINT32_MAX - count) reader->bad = true;
    *(struct id_map *)field = (struct id_map){inside, outside, count};
    break;
  }
  case MOUNT:
    *(struct mount_operation *)field = (struct mount_operation){.item = item};
    take_mount(reader, field);
    break;
  case CGROUP: *(struct cgroup *)field = (struct cgroup){.item = item, .path = take_path(reader, reader->left)}; break;
  case CGROUP_SETTING:
    if (index == 0) reader->bad = true;
    else *(struct cgroup *)field = (struct cgroup){.item = item, .path = ((struct cgroup *)field)[-1].path};
    take_setting(reader, field);
    break;
  default: reader->bad = true;
  }
}

/* Goes through all items: without an arena to count those of each list, with one to take their values. */
static bool walk(const uint8_t *at, const uint8_t *end, struct record *record, char *arena, uint32_t *item) {
  uint64_t seen = 0;
  for (*item = 1; end - at >= 8; ++*item) {
    uint32_t tag = number_at(at);
    uint32_t size = number_at(at + 4);
    at += 8;
    if (tag == 0) return size == 0 && at == end;
    if (tag >= RULES || size > (size_t)(end - at)) return false;
    const struct rule *rule = &rules[tag];
    if ((rule->element == 0 || rule->once) && (seen >> tag & 1) != 0) return false;
    seen |= UINT64_C(1) << tag;

    struct reader reader = {.at = at, .left = size, .arena = arena};
    void *field = (char *)record + rule->field;
    struct list *list = field;
    size_t index = rule->element == 0 ? 0 : list->count++;
    if (arena != NULL) {
      take_value(&reader, tag, *item, rule->element == 0 ? field : (char *)list->items + index * rule->element, index);
      if (reader.bad || reader.left != 0) return false;
      arena = reader.arena;
    }
    at += size;
  }
  return false;
}

static bool allocate_lists(struct record *record) {
  for (size_t tag = 1; tag < RULES; tag++) {
    struct list *list = (struct list *)((char *)record + rules[tag].field);
    if (rules[tag].element == 0 || list->items != NULL) continue;
    list->items = calloc(list->count + 1, rules[tag].element);
    list->count = 0;
    if (list->items == NULL) return false;
  }
  return true;
}

static bool needs_user_namespace(const struct mounts *mounts) {
  for (size_t i = 0; i < mounts->count; i++)
    if (mounts->items[i].idmap != IDMAP_NONE) return true;
  return false;
}

static size_t count_attached(const struct mounts *mounts) {
  size_t count = 0;
  for (size_t i = 0; i < mounts->count; i++) count += mounts->items[i].kind == MOUNT_ATTACH;
  return count;
}

/* Kernel id 0 is never part of a map that root writes, whatever the plan says. */
static bool are_fit_maps(const struct id_maps *maps, uint32_t writer) {
  if (writer == MAP_NONE) return maps->count == 0;
  if (writer == MAP_SINGLE && (maps->count != 1 || maps->items[0].count != 1)) return false;
  for (size_t i = 0; i < maps->count; i++)
    if (writer == MAP_DIRECT && maps->items[i].outside == 0) return false;
  return maps->count > 0;
}

static bool is_whole(const struct record *record) {
  bool numbered[LAST_PLANNED + 1] = {false};
  for (size_t i = 0; i < record->descriptors.count; i++) {
    if (numbered[record->descriptors.items[i].number]) return false;
    numbered[record->descriptors.items[i].number] = true;
  }
  if ((record->file == NULL) == (record->file_descriptor == 0)) return false;
  if (record->file_descriptor != 0 && !numbered[record->file_descriptor]) return false;
  if (record->arguments.count == 0 || record->working_directory == NULL) return false;
  if (!are_fit_maps(&record->uid_maps, record->map_writer) || !are_fit_maps(&record->gid_maps, record->map_writer)) return false;
  bool tools = record->map_writer == MAP_BY_TOOLS;
  if (tools != (record->newuidmap != NULL) || tools != (record->newgidmap != NULL)) return false;
  if ((record->namespaces & NAMESPACE_MOUNT) == 0 && record->host_mounts.count + record->sandbox_mounts.count > 0) return false;
  if (needs_user_namespace(&record->sandbox_mounts) || count_attached(&record->host_mounts) > 0) return false;
  if (count_attached(&record->sandbox_mounts) > (record->map_writer == MAP_GIVEN)) return false; /* one comes, with its namespace */
  if (needs_user_namespace(&record->host_mounts) && record->map_writer != MAP_DIRECT) return false;
  return (record->namespaces & NAMESPACE_PID) == 0 || record_descriptor(record, DESCRIPTOR_STAGE_STATUS) != NULL;
}

bool record_parse(const uint8_t *bytes, size_t length, struct record *record, uint32_t *item) {
  *record = (struct record){.grace_ms = 10000};
  *item = 0;
  if (length < RECORD_HEADER || memcmp(bytes, "ISOLREC1", 8) != 0) return false;
  uint32_t body = number_at(bytes + 8);
  if (body > RECORD_BODY_MAX || body != length - RECORD_HEADER) return false;
  const uint8_t *begin = bytes + RECORD_HEADER;
  if (!walk(begin, begin + body, record, NULL, item)) return false;
  record->strings = malloc(body);
  if (record->strings != NULL && allocate_lists(record) && walk(begin, begin + body, record, record->strings, item)) {
    *item = 0;
    if (is_whole(record)) return true;
  }
  record_free(record);
  return false;
}

void record_free(struct record *record) {
  for (size_t tag = 1; tag < RULES; tag++) {
    struct list *list = (struct list *)((char *)record + rules[tag].field);
    if (rules[tag].element == 0) continue;
    free(list->items);
    list->items = NULL;
  }
  free(record->strings);
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
