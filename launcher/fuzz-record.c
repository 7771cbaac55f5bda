/* libFuzzer target: any bytes as a launch record; what parses must be readable to its last string. */
#include <string.h>

#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct record record;
  uint32_t item;
  size_t seen = 0;
  if (!record_parse(bytes, length, &record, &item)) return 0;
  for (char **at = record.arguments; *at != NULL; at++) seen += strlen(*at);
  for (char **at = record.environment; *at != NULL; at++) seen += strlen(*at);
  for (size_t i = 0; i < record.descriptor_count; i++)
    for (uint32_t j = 0; j < record.descriptors[i].length; j++) seen += record.descriptors[i].data[j];
  for (size_t i = 0; i < record.cgroup_count; i++)
    for (size_t j = 0; j < record.cgroups[i].setting_count; j++) seen += strlen(record.cgroups[i].settings[j].value);
  volatile size_t sink = seen;
  (void)sink;
  record_free(&record);
  return 0;
}
