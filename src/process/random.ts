import { readFileSync } from 'node:fs';

/** 16 random hex digits (random(4)), from the kernel: node:crypto would take long to load. */
export function makeRandom(): string {
  return readFileSync('/proc/sys/kernel/random/uuid', 'latin1').replaceAll('-', '').slice(16, 32);
}
