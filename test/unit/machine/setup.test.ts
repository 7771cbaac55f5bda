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
  { kind: 'inside', source: '/mnt', target: '/opt', flags: ['ro'] },
  { kind: 'image', file: '/srv/i.img', serial: '1', target: '/data', flags: ['nosuid', 'nodev'] },
  { kind: 'disk', serial: '0', tag: 'cache' },
  { kind: 'card', name: 'eth0' },
  { kind: 'address', name: 'eth0', address: '10.9.0.2', prefix: '24', broadcast: '' },
  { kind: 'route', name: 'eth0', destination: '0.0.0.0', prefix: '0', gateway: '10.9.0.1' },
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
    [frames.inside.kind, ['/mnt', '/opt', 'ro']],
    [frames.image.kind, ['/srv/i.img', '1', '/data', 'nosuid,nodev']],
    [frames.disk.kind, ['0', 'cache']],
    [frames.card.kind, ['eth0']],
    [frames.address.kind, ['eth0', '10.9.0.2', '24', '']],
    [frames.route.kind, ['eth0', '0.0.0.0', '0', '10.9.0.1']],
    [frames['working-directory'].kind, ['/ü']],
    [frames.user.kind, ['www-data:adm']],
  ]);
});

test('people see a line for each, which no content can break', () => {
  expect(describeSetup(all.slice(3, 5))).toBe('mount "tmpfs" "/tmp" "" ""\nfile "/etc/resolv.conf" "nameserver 10.0.2.3\\n"\n');
});
