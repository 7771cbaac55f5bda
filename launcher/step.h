/* The steps a launch can fail in; `a` of the event `failed`. Mirrored by src/process/launch-events.ts. */
#ifndef STEP_H
#define STEP_H

enum step {
  STEP_RECORD = 1,
  STEP_SUPERVISION = 2,
  STEP_FILTER_FILE = 3,
  STEP_USER_NAMESPACE = 4,
  STEP_ID_MAP = 5,
  STEP_CGROUP = 6,
  STEP_TERMINAL = 7,
  STEP_PROCESS_NAMESPACE = 8,
  STEP_DESCRIPTOR = 9,
  STEP_KEYRING = 10,
  STEP_SESSION = 11,
  STEP_MOUNT_NAMESPACE = 12,
  STEP_MOUNT = 13,
  STEP_IDENTITY = 14,
  STEP_ROOT = 15,
  STEP_WORKING_DIRECTORY = 16,
  STEP_NO_NEW_PRIVILEGES = 17,
  STEP_FILTER = 18,
  STEP_EXECUTE = 19,
  STEP_ENGINE = 20,
  STEP_NETWORK_NAMESPACE = 21,
};

#endif
