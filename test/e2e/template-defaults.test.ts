import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { templateRecordPath } from '../../src/spec/template-record.ts';
import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { finished, isolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { writeRecord } from '../rig/template-record.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const users: Record<'root' | 'user', Member> = {
  root: { uid: 0, name: 'root', home: mkdtempSync(join(tmpdir(), 'isolate-own-')), groups: [] },
  user: { uid: 54_431, name: '', home: '', groups: [] },
};
/** Ends with its standard input. */
const report = 'echo "$0 $*"; id -u; id -g; pwd -P; echo $MODE $HOME $USER $PATH; cat';
const web = {
  entrypoint: ['sh', '-c', report, 'web'],
  command: ['-p', '80'],
  environment: { MODE: 'production', PATH: '/bin:/usr/bin' },
  workingDirectory: '/srv/link',
  user: 'web:www',
};

const record = templateRecordPath.slice(1);

let scratch: string;
let template: ZfsTemplate;
let daemon: Daemon;
beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'isolate-defaults-')));
  chmodSync(scratch, 0o755);
  const tree = await busyboxRootfs(join(scratch, 'web'));
  mkdirSync(join(tree, 'srv/app'), { recursive: true });
  symlinkSync('/srv/app', join(tree, 'srv/link'));
  appendFileSync(join(tree, 'etc/passwd'), 'web:x:33:34:Web,,:/srv/web:/bin/sh\n');
  appendFileSync(join(tree, 'etc/group'), 'www:x:35:\n');
  writeRecord(tree, web);
  users.user = await addMember(users.user.uid);
  await addMemberGroup();
  for (const { uid, home } of Object.values(users)) {
    await copyRootfs(tree, join(home, 'web'));
    await copyRootfs(await busyboxRootfs(), join(home, 'plain'));
    mkdirSync(join(home, 'bound'));
    writeFileSync(join(home, 'bound/file'), 'bound\n');
    execFileSync('chown', ['-hR', `${uid}:${uid}`, home]);
    chmodSync(home, 0o700);
  }
  template = await makeZfsTemplate({ tree });
  await writeConfig(`[templates."${template.dataset}"]\ncount = 4\nusers = ["${users.user.name}"]\n`);
  daemon = await startDaemon();
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
  rmSync(scratch, { recursive: true });
  rmSync(users.root.home, { recursive: true });
}, 300_000);

const said = (...lines: readonly string[]) => ({ status: 0, signal: null, stderr: '', stdout: lines.map((line) => `${line}\n`).join('') });
const byDefault = said('web -p 80', '33', '35', '/srv/app', 'production /srv/web web /bin:/usr/bin');

const roots: Readonly<Record<string, (home: string) => readonly string[]>> = {
  'a clone': () => ['-z', template.dataset, '--wait', '60'],
  'a directory': (home) => ['-t', join(home, 'web')],
  'an overlay': (home) => ['-t', join(home, 'web'), '--ephemeral'],
  'a directory that is not changed': (home) => ['-t', join(home, 'web'), '--read-only'],
};

describe.each(['root', 'user'] as const)('of %s', (who) => {
  describe.each(Object.keys(roots))('on %s', (root) => {
    describe.each(['isolate', 'isolate-node'] as const)('by %s', (program) => {
      const run = (...words: readonly string[]) => runAs(users[who], ['-q', ...(roots[root]?.(users[who].home) ?? []), ...words], program);

      test('a run without a command runs the template’s, as its user, in its directory and with its variables', async () => {
        expect(await run()).toEqual(byDefault);
      });

      test('a command that is given replaces the entrypoint too, and what else is given overrides the rest', async () => {
        expect(await run('sh', '-c', report, 'given')).toEqual(
          said('given ', '33', '35', '/srv/app', 'production /srv/web web /bin:/usr/bin'),
        );
        expect(await run('-p', '/', '--user', 'root', '-v', 'MODE=test', 'sh', '-c', report, 'given')).toEqual(
          said('given ', '0', '0', '/', 'test /root root /bin:/usr/bin'),
        );
        expect(await run('-d', 'bound:/srv/app', 'cat', 'file')).toEqual(said('bound'));
      });
    });
  });
});

