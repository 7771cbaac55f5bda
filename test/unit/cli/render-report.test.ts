import { expect, test } from 'vitest';

import { formatBar } from '../../../src/cli/progress.ts';
import { isComplete, renderReport, renderReportJson } from '../../../src/cli/render-report.ts';
import { IsolateError } from '../../../src/error.ts';
import type { RefreshReport } from '../../../src/upkeep/report.ts';

const report: RefreshReport = {
  template: 'tank/deb',
  source: 'tank/deb@1',
  leftOut: [],
  gone: false,
  count: 5,
  destroyed: 2,
  created: 3,
  fresh: 5,
  leased: 1,
  stale: 0,
  kept: [],
  sessions: [],
  busy: [],
  failed: [],
  notCreated: null,
  durationMs: 1234,
};

test('a refresh is reported on one line', () => {
  expect(renderReport(report)).toBe('tank/deb: destroyed 2, made 3 in 1.23 s; 5 of 5 fresh, 1 in use, from tank/deb@1\n');
  expect(isComplete(report)).toBe(true);
});

test('each problem has a line', () => {
  const bad: RefreshReport = {
    ...report,
    leftOut: ['tank/deb/var'],
    stale: 1,
    kept: ['9'],
    notCreated: 'Only 3% of the storage of tank/deb is free (10% is needed).',
    busy: [{ id: '7', holders: [{ pid: 12, command: 'sl\u001beep' }], nextAttemptMs: 0 }],
    failed: [{ id: '8', error: new IsolateError('storage-failed', 'It failed.', { cause: new Error('EROFS: read-only') }) }],
  };
  expect(renderReport(bad).split('\n').slice(1)).toEqual([
    'clones lack what is in tank/deb/var, which is a separate dataset',
    '1 fresh clone is of an older snapshot; isolate refresh --force replaces them',
    'clones are missing: only 3% of the storage of tank/deb is free (10% is needed).',
    'tank/deb_9 is kept; zfs inherit isolate:keep tank/deb_9 releases it',
    'clone 7 is still in use by sl\\x1beep (12)',
    'clone 8: It failed. because: EROFS: read-only',
    '',
  ]);
  expect(isComplete(bad)).toBe(false);
  expect(JSON.parse(renderReportJson(bad)).failed).toEqual([
    { id: '8', code: 'storage-failed', message: 'It failed.', causes: ['EROFS: read-only'] },
  ]);
});

test('the bar fills as work is done', () => {
  expect(formatBar({ step: 'create', done: 5, total: 10 })).toBe(`making     [${'#'.repeat(15)}${'.'.repeat(15)}] 5/10`);
  expect(formatBar({ step: 'destroy', done: 0, total: 0 })).toBe(`destroying [${'#'.repeat(30)}] 0/0`);
});
