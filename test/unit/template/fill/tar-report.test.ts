import { expect, test } from 'vitest';

import { emptyTarReport, readCheckpoint, reportLine } from '../../../../src/template/fill/tar-report.ts';

test('what tar did about names so that they stay inside is no failure', () => {
  const lines = ["tar: Removing leading `/' from member names", "tar: Removing leading `/' from hard link targets", ''];
  expect(lines.reduce(reportLine, emptyTarReport)).toEqual(emptyTarReport);
});

test('devices and attributes are counted', () => {
  const lines = [
    'tar: usr/disk: Cannot mknod: Operation not permitted',
    'tar: usr/x: Warning: Cannot setxattrat: Operation not supported',
    'tar: Exiting with failure status due to previous errors',
  ];
  expect(lines.reduce(reportLine, emptyTarReport)).toEqual({ ...emptyTarReport, devices: 1, attributes: 1 });
});

test('the first error is kept, and a full disk is noticed', () => {
  const lines = ['tar: a: Cannot open: File exists', 'tar: b: Cannot write: No space left on device'];
  expect(lines.reduce(reportLine, emptyTarReport)).toEqual({
    ...emptyTarReport,
    full: true,
    errors: 2,
    error: 'tar: a: Cannot open: File exists',
  });
});

test('a checkpoint tells how much was read, and no name can pass for one', () => {
  expect(readCheckpoint('tar: Read checkpoint 1024')).toBe(10_485_760);
  expect(readCheckpoint('tar: Read checkpoint 7: Cannot open: File exists')).toBeNull();
});
