import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { useWay } from '../rig/ways.ts';

const way = useWay('daemon');
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'isolate-same-'));
  mkdirSync(join(scratch, 'directory'));
  writeFileSync(join(scratch, 'directory/file'), 'bound\n');
  chmodSync(join(scratch, 'directory'), 0o755);
  writeFileSync(join(scratch, 'with:colon'), 'colon\n');
  writeFileSync(join(scratch, 'variables'), '# more\nFROM_FILE=a b\nUMLAUT=ü\n');
  writeFileSync(join(scratch, 'wrong'), 'no equals sign\n');
  symlinkSync('directory', join(scratch, 'link'));
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

function start(program: string, words: readonly string[]): Record<string, unknown> {
  const env = { PATH: '/usr/bin:/bin', HOME: '/root', TERM: 'vt100', PASSED: 'through', EMPTY: '', HOST_ONLY: 'x' };
  const { status, signal, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env, cwd: scratch, timeout: 60_000 });
  return { status, signal, stdout, stderr };
}

// Each is behind `-z DATASET --wait 60`.
test.each<[string, readonly string[]]>([
  ['a command', ['cat', '/etc/os-release']],
  ['a command behind --', ['--', 'echo', '-q']],
  ['quiet', ['-q', '--no-seccomp', 'true']],
  ['without the filter', ['--no-seccomp', 'grep', 'Seccomp:', '/proc/self/status']],
  ['the network', ['-n', 'sh', '-c', 'test -r /etc/resolv.conf; ls /sys/class/net 2>/dev/null; cat /proc/net/dev | wc -l']],
  ['chroot', ['-e', 'chroot', 'sh', '-c', 'echo $0; pwd; id -u']],
  ['an id base', ['-u', '1879048192', '-g', '1879048192', 'cat', '/proc/self/uid_map']],
  ['an id base of the host', ['-u', '1000', 'true']],
  ['a working directory', ['-p', '/etc', 'pwd']],
  ['a working directory that is not there', ['-p', '/nowhere', 'pwd']],
  ['a read-only root', ['--read-only', 'touch', '/x']],
  ['a bind', ['-d', 'directory:/mnt', 'cat', '/mnt/file']],
  ['a bind of a link, read only', ['-d', './link/file:/etc/motd:ro', 'sh', '-c', 'cat /etc/motd; echo no > /etc/motd']],
  ['a bind with a colon', ['-d', String.raw`with\:colon:/colon`, 'cat', '/colon']],
  ['a bind of a device', ['-d', '/dev/null:/dev/extra', 'sh', '-c', 'test -c /dev/extra && echo device']],
  ['a bind of nothing', ['-d', 'missing:/mnt', 'true']],
  ['a bind without a target', ['-d', 'directory', 'sh', '-c', 'cat $0/file', join(tmpdir(), 'none')]],
  ['a bind of a directory over a file', ['-d', 'directory:/etc/passwd', 'true']],
  ['two binds that lead to one place', ['-d', 'directory:/usr/bin/x', '-d', 'link:/bin/x', 'true']],
  [
    'new places in a read-only root',
    ['--read-only', '-d', 'directory:/opt/a/b', 'sh', '-c', 'cat /opt/a/b/file; stat -c %a /opt/a; cat /etc/hosts'],
  ],
  ['a bind below another', ['-d', 'directory/file:/mnt/new', '-d', 'directory:/mnt', 'cat', '/mnt/new']],
  ['a working directory in a bind', ['-d', 'directory:/mnt', '-p', '/mnt/none', 'true']],
  ['a working directory that is a file', ['-p', '/etc/passwd', 'true']],
  ['a host name', ['--hostname', 'web.test', 'sh', '-c', 'hostname; cat /etc/hosts']],
  ['a host name that is none', ['--hostname', '-x', 'true']],
  ['two binds with one target', ['-d', 'directory:/mnt', '-d', 'link:/mnt', 'true']],
  ['a bind into /proc', ['-d', 'directory:/proc/1', 'true']],
  ['variables', ['-v', 'A=1', '-v', 'B:2', '-v', 'PASSED', '-v', 'EMPTY', 'env']],
  ['a variable that is not set', ['-v', 'NOT_SET', 'env']],
  ['a variable with a bad name', ['-v', '1=2', 'env']],
  ['a file of variables', ['--env-file', 'variables', '-v', 'FROM_FILE=beaten', 'env']],
  ['a file of variables that is wrong', ['--env-file', 'wrong', 'env']],
  ['a file of variables that is not there', ['--env-file', 'missing', 'env']],
  ['a status', ['sh', '-c', 'exit 7']],
  ['a death by a signal', ['sh', '-c', 'kill -SEGV $$']],
  ['a command that is not there', ['no-such\ncommand']],
  ['a command that is no program', ['/etc/passwd']],
  ['no command', []],
  ['an unknown option', ['--bnd', 'true']],
  ['an option without a value', ['-d']],
  ['an unknown engine', ['-e', 'qemu', 'true']],
  ['a root twice', ['-t', '/', 'true']],
  ['a number that is none', ['--pids', '1e3', 'true']],
  ['a time limit', ['--timeout', '0.3', 'sleep', '9']],
  ['hooks', ['--pre-hook', 'echo before', '--post-hook', 'echo after', 'echo', 'between']],
  ['a hook that fails', ['--pre-hook', 'exit 3', 'true']],
  ['lxc', ['-e', 'lxc', '-q', 'sh', '-c', 'id -u; exit 4']],
  ['JSON', ['--json', 'no-such-command']],
  ['words of every sort', ['printf', '[%s]', '', ' ', '-z', '$HOME', '`id`', 'ü', '\n', '\t', '\\', '"', "'", '*', '--']],
])('%s: the daemon and the program in Node say and do the same', (_, words) => {
  const command = [...way.root, ...words];
  expect(start(isolatePath, command)).toEqual(start(join(dirname(isolatePath), 'isolate-node'), command));
});

test('the fast way is the one that is taken', async () => {
  const words = ['-d', 'directory:/mnt', '-v', 'PASSED', '--env-file', 'variables', 'cat', '/proc/self/mountinfo'];
  const { stdout } = start(isolatePath, [...way.root, ...words]);
  const [, clone] = / template_([0-9]+) /.exec(String(stdout).replaceAll(`${dirname(way.root[1] ?? '')}/`, '')) ?? [];
  // Only a lease of the daemon's is told of in its log.
  await expect.poll(() => way.daemon?.log()).toContain(`"clone":"${clone}"`);
});
