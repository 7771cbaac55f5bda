import { expect, test } from 'vitest';

import type { DaemonAnswer } from '../../../src/host/survey/daemon.ts';
import { checkUnits } from '../../../src/host/survey/units.ts';

test.each<[string, DaemonAnswer, object]>([
  [
    'keeps the pools',
    { kind: 'serves', pid: 1, templates: [], limits: [] },
    { state: 'ok', fact: 'pools are maintained by the daemon; systemd does not run here' },
  ],
  [
    'is not there',
    { kind: 'none' },
    {
      state: 'limited',
      fact: 'systemd does not run here, so nothing refills pools by itself',
      hint: 'isolate serve, as root',
    },
  ],
  [
    'may not be asked',
    { kind: 'not-permitted', reason: '', hint: '' },
    { state: 'limited', fact: 'systemd does not run here, and you may not ask whether a daemon refills pools' },
  ],
])('without systemd, where a daemon %s, that is what is told of refilling', (_what, answer, check) => {
  expect(checkUnits(answer, false)).toEqual({ id: 'units', ...check });
});
