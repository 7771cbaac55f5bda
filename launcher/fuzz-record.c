/* libFuzzer target: any bytes as a launch record; what parses must be readable to its last string. */
#include "launcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct record record;
  uint32_t item;
  size_t seen = 0;
  if (!record_parse(bytes, length, &record, &item)) return 0;
  for (char **at = record.arguments.items; *at != NULL; at++) seen += strlen(*at);
  for (char **at = record.environment.items; *at != NULL; at++) seen += strlen(*at);
  for (size_t i = 0; i < record.descriptors.count; i++)
    for (uint32_t j = 0; j < record.descriptors.items[i].content.length; j++) seen += record.descriptors.items[i].content.at[j];
  for (size_t i = 0; i < record.cgroups.count; i++)
    if (record.cgroups.items[i].file != NULL) seen += strlen(record.cgroups.items[i].path) + strlen(record.cgroups.items[i].value);
  for (size_t i = 0; i < record.files.count; i++)
    if (record.files.items[i].content != NULL) seen += strlen(record.files.items[i].path) + strlen(record.files.items[i].content);
  if (record.inside_run != NULL) seen += strlen(record.inside_run) + strlen(record.inside_variable) + strlen(record.inside_directory);
  if (record.join_kind != 0) seen += strlen(record.join_run) + strlen(record.join_start);
  volatile size_t sink = seen;
  (void)sink;
  record_free(&record);
  return 0;
}
