import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { decodeAcl } from '../../../src/changes/acl.ts';

test('ACLs of files and directories are the entries that getfacl prints', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-acl-'));
  try {
    execFileSync('setfacl', ['-m', 'u:1000:r,u:4294967294:-,g:5:rwx,m::rx,o::-', '-m', 'd:u:7:wx,d:g:8:x', directory]);
    const said = execFileSync('getfacl', ['-n', '-p', '--omit-header', '-E', directory], { encoding: 'utf8' }).split('\n');
    const decoded = [
      ...(decodeAcl(attributeOf(directory, 'system.posix_acl_access')) ?? []),
      ...(decodeAcl(attributeOf(directory, 'system.posix_acl_default')) ?? []).map((entry) => `default:${entry}`),
    ];
    expect(decoded).toEqual(said.filter((line) => line !== ''));
    expect(decoded.length).toBe(13);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([
  ['nothing', []],
  ['another version', [3, 0, 0, 0]],
  ['half an entry', [2, 0, 0, 0, 1, 0, 7, 0]],
  ['an unknown tag', [2, 0, 0, 0, 3, 0, 7, 0, 255, 255, 255, 255]],
  ['unknown permissions', [2, 0, 0, 0, 1, 0, 8, 0, 255, 255, 255, 255]],
])('%s is no ACL', (_, bytes) => {
  expect(decodeAcl(Uint8Array.from(bytes))).toBeNull();
});

function attributeOf(file: string, name: string): Uint8Array {
  const hex = execFileSync('getfattr', ['-n', name, '-e', 'hex', '--only-values', '--absolute-names', file]);
  return new Uint8Array(hex);
}
