import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMountinfo } from '../../src/host/mountinfo.ts';
import { finished, startIsolate } from '../rig/isolate.ts';
import { temporaryTemplate } from '../rig/template.ts';

/** A file system whose mounts are told to other namespaces, as those of a host with systemd are. */
const shared = mkdtempSync(join(tmpdir(), 'isolate-shared-'));
const tmpfs = (path: string): void => void execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);

beforeAll(() => {
  tmpfs(shared);
  execFileSync('mount', ['--make-shared', shared]);
  for (const name of ['before', 'late', 'bound']) mkdirSync(join(shared, name));
  tmpfs(join(shared, 'before'));
});
afterAll(() => {
  execFileSync('umount', ['--recursive', shared]);
});

/** How many processes have something mounted there. */
function holders(path: string): number {
  const mountinfos = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      } catch {
        return '';
      }
    });
  return mountinfos.filter((text) => parseMountinfo(text).some(({ mountpoint }) => mountpoint === path)).length;
}

test.each(['bwrap', 'chroot'])('%s: the host can unmount during a run, and its new mounts do not appear inside', async (engine) => {
  const template = await temporaryTemplate();
  const program = 'echo ready; read line; ls /mnt/late';
  const bind = ['-d', `${shared}:/mnt`];
  const child = startIsolate(['-q', '-e', engine, ...bind, '-t', template, 'sh', '-c', program]);
  const end = finished(child);
  if (child.stdout === null) throw new Error('standard output is a pipe');
  await once(child.stdout, 'data');
  const during = holders(join(shared, 'before'));
  execFileSync('umount', [join(shared, 'before')]);
  const after = holders(join(shared, 'before'));
  tmpfs(join(shared, 'late'));
  mkdirSync(join(shared, 'late/inside'));
  child.stdin?.end('\n');
  const { status, stdout, stderr } = await end;
  execFileSync('umount', [join(shared, 'late')]);
  tmpfs(join(shared, 'before'));
  expect({ status, stdout, stderr, after }).toEqual({ status: 0, stdout: 'ready\n', stderr: '', after: 0 });
  expect(during).toBeGreaterThan(0);
});
