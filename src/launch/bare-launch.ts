import type { Launch } from './launch.ts';

/** A launch without any of what is around the programs of sandboxes. */
export const bareLaunch = {
  mountNamespace: false,
  pidNamespace: false,
  hostMounts: [],
  sandboxMounts: [],
  cgroups: [],
  root: null,
  workingDirectory: '/',
  seccompFilter: null,
  graceMs: 1000,
  deadlineMs: null,
} as const satisfies Partial<Launch>;
