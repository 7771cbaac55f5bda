import { expect, test } from 'vitest';

import { emptyTarReport, readCheckpoint, reportLine } from '../../../../src/template/fill/tar-report.ts';

test('what tar did about names so that they stay inside is no failure', () => {
  const lines = [
    "tar: Removing leading `/' from member names",
    "tar: Removing leading `/' from hard link targets",
    "tar: acl_delete_def_file_at: Cannot drop default POSIX ACLs for file '.': Operation not supported",
    '',
  ];
  expect(lines.reduce(reportLine, emptyTarReport)).toEqual(emptyTarReport);
});

test('devices and attributes are counted', () => {
  const lines = [
    'tar: usr/disk: Cannot mknod: Operation not permitted',
    "tar: setxattrat: Cannot set 'user.a' extended attribute for file 'usr/x': Operation not supported",
    "tar: setxattrat: Cannot set 'security.selinux' extended attribute for file 'usr/x': Operation not permitted",
    "tar: acl_set_file_at: Cannot set POSIX ACLs for file 'usr/x': Invalid argument",
    'tar: Exiting with failure status due to previous errors',
  ];
  expect(lines.reduce(reportLine, emptyTarReport)).toEqual({ ...emptyTarReport, devices: 1, attributes: 3 });
});

test('more attributes than a file can have are no full disk', () => {
  const line = "tar: setxattrat: Cannot set 'user.a' extended attribute for file 'usr/x': No space left on device";
  expect(reportLine(emptyTarReport, line)).toEqual({ ...emptyTarReport, error: line, errors: 1 });
});

test('the first error is kept, and a full disk is noticed', () => {
  const lines = ['tar: a: Cannot open: File exists', 'tar: b: Wrote only 2048 of 10240 bytes'];
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