test.each<[string, 'root' | 'user', string]>([
  ['lxc', 'root', 'a clone'],
  ['lxc', 'user', 'an overlay'],
  ['chroot', 'root', 'a clone'],
  ['chroot', 'root', 'a directory'],
])('with %s the defaults of %s on %s are the same', async (engine, who, root) => {
  expect(await runAs(users[who], ['-q', '-e', engine, ...(roots[root]?.(users[who].home) ?? [])])).toEqual(byDefault);
});

/** The commands in the list of runs on this template or directory. */
async function listedCommands(template: string, member: Member): Promise<readonly (readonly string[])[]> {
  const { stdout } = await runAs(member, ['ps', '--json']);
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly { readonly template: string; readonly command: readonly string[] }[] };
  return runs.filter((run) => run.template === template).map(({ command }) => command);
}

test.each<['root' | 'user', 'isolate' | 'isolate-node', string]>([
  ['root', 'isolate', 'a clone'],
  ['root', 'isolate-node', 'a clone'],
  ['user', 'isolate', 'a clone'],
  ['user', 'isolate-node', 'a clone'],
  ['user', 'isolate', 'an overlay'],
  ['root', 'isolate', 'a directory'],
  ['root', 'isolate-node', 'a directory'],
])('isolate ps shows the template’s command of a run by %s with %s on %s', async (who, program, root) => {
  const [option = '', name = '', ...more] = roots[root]?.(users[who].home) ?? [];
  const child = startAs(users[who], ['-q', option, name, ...more], program);
  const ended = finished(child);
  await once(child.stdout as NodeJS.EventEmitter, 'data');
  await expect.poll(() => listedCommands(name, users[who])).toEqual([[...web.entrypoint, ...web.command]]);
  child.stdin?.end();
  expect(await ended).toEqual(byDefault);
});

test.each(['isolate', 'isolate-node'] as const)('without a command in the template or on the command line %s says so', async (program) => {
  const tree = join(users.user.home, 'plain');
  const refused = { status: 125, signal: null, stdout: '' };
  expect(await runAs(users.user, ['-q', '-t', tree, '--'], program)).toEqual({
    ...refused,
    stderr: `isolate: No command was given, and ${tree} has none of its own.\nhint: isolate -t DIR COMMAND [ARG...]\n`,
  });
});

test('what is told of a run names the template’s command', async () => {
  const tree = writeRecord(await busyboxRootfs(join(scratch, 'none')), { command: ['no-such', 'x'] });
  for (const program of ['isolate', 'isolate-node'] as const) {
    const { status, stderr } = await runAs(users.root, ['-q', '--json', '-t', tree, '--ephemeral'], program);
    expect([status, stderr.split('\n').at(-2)]).toEqual([
      127,
      '{"error":{"code":"not-executed","message":"The command \\"no-such\\" was not found in the sandbox.","causes":[]}}',
    ]);
  }
});

test.each<[string, (tree: string) => void, string]>([
  ['no JSON', (tree) => writeRecord(tree, '{'), 'is not JSON'],
  [
    'a link',
    (tree) => (writeRecord(tree, '{'), rmSync(join(tree, record)), symlinkSync('/etc/passwd', join(tree, record))),
    'is not a plain file',
  ],
  ['a pipe', (tree) => (mkdirSync(join(tree, '.isolate')), execFileSync('mkfifo', [join(tree, record)])), 'is not a plain file'],
  ['a directory', (tree) => mkdirSync(join(tree, record), { recursive: true }), 'is not a plain file'],
  [
    'a device',
    (tree) => (mkdirSync(join(tree, '.isolate')), execFileSync('mknod', [join(tree, record), 'c', '1', '3'])),
    'is not a plain file',
  ],
  ['bytes', (tree) => (writeRecord(tree, ''), writeFileSync(join(tree, record), Buffer.of(0xff))), 'is not valid UTF-8'],
  ['a flood', (tree) => writeRecord(tree, ' '.repeat(70_000)), 'is longer than 65536 bytes'],
])('a template whose record is %s is refused with the name of both', async (what, spoil, reason) => {
  const tree = await busyboxRootfs(join(users.root.home, what));
  spoil(tree);
  for (const program of ['isolate', 'isolate-node'] as const) {
    for (const how of [[], ['--ephemeral'], ['--read-only']]) {
      const { status, stderr } = await runAs(users.root, ['-q', '-t', tree, ...how, 'true'], program);
      expect([status, stderr]).toEqual([125, `isolate: /.isolate/template.json in ${tree} ${reason}.\n`]);
    }
  }
});

