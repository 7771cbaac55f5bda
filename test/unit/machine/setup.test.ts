import { expect, test } from 'vitest';

import { frames } from '../../../src/machine/schema.ts';
import { describeSetup, encodeSetup, type Preparation } from '../../../src/machine/setup.ts';

const all: readonly Preparation[] = [
  { kind: 'hostname', name: 'web' },
  { kind: 'share', type: '9p', tag: 'share', options: 'trans=virtio' },
  { kind: 'bind', source: '0', target: '/', flags: ['ro', 'nosuid'], create: 'directory' },
  { kind: 'mount', type: 'tmpfs', target: '/tmp', flags: [], options: '' },
  { kind: 'file', target: '/etc/resolv.conf', content: 'nameserver 10.0.2.3\n' },
  { kind: 'link', directory: '/dev', name: 'fd', target: '/proc/self/fd' },
  { kind: 'network', name: 'lo', address: '', mask: '', gateway: '' },
  { kind: 'working-directory', path: '/ü' },
  { kind: 'user', user: 'www-data:adm' },
];

/** The frames of `bytes`, as the C side reads them. */
function readFrames(bytes: Uint8Array): readonly (readonly [kind: number, strings: readonly string[]])[] {
  const buffer = Buffer.from(bytes);
  const found: (readonly [number, readonly string[]])[] = [];
  for (let at = 0; at < buffer.length;) {
    const word = buffer.readUInt32LE(at);
    const end = at + 4 + (word & 0xff_ffff);
    found.push([
      word >>> 24,
      buffer
        .toString('utf8', at + 4, end)
        .split('\0')
        .slice(0, -1),
    ]);
    at = end;
  }
  return found;
}

test('each preparation becomes a frame of its strings, in order', () => {
  expect(readFrames(encodeSetup(all))).toEqual([
    [frames.hostname.kind, ['web']],
    [frames.share.kind, ['9p', 'share', 'trans=virtio']],
    [frames.bind.kind, ['0', '/', 'ro,nosuid', 'directory']],
    [frames.mount.kind, ['tmpfs', '/tmp', '', '']],
    [frames.file.kind, ['/etc/resolv.conf', 'nameserver 10.0.2.3\n']],
    [frames.link.kind, ['/dev', 'fd', '/proc/self/fd']],
    [frames.network.kind, ['lo', '', '', '']],
    [frames['working-directory'].kind, ['/ü']],
    [frames.user.kind, ['www-data:adm']],
  ]);
});

test('people see a line for each, which no content can break', () => {
  expect(describeSetup(all.slice(3, 5))).toBe('mount "tmpfs" "/tmp" "" ""\nfile "/etc/resolv.conf" "nameserver 10.0.2.3\\n"\n');
});
