import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import type { Facts } from '../../../src/host/facts.ts';
import { probeFacts } from '../../../src/host/probe.ts';
import { surveyHost } from '../../../src/host/survey.ts';

const files: Facts['files'] = {
  launcher: '',
  gate: '',
  seccompFilter: '',
  socketcallFilter: '',
  lxcSeccompProfile: '',
  lxcFilter: '',
  unpacker: '',
  machine: '/none',
  kernel: '/none',
  initramfs: '/none',
  tree: '',
};

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-survey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function surveyAs(uid: number, environment: Record<string, string>, template?: string) {
  const machine = { hasProcessor: true, qemu: null, boot: null, withoutKvm: 'this host has no /dev/kvm', directories: [] };
  const facts = { ...(await probeFacts({ environment, uid, gid: uid, files })), machine };
  const daemon = { socket: '/run/isolate/isolated.sock', answer: { kind: 'none' } } as const;
  return await surveyHost({
    facts,
    environment,
    stateDirectory: '/var/lib/isolate',
    state: { id: 'state', state: 'ok', fact: '' },
    settings: [{ id: 'settings', state: 'ok', fact: '' }],
    daemon,
    ...(template === undefined ? {} : { template }),
  });
}

test('this host is surveyed whole, and each thing is looked at once', async () => {
  const checks = await surveyAs(0, {});
  expect(checks.map(({ id }) => id)).toEqual(
    'node bwrap lxc qemu uidmap own-files machine kvm zfs user-namespaces apparmor subordinate-ids privileges cgroups idmapped-mounts overlayfs seccomp keyring propagation state settings daemon units desktop'.split(
      ' ',
    ),
  );
});

test('the pinned Node and the installed bubblewrap are found good', async () => {
  const checks = await surveyAs(0, {});
  expect(checks.filter(({ id }) => id === 'node' || id === 'bwrap').map(({ state }) => state)).toEqual(['ok', 'ok']);
});

test('a user without subordinate ids is told how to get some', async () => {
  const checks = await surveyAs(54_321, {});
  const check = checks.find(({ id }) => id === 'subordinate-ids');
  expect({ state: check?.state, givesCommand: check?.hint?.startsWith('as root: usermod --add-subuids') }).toEqual({
    state: 'limited',
    givesCommand: true,
  });
});

test("root's tools never come from the caller's PATH", async () => {
  const facts = await probeFacts({ environment: { PATH: temporaryDirectory() }, uid: 0, gid: 0, files });
  expect(facts.tools.bwrap).toBe('/usr/bin/bwrap');
});

test('a template directory that only root reaches can be a root, one that is not there cannot', async () => {
  const directory = temporaryDirectory();
  const [good] = (await surveyAs(0, {}, directory)).slice(-1);
  const [bad] = (await surveyAs(0, {}, join(directory, 'absent'))).slice(-1);
  expect({ good: good?.state, bad: bad?.state }).toEqual({ good: 'ok', bad: 'missing' });
});

test('a requested desktop socket that does not exist stops the run, with its path in the error', async () => {
  const request = { environment: { DISPLAY: ':59999' }, uid: 0, gid: 0, files, spec: { ...plain, passthrough: ['x11'] as const } };
  await expect(probeFacts(request)).rejects.toMatchObject({
    code: 'socket-missing',
    message: 'The socket /tmp/.X11-unix/X59999 of the X display :59999 does not exist.',
  });
});

test('bind sources that exist are described, others are left out', async () => {
  const directory = temporaryDirectory();
  const binds = [directory, '/dev/null', '/no/such/thing', '/etc/passwd'].map((source) => ({ source, target: '/x', readOnly: true }));
  const facts = await probeFacts({ environment: {}, uid: 0, gid: 0, files, spec: { ...plain, binds } });
  expect(Object.entries(facts.paths).map(([path, { kind, uid }]) => [path, kind, uid])).toEqual([
    [directory, 'directory', 0],
    ['/dev/null', 'device', 0],
    ['/etc/passwd', 'file', 0],
  ]);
  expect(facts.paths['/dev/null']?.idmappable).toBe(false);
});

const plain = {
  engine: 'bwrap',
  root: { kind: 'directory', path: '/', write: 'direct' },
  readOnlyRoot: false,
  command: ['true'],
  environment: {},
  binds: [],
  workingDirectory: '/',
  shareNetwork: false,
  passthrough: [],
  limits: {},
  graceMs: 10_000,
  waitMs: 0,
  seccomp: true,
  socketcall: false,
  hooks: {},
  tun: false,
  disks: [],
  cards: [],
  debugInit: false,
} as const;
