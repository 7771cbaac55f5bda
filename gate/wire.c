/* Every length comes from the other side: each is compared with what is left before anything is read. */
#include "wire.h"

#include <string.h>

enum { TAG_COUNT = sizeof item_rules / sizeof *item_rules, USE_COUNT = sizeof use_rules / sizeof *use_rules };
static const uint8_t magic[4] = {'I', 'S', 'O', 'M'};

uint32_t wire_get(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void wire_put(uint8_t *bytes, uint32_t number) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(number >> (8 * i));
}

uint32_t wire_kind(const uint8_t *frame) {
  return (uint32_t)frame[6] | (uint32_t)frame[7] << 8;
}

uint32_t wire_number(const struct wire_item *item) {
  return wire_get(item->value);
}

static bool sends(enum wire_side from, uint32_t kind) {
  const unsigned *kinds = from == WIRE_CLIENT ? client_kinds : daemon_kinds;
  size_t count = from == WIRE_CLIENT ? sizeof client_kinds / sizeof *client_kinds : sizeof daemon_kinds / sizeof *daemon_kinds;
  for (size_t i = 0; i < count; i++)
    if (kinds[i] == kind) return true;
  return false;
}

size_t wire_frame_length(const uint8_t *header, enum wire_side from) {
  uint32_t version = (uint32_t)header[4] | (uint32_t)header[5] << 8, length = wire_get(header + 8);
  if (memcmp(header, magic, sizeof magic) != 0 || version != PROTOCOL_VERSION || !sends(from, wire_kind(header))) return 0;
  if (length > (from == WIRE_CLIENT ? CLIENT_BODY_MAX : DAEMON_BODY_MAX)) return 0;
  return WIRE_HEADER + (size_t)length;
}

/* Length of the UTF-8 sequence at `bytes`, or 0: neither overlong forms nor surrogates, nor what is beyond U+10FFFF. */
static size_t sequence(const uint8_t *bytes, size_t left) {
  uint8_t first = bytes[0];
  size_t length = first < 0x80 ? 1 : first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; i++)
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f)) return 0;
  if ((first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f)) return 0;
  return length;
}

static bool is_text(const uint8_t *bytes, size_t length) {
  size_t step;
  for (size_t at = 0; at < length; at += step) {
    step = bytes[at] == 0 ? 0 : sequence(bytes + at, length - at);
    if (step == 0) return false;
  }
  return true;
}

static bool value_fits(const struct wire_item *item) {
  const struct item_rule *rule = &item_rules[item->tag];
  if (item->length > rule->size) return false;
  switch (rule->type) {
  case ITEM_TYPE_U32: return item->length == 4;
  case ITEM_TYPE_STRING: return is_text(item->value, item->length);
  default: return rule->type == ITEM_TYPE_BYTES;
  }
}

/* The item at `*at` of the body, which may be anything; leaves `*at` behind it. */
static bool read_item(const uint8_t *frame, size_t length, size_t *at, struct wire_item *item) {
  size_t left = length - *at;
  if (left < WIRE_ITEM_HEADER) return false;
  *item = (struct wire_item){wire_get(frame + *at), wire_get(frame + *at + 4), frame + *at + WIRE_ITEM_HEADER};
  if (item->length > left - WIRE_ITEM_HEADER) return false;
  *at += WIRE_ITEM_HEADER + item->length;
  return true;
}

bool wire_check(const uint8_t *frame, size_t length, enum wire_side from) {
  uint32_t counts[TAG_COUNT] = {0};
  struct wire_item item;
  if (length < WIRE_HEADER || wire_frame_length(frame, from) != length) return false;
  for (size_t at = WIRE_HEADER; at < length;) {
    if (!read_item(frame, length, &at, &item) || item.tag >= TAG_COUNT || !value_fits(&item)) return false;
    counts[item.tag]++;
  }
  for (size_t i = 0; i < USE_COUNT; i++) {
    if (use_rules[i].kind != wire_kind(frame)) continue;
    if (counts[use_rules[i].tag] < use_rules[i].least || counts[use_rules[i].tag] > use_rules[i].most) return false;
    counts[use_rules[i].tag] = 0;
  }
  /* What is still counted has no place in this message. */
  for (size_t tag = 0; tag < TAG_COUNT; tag++)
    if (counts[tag] != 0) return false;
  return true;
}

bool wire_next(const uint8_t *frame, size_t length, size_t *at, struct wire_item *item) {
  if (*at == 0) *at = WIRE_HEADER;
  return *at < length && read_item(frame, length, at, item);
}

bool wire_find(const uint8_t *frame, size_t length, uint32_t tag, struct wire_item *item) {
  size_t at = 0;
  while (wire_next(frame, length, &at, item))
    if (item->tag == tag) return true;
  return false;
}

void wire_begin(struct wire_writer *writer, void *bytes, size_t size, uint32_t kind) {
  *writer = (struct wire_writer){bytes, size, WIRE_HEADER, size < WIRE_HEADER};
  if (writer->failed) return;
  memcpy(writer->bytes, magic, sizeof magic);
  wire_put(writer->bytes + 4, PROTOCOL_VERSION | kind << 16);
  wire_put(writer->bytes + 8, 0);
}

void wire_add(struct wire_writer *writer, uint32_t tag, const void *value, size_t length) {
  size_t left = writer->failed ? 0 : writer->size - writer->length;
  writer->failed = writer->failed || left < WIRE_ITEM_HEADER || length > left - WIRE_ITEM_HEADER || length > UINT32_MAX;
  if (writer->failed) return;
  wire_put(writer->bytes + writer->length, tag);
  wire_put(writer->bytes + writer->length + 4, (uint32_t)length);
  if (length > 0) memcpy(writer->bytes + writer->length + WIRE_ITEM_HEADER, value, length);
  writer->length += WIRE_ITEM_HEADER + length;
}

void wire_add_text(struct wire_writer *writer, uint32_t tag, const char *text) {
  wire_add(writer, tag, text, strlen(text));
}

void wire_add_number(struct wire_writer *writer, uint32_t tag, uint32_t number) {
  uint8_t bytes[4];
  wire_put(bytes, number);
  wire_add(writer, tag, bytes, sizeof bytes);
}

size_t wire_end(struct wire_writer *writer, enum wire_side from) {
  size_t body = writer->length - WIRE_HEADER;
  if (writer->failed || body > UINT32_MAX) return 0;
  wire_put(writer->bytes + 8, (uint32_t)body);
  return wire_check(writer->bytes, writer->length, from) ? writer->length : 0;
}
