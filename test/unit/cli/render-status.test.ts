import fc from 'fast-check';
import { expect, test } from 'vitest';

import { formatAge } from '../../../src/cli/format-time.ts';
import { renderRuns } from '../../../src/cli/render-runs.ts';
import { renderStatus } from '../../../src/cli/render-status.ts';
import { cutLine } from '../../../src/cli/table.ts';
import type { PoolStatus } from '../../../src/status/pool-status.ts';
import type { RunStatus } from '../../../src/status/status.ts';

process.env['TZ'] = 'UTC';
const nowMs = Date.UTC(2030, 0, 2, 3, 4, 5);
const ago = (seconds: number): number => nowMs - seconds * 1000;

const debian: PoolStatus = {
  template: 'tank/isolate/debian',
  count: 10,
  fresh: 8,
  leased: 2,
  retired: 1,
  kept: ['4'],
  making: 1,
  refreshing: false,
  source: 'tank/isolate/debian@monday',
  stale: 3,
  oldestFreshMs: ago(7300),
  inUse: [
    { clone: '17', state: 'leased', uid: 1000, user: 'ann', sinceMs: ago(61), holders: [{ pid: 4711, command: 'make' }] },
    { clone: '18', state: 'leased', uid: 1001, user: null, sinceMs: ago(1), holders: [{ pid: 12, command: null }] },
    {
      clone: '9',
      state: 'retired',
      uid: null,
      user: null,
      sinceMs: null,
      holders: [
        { pid: 77, command: 'vi' },
        { pid: 78, command: 'sh' },
      ],
    },
    { clone: '19', state: 'leased', uid: null, user: null, sinceMs: null, holders: [] },
  ],
  lastRefresh: { endedMs: ago(90), durationMs: 1234, destroyed: 1, created: 2, kept: [], error: null },
  error: null,
};
const fresh: PoolStatus = {
  ...debian,
  template: 'tank/new',
  count: null,
  fresh: 0,
  leased: 0,
  retired: 0,
  kept: [],
  making: 0,
  stale: 0,
  source: null,
  oldestFreshMs: null,
  inUse: [],
  lastRefresh: null,
};

test('the pools are a table, and so are the clones that somebody uses', () => {
  expect(renderStatus({ daemon: { pid: 321, sinceMs: ago(200_000), serves: true, limits: [] }, pools: [debian, fresh] }, nowMs)).toEqual([
    'daemon: running for 2 d, process 321',
    '',
    'TEMPLATE             SIZE  FRESH  LEASED  RETIRED  KEPT  MAKING  STALE  SNAPSHOT  OLDEST  REFRESHED',
    'tank/isolate/debian    10      8       2        1     1       1      3  monday       2 h  1 min ago, in 1.23 s',
    'tank/new                -      0       0        0     0       0      0  -              -  -',
    '',
    'CLONE  TEMPLATE             STATE    USER  SINCE                 PID  COMMAND',
    '17     tank/isolate/debian  leased   ann   2030-01-02 03:03:04  4711  make',
    '18     tank/isolate/debian  leased   1001  2030-01-02 03:04:04    12  -',
    '9      tank/isolate/debian  retired  -     -                      77  vi and 1 more',
    '19     tank/isolate/debian  leased   -     -                       -  -',
    '4      tank/isolate/debian  kept     -     -                       -  -',
    '',
    'hint: many processes have copies of these clones in their mount namespaces; isolate doctor shows why (propagation)',
  ]);
});