test('a link to a folder of records is no record', async () => {
  const tree = await busyboxRootfs(join(scratch, 'linked'));
  symlinkSync(join(scratch, 'web/.isolate'), join(tree, '.isolate'));
  for (const program of ['isolate', 'isolate-node'] as const) {
    expect(await runAs(users.root, ['-q', '-t', tree, '--ephemeral', 'sh', '-c', 'id -u; pwd'], program)).toEqual(said('0', '/'));
  }
});

test('a default directory that is not there is the template’s mistake, and can be overridden', async () => {
  const tree = writeRecord(await busyboxRootfs(join(scratch, 'nowhere')), { workingDirectory: '/app' });
  for (const program of ['isolate', 'isolate-node'] as const) {
    expect(await runAs(users.root, ['-q', '-t', tree, '--ephemeral', 'pwd'], program)).toMatchObject({
      status: 125,
      stderr: [
        `isolate: The default working directory of ${tree} cannot be used.`,
        `because: The working directory /app is missing in ${tree}.`,
        'hint: -p DIR gives the run another one\n',
      ].join('\n'),
    });
    expect(await runAs(users.root, ['-q', '-t', tree, '--ephemeral', '-p', '/', 'pwd'], program)).toEqual(said('/'));
  }
});

test('--dry-run shows the defaults where it can see them', async () => {
  const tree = join(users.user.home, 'web');
  const { status, stdout } = await runAs(users.user, ['--dry-run', '--json', '-t', tree, '--ephemeral']);
  expect(status).toBe(0);
  const { descriptors } = JSON.parse(stdout) as { readonly descriptors: readonly { readonly kind: string }[] };
  expect(descriptors.filter(({ kind }) => kind === 'command')).toEqual([
    { number: 12, kind: 'command', words: [...web.entrypoint, ...web.command], environment: ['MODE', 'PATH', 'TERM'] },
  ]);
  const unseen = `isolate: ${template.dataset} may have defaults of its own for the variables, the user and the directory, which only the run sees.\n`;
  expect(await runAs(users.user, ['--dry-run', '-z', template.dataset, 'true'])).toMatchObject({ status: 0, stderr: unseen });
  expect(await runAs(users.user, ['--dry-run', '-q', '-z', template.dataset])).toMatchObject({
    status: 125,
    stderr: `isolate: No command was given, and what ${template.dataset} runs by itself is known only when it runs.\nhint: isolate -z DATASET COMMAND [ARG...]\n`,
  });
});

test.each(['isolate', 'isolate-node'] as const)('a default user that the template lacks is named by %s', async (program) => {
  const tree = writeRecord(await busyboxRootfs(join(scratch, `user-${program}`)), { user: 'nginx' });
  expect(await runAs(users.root, ['-q', '-t', tree, '--ephemeral', 'true'], program)).toMatchObject({
    status: 125,
    stderr: 'isolate: The user nginx is not in /etc/passwd of the sandbox.\n',
  });
});

test('the maintenance of a template is done by its root in / without its defaults, so that they can be mended', async () => {
  const tree = writeRecord(await busyboxRootfs(join(users.root.home, 'maintained')), { ...web, user: '33:33' });
  rmSync(join(tree, 'etc/passwd'));
  const shown = await runAs(users.root, ['template', 'exec', '-q', tree, 'sh', '-c', 'id -u; pwd; echo $MODE']);
  expect(shown).toEqual(said('0', '/', ''));
  writeRecord(tree, 'broken');
  expect(await runAs(users.root, ['template', 'exec', '-q', tree, 'rm', `/${record}`])).toEqual(said());
  expect(await runAs(users.root, ['-q', '-t', tree, 'echo', 'mended'])).toEqual(said('mended'));
});
