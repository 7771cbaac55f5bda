import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const device = '/dev/kvm';
const answer = '/run/isolate/kvm';
const directory = mkdtempSync(join(tmpdir(), 'isolate-kvm-'));
const root = await busyboxRootfs();
const words = (...options: string[]): string[] => ['-e', 'kvm', '-t', root, '--read-only', ...options];

/** The device of this host, which everybody may open; whether it can run a machine is another question. */
beforeAll(() => {
  const open = join(directory, 'kvm');
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  execFileSync('mknod', ['-m', '666', open, 'c', '10', '232']);
  execFileSync('sh', ['-c', `[ -e ${device} ] || : > ${device}; mount --bind ${open} ${device}`]);
});
afterAll(() => {
  execFileSync('umount', [device]);
  execFileSync('umount', [directory]);
  rmSync(directory, { recursive: true });
});

test('KVM is used only after a machine has run with it; else the machine is emulated, and --accel kvm says why', async () => {
  const auto = await isolate(words('uname'));
  const known = JSON.parse(readFileSync(answer, 'utf8')) as { readonly why: string | null };
  const asked = await isolate(words('--accel', 'kvm', 'uname'));
  const plan = await isolate(words('--dry-run', 'uname'));
  expect({ auto, asked, accelerated: /^ {2}kvm$/m.test(plan.stdout) }).toEqual({
    auto: { status: 0, signal: null, stdout: 'Linux\n', stderr: '' },
    asked:
      known.why === null
        ? { status: 0, signal: null, stdout: 'Linux\n', stderr: '' }
        : {
            status: 125,
            signal: null,
            stdout: '',
            stderr: `isolate: KVM cannot be used: ${known.why}.\nhint: leave --accel out, or give --accel tcg\n`,
          },
    accelerated: known.why === null,
  });
});

test('a KVM that opens and hangs is given up within its time, and is not asked again before long', async () => {
  const qemu = '/usr/bin/qemu-system-x86_64';
  const [real, hanging] = [join(directory, 'real'), join(directory, 'hanging')];
  execFileSync('cp', [qemu, real]);
  // Only the question hangs: the machine itself is started in the jail, by the real one.
  const script = `#!/bin/sh\ncase "$*" in *"-accel kvm"*) exec sleep 1000 ;; esac\nexec ${real} "$@"\n`;
  execFileSync('sh', ['-c', 'cat > "$0"; chmod 755 "$0"', hanging], { input: script });
  rmSync(answer, { force: true });
  execFileSync('mount', ['--bind', hanging, qemu]);
  const asked = await isolate(words('--accel', 'kvm', 'true'));
  const again = await isolate(words('--accel', 'kvm', 'true'));
  execFileSync('umount', [qemu]);
  rmSync(answer, { force: true });
  const stderr =
    'isolate: KVM cannot be used: a machine that was started with it did not end within 3 s.\nhint: leave --accel out, or give --accel tcg\n';
  expect([asked, again]).toEqual(Array.from({ length: 2 }, () => ({ status: 125, signal: null, stdout: '', stderr })));
});

test('a device that a sandbox cannot open is not used, and doctor says so', async () => {
  execFileSync('chmod', ['660', device]);
  const asked = await isolate(words('--accel', 'kvm', 'true'));
  const { stdout } = await isolate(['doctor']);
  execFileSync('chmod', ['666', device]);
  const why = '/dev/kvm cannot be opened by everybody, and a sandbox has ids of nobody';
  expect({ stderr: asked.stderr.split('\n')[0], doctor: stdout.includes(`machines are emulated: ${why}`) }).toEqual({
    stderr: `isolate: KVM cannot be used: ${why}.`,
    doctor: true,
  });
});
