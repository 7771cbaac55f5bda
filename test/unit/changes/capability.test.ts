import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { decodeCapability } from '../../../src/changes/capability.ts';

let file: string;
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'isolate-capability-')), 'program');
  writeFileSync(file, '');
});
afterAll(() => rmSync(join(file, '..'), { recursive: true }));

test.each([
  ['cap_net_raw=ep', []],
  ['cap_chown,cap_net_raw=p', []],
  ['cap_checkpoint_restore=eip', []],
  ['=ep', []],
  ['=', []],
  ['cap_net_bind_service=ep', ['-n', '1000']],
])('%s %j appears as getcap prints it', (text, options) => {
  execFileSync('setcap', [...options, text, file]);
  const said = execFileSync('getcap', ['-n', file], { encoding: 'utf8' }).slice(file.length).trim();
  expect(decodeCapability(valueOf(file))).toBe(said);
});

test.each(['cap_net_raw=ip cap_chown=p', 'all=eip cap_chown=ep', 'all=eip cap_chown,cap_bpf=ei cap_kill='])(
  'setcap makes the same capabilities again of what is shown of %s',
  (text) => {
    execFileSync('setcap', [text, file]);
    const value = valueOf(file);
    execFileSync('setcap', ['-r', file]);
    execFileSync('setcap', [decodeCapability(value) ?? '', file]);
    expect(valueOf(file)).toEqual(value);
  },
);

test('every capability has the name that capsh gives it', () => {
  for (let number = 0; number <= 40; number += 1) {
    const value = new DataView(new ArrayBuffer(20));
    value.setUint32(0, 0x0200_0001, true);
    value.setUint32(number < 32 ? 4 : 12, 2 ** (number % 32), true);
    const mask = (1n << BigInt(number)).toString(16);
    const name = execFileSync('capsh', [`--decode=${mask}`], { encoding: 'utf8' })
      .trim()
      .split('=')[1];
    expect(decodeCapability(new Uint8Array(value.buffer))).toBe(`${name}=ep`);
  }
});

test('the first revision has 32 capabilities', () => {
  expect(decodeCapability(Uint8Array.from([0, 0, 0, 1, 0, 32, 0, 0, 1, 0, 0, 0]))).toBe('cap_chown=i cap_net_raw=p');
});

test('a capability without a name is a number', () => {
  expect(decodeCapability(Uint8Array.from([1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0]))).toBe('63=ep');
});

test.each([
  ['nothing', []],
  ['another revision', [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a part', [1, 0, 0, 2, 0, 0, 0, 0]],
])('%s is no list of capabilities', (_, bytes) => {
  expect(decodeCapability(Uint8Array.from(bytes))).toBeNull();
});

function valueOf(path: string): Uint8Array {
  return new Uint8Array(execFileSync('getfattr', ['-n', 'security.capability', '--only-values', '--absolute-names', path]));
}
