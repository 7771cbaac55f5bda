/* Whether a record that was read makes sense as a whole: what no item alone can show. */
#include "launcher.h"

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

size_t record_trees(const struct record *record) {
  return count_attached(&record->host_mounts) + count_attached(&record->sandbox_mounts);
}

/* Where they are made, what they need; trees come with their namespace and so after that was entered, or one for root. */
static bool are_fit_mounts(const struct record *record, const struct mount_operations *mounts) {
  bool inside = mounts == &record->sandbox_mounts;
  for (size_t i = 0; i < mounts->count; i++) {
    const struct mount_operation *operation = &mounts->items[i];
    if (operation->idmap != IDMAP_NONE && (inside || record->map_writer != MAP_DIRECT)) return false;
    if (operation->create != CREATE_NONE && operation->root == NULL) return false;
  }
  bool comes = inside ? record->map_writer == MAP_GIVEN : record->map_writer == MAP_DIRECT || record->map_writer == MAP_NONE;
  size_t most = inside ? TREES_MAX : 1;
  if (count_attached(mounts) > (comes ? most : 0)) return false;
  return mounts->count == 0 || (record->namespaces & NAMESPACE_MOUNT) != 0;
}

static bool has_command(const struct record *record) {
  for (size_t i = 0; i < record->descriptors.count; i++) {
    const struct descriptor *descriptor = &record->descriptors.items[i];
    if (descriptor->number == record->inside_command) return descriptor->kind == TAG_DESCRIPTOR_DATA;
  }
  return false;
}

/* What holds for every record. */
static bool is_sound(const struct record *record) {
  bool numbered[LAST_PLANNED + 1] = {false};
  for (size_t i = 0; i < record->descriptors.count; i++) {
    if (numbered[record->descriptors.items[i].number]) return false;
    numbered[record->descriptors.items[i].number] = true;
  }
  if (record->inside_run != NULL && !has_command(record)) return false;
  if (record->groups.count > (record->map_writer == MAP_NONE ? 0 : GROUPS_MAX)) return false;
  if (record->file != NULL ? record->file_descriptor != 0 : !numbered[record->file_descriptor]) return false;
  if (!are_fit_maps(&record->uid_maps, record->map_writer) || !are_fit_maps(&record->gid_maps, record->map_writer)) return false;
  bool tools = record->map_writer == MAP_NEWIDMAP;
  if (tools != (record->newuidmap != NULL) || tools != (record->newgidmap != NULL)) return false;
  if (record->shelf != NULL && count_attached(&record->host_mounts) == 0) return false;
  if (!are_fit_mounts(record, &record->host_mounts) || !are_fit_mounts(record, &record->sandbox_mounts)) return false;
  return (record->namespaces & NAMESPACE_PID) == 0 || record_descriptor(record, TAG_DESCRIPTOR_STAGE_STATUS) != NULL;
}

/* Everything else of a launch is the run's own and no companion's. */
bool record_is_program(const struct record *record) {
  const size_t counts[] = {record->uid_maps.count, record->gid_maps.count, record->host_mounts.count, record->sandbox_mounts.count,
                           record->cgroups.count,  record->files.count,    record->groups.count,      record->companions.count};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (counts[i] > 0) return false;
  return is_sound(record) && record->namespaces == 0 && record->map_writer == MAP_NONE && record->root == NULL && record->deadline_ms == 0 &&
         record->inside_run == NULL && record->join_kind == 0 && !record->dies_with_parent &&
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

/* Each end of a channel has one program. */
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
    if (!fit || !record_parse_program(companion->program.at, companion->program.length, &program, &item)) return false;
    fit = note_channels(&program, &ends);
    record_free(&program);
  }
  return fit && (ends & 0x55555555) == (ends >> 1 & 0x55555555);
}

/* It has everything else from the run. */
static bool is_fit_join(const struct record *record) {
  const size_t counts[] = {record->uid_maps.count, record->host_mounts.count, record->sandbox_mounts.count, record->cgroups.count,
                           record->groups.count,   record->companions.count};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (counts[i] > 0) return false;
  bool staged = record_descriptor(record, TAG_DESCRIPTOR_STAGE_STATUS) != NULL;
  return staged == (record->join_kind == JOIN_SANDBOX) && record->file == NULL && record->map_writer == MAP_NONE && record->namespaces == 0 &&
         record->root == NULL && record->groups_of_run == NULL && record->seccomp_filter == NULL && record->inside_run == NULL;
}

bool record_is_launch(const struct record *record) {
  return is_sound(record) && are_fit_companions(record) && (record->join_kind == 0 || is_fit_join(record));
}