test('problems are below, one per line', () => {
  const error = { code: 'pool-suspended', message: 'The pool tank is suspended.' } as const;
  const full = { code: 'pool-full', message: 'Only 3% of the storage is free.' } as const;
  const failed = { ...fresh, refreshing: true, error };
  const last = {
    ...fresh,
    template: 'tank/full',
    lastRefresh: { endedMs: ago(3), durationMs: 5, destroyed: 0, created: 0, kept: [], error: full },
  };
  const settings = { error: { code: 'bad-config', message: '/etc/isolate/config.toml is not valid.' }, sinceMs: ago(61) } as const;
  expect(renderStatus({ daemon: null, pools: [failed, last], settings }, nowMs)).toEqual([
    'daemon: not running',
    '',
    'TEMPLATE   SIZE  FRESH  LEASED  RETIRED  KEPT  MAKING  STALE  SNAPSHOT  OLDEST  REFRESHED',
    'tank/new      -      0       0        0     0       0      0  -              -  refreshing',
    'tank/full     -      0       0        0     0       0      0  -              -  3 s ago, failed',
    '',
    'settings: the change made 1 min ago is invalid, the previous ones are in use: /etc/isolate/config.toml is not valid.',
    'tank/new: The pool tank is suspended.',
    'tank/full: the last refresh failed: Only 3% of the storage is free.',
  ]);
});

const run: RunStatus = {
  runId: '0123456789abcdef',
  pid: 4711,
  uid: 1000,
  user: 'ann',
  sinceMs: ago(5),
  template: 'tank/debian',
  clone: '17',
  engine: 'bwrap',
  command: ['sh', '-c', 'echo "a b"'],
};

test('runs are a table; a command that may not be known is a dash', () => {
  const others = { ...run, runId: 'fedcba9876543210', pid: 5, user: null, clone: null, command: null };
  expect(renderRuns({ runs: [run, others] })).toEqual([
    'RUN       USER  PID   SINCE                TEMPLATE     ENGINE  COMMAND',
    String.raw`01234567  ann   4711  2030-01-02 03:04:00  tank/debian  bwrap   sh -c "echo \"a b\""`,
    'fedcba98  1000  5     2030-01-02 03:04:00  tank/debian  bwrap   -',
  ]);
});

test('ids that begin alike are shown with enough characters to tell them apart', () => {
  const ids = ['0123456789abcdef', '0123456789ab0000', 'fedcba9876543210'];
  const lines = renderRuns({ runs: ids.map((runId) => ({ ...run, runId })) });
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['RUN', '0123456789abc', '0123456789ab0', 'fedcba9876543']);
});

test('a problem that the last refresh had too is shown once', () => {
  const error = { code: 'pool-suspended', message: 'The pool tank is suspended.' } as const;
  const pool = { ...fresh, error, lastRefresh: { endedMs: ago(3), durationMs: 5, destroyed: 0, created: 0, kept: [], error } };
  expect(renderStatus({ daemon: null, pools: [pool] }, nowMs).slice(4)).toEqual(['', 'tank/new: The pool tank is suspended.']);
});

test('whatever comes from outside, no control character is printed and no line is added', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, text, (template, name, message) => {
      const failure = { code: 'internal', message } as const;
      const pool: PoolStatus = {
        ...debian,
        template,
        source: name,
        error: failure,
        inUse: [{ clone: '1', state: 'leased', uid: 0, user: name, sinceMs: 0, holders: [{ pid: 1, command: message }] }],
      };
      const lines = [
        ...renderStatus({ daemon: null, pools: [pool] }, nowMs),
        ...renderRuns({ runs: [{ ...run, template, user: name, engine: name, command: [message, name] }] }),
      ];
      expect(lines.length).toBe(12);
      // oxlint-disable-next-line no-control-regex
      expect(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/u.test(line))).toEqual([]);
    }),
  );
});

test.each([
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_599_999, '59 min'],
  [3_600_000, '1 h'],
  [172_799_999, '47 h'],
  [172_800_000, '2 d'],
])('%d ms are %s', (durationMs, text) => {
  expect(formatAge(durationMs)).toBe(text);
});

test('a line is cut to a width in whole characters, and only where there is one', () => {
  expect([cutLine('abc', null), cutLine('abc', 3), cutLine('abc', 2), cutLine('a\u{1F600}bc', 2)]).toEqual(['abc', 'abc', 'a>', 'a>']);
});
