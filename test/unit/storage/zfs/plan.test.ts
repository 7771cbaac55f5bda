import { describe, expect, test } from 'vitest';
import type { ZfsImplementation } from '../../../../src/storage/zfs/implementation.ts';
import { parseImplementation } from '../../../../src/storage/zfs/implementation.ts';
import * as plan from '../../../../src/storage/zfs/plan.ts';

const fuse: ZfsImplementation = { name: 'zfs-fuse', version: '0.7', programClones: false, idmappedMounts: false };
const open: ZfsImplementation = { name: 'OpenZFS', version: '2.3.9-1', programClones: false, idmappedMounts: true };

describe('recognises', () => {
  test.each([
    ['zfs-fuse', { exitCode: 2, stdout: '', stderr: "unrecognized command 'version'\nusage: zfs command args ...\n" }, fuse],
    [
      'OpenZFS 2.1',
      { exitCode: 0, stdout: 'zfs-2.1.11-1+deb12u1\nzfs-kmod-2.1.11-1+deb12u1\n', stderr: '' },
      { name: 'OpenZFS', version: '2.1.11-1+deb12u1', programClones: false, idmappedMounts: false },
    ],
    ['OpenZFS 2.3', { exitCode: 0, stdout: 'zfs-2.3.9-1\nzfs-kmod-2.3.9-1\n', stderr: '' }, open],
    [
      'OpenZFS 2.4',
      { exitCode: 0, stdout: 'zfs-2.4.4-1\nzfs-kmod-2.4.4-1\n', stderr: '' },
      { name: 'OpenZFS', version: '2.4.4-1', programClones: true, idmappedMounts: true },
    ],
    [
      'the module where the tools are newer',
      { exitCode: 0, stdout: 'zfs-2.4.4-1\nzfs-kmod-2.2.2-0ubuntu9\n', stderr: '' },
      { name: 'OpenZFS', version: '2.2.2-0ubuntu9', programClones: false, idmappedMounts: true },
    ],
    [
      'a version to come',
      { exitCode: 0, stdout: 'zfs-3.0.0\nzfs-kmod-3.0.0\n', stderr: '' },
      { name: 'OpenZFS', version: '3.0.0', programClones: true, idmappedMounts: true },
    ],
  ])('%s', (_name, answer, implementation) => {
    expect(parseImplementation('tank/t', answer)).toEqual(implementation);
  });

  test.each([
    [
      'a module that is not loaded',
      {
        exitCode: 1,
        stdout: 'zfs-2.1.11-1\n',
        stderr: "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n",
      },
    ],
    ['OpenZFS 0.8', { exitCode: 0, stdout: 'zfs-0.8.3-1ubuntu12\nzfs-kmod-0.8.3-1ubuntu12\n', stderr: '' }],
    ['what it does not know', { exitCode: 0, stdout: 'hello\n', stderr: '' }],
  ])('%s as missing', (_name, answer) => {
    expect(() => parseImplementation('tank/t', answer)).toThrow(expect.objectContaining({ code: 'missing-tool' }));
  });
});

const properties = 'type,guid,origin,creation,mounted,mountpoint,isolate:template,isolate:keep,isolate:session';

test.each([
  [
    'the template, zfs-fuse',
    plan.planTemplate(fuse, 'tank/r/t'),
    ['get', '-H', '-p', '-r', '-d', '1', '-o', 'name,property,value,source', 'type,guid,createtxg,defer_destroy', 'tank/r/t'],
  ],
  [
    'the template, OpenZFS',
    plan.planTemplate(open, 'tank/r/t'),
    ['get', '-H', '-p', '-r', '-d', '1', '-o', 'name,property,value,source', 'type,guid,createtxg,defer_destroy,keystatus', 'tank/r/t'],
  ],
  [
    'the list, zfs-fuse',
    plan.planList(fuse, 'tank/r/t'),
    ['get', '-H', '-p', '-r', '-d', '1', '-o', 'name,property,value,source', properties, 'tank/r'],
  ],
  [
    'the list, OpenZFS',
    plan.planList(open, 'tank/r/t'),
    ['get', '-H', '-p', '-r', '-d', '1', '-t', 'filesystem', '-o', 'name,property,value,source', properties, 'tank/r'],
  ],
  [
    'some clones',
    plan.planRead('tank/r/t', ['1', '2']),
    ['get', '-H', '-p', '-o', 'name,property,value,source', properties, 'tank/r/t_1', 'tank/r/t_2'],
  ],
  [
    'a clone, zfs-fuse',
    plan.planClone(fuse, 'tank/r/t', 'tank/r/t@s', '1', '/m/1'),
    [
      'clone',
      '-o',
      'isolate:template=tank/r/t',
      '-o',
      'com.sun:auto-snapshot=false',
      '-o',
      'canmount=off',
      '-o',
      'mountpoint=/m/1',
      '-o',
      'readonly=off',
      '-o',
      'exec=on',
      '-o',
      'setuid=on',
      '-o',
      'sharenfs=off',
      '-o',
      'sharesmb=off',
      'tank/r/t@s',
      'tank/r/t_1',
    ],
  ],
  [
    'a clone, OpenZFS',
    plan.planClone(open, 'tank/r/t', 'tank/r/t@s', '1', '/m/1'),
    [
      'clone',
      '-o',
      'isolate:template=tank/r/t',
      '-o',
      'com.sun:auto-snapshot=false',
      '-o',
      'org.openzfs.systemd:ignore=on',
      '-o',
      'canmount=noauto',
      '-o',
      'mountpoint=/m/1',
      '-o',
      'readonly=off',
      '-o',
      'exec=on',
      '-o',
      'setuid=on',
      '-o',
      'sharenfs=off',
      '-o',
      'sharesmb=off',
      'tank/r/t@s',
      'tank/r/t_1',
    ],
  ],
  [
    'a batch, OpenZFS 2.4',
    { args: plan.planProgram('tank/r/t', 'tank/r/t@s', ['1', '2']).args },
    ['program', '-j', 'tank', '-', 'tank/r/t@s', 'tank/r/t', '1', '2'],
  ],
  [
    'the place of a clone of a batch',
    plan.planPlace('tank/r/t', '1', '/m/1'),
    ['set', 'canmount=noauto', 'mountpoint=/m/1', 'readonly=off', 'exec=on', 'setuid=on', 'sharenfs=off', 'sharesmb=off', 'tank/r/t_1'],
  ],
  ['a mount', plan.planMount('tank/r/t', '1'), ['mount', 'tank/r/t_1']],
  ['an unmount, neither lazy nor forced', plan.planUnmount('tank/r/t', '1'), ['unmount', 'tank/r/t_1']],
  ['a destroy', plan.planDestroy('tank/r/t', '1', false), ['destroy', 'tank/r/t_1']],
  ['a destroy of a clone with snapshots of its own', plan.planDestroy('tank/r/t', '1', true), ['destroy', '-r', 'tank/r/t_1']],
  ['the health of the pool', plan.planPoolHealth('tank/r/t'), ['list', '-H', '-o', 'health', 'tank']],
])('plans %s', (_name, planned, args) => {
  expect(planned).toEqual({ args });
});

test('refuses to plan anything for an id that is not a number', () => {
  expect(() => plan.planDestroy('tank/t', '1 tank/other', false)).toThrow(expect.objectContaining({ code: 'bad-name' }));
});
