import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { formatHolder, readHolder, readOwnHolder } from '../../src/pool/holder.ts';
import { readOwnPidNamespace } from '../../src/pool/pid-namespace.ts';
import { isolate, isolatePath } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { startRegistry, type TestRegistry } from '../rig/registry.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

/** How often push and pull are ended. */
const rounds = Number(process.env['ISOLATE_TEST_TEMPLATE_KILLS'] ?? 24);

let registry: TestRegistry;
let tree: string;
/** A directory that only root may enter. */
let work: string;

beforeAll(async () => {
  registry = await startRegistry();
  work = mkdtempSync(join(tmpdir(), 'push-'));
  tree = await busyboxRootfs(join(work, 'tree'));
}, 120_000);
afterAll(() => registry.end());

const digests = (text: string) => text.replaceAll(/[0-9a-f]{64}/g, 'HEX');

/** What a pull that was killed when it had replaced the template leaves. */
async function leaveScratch(): Promise<string> {
  const dead = spawn('sleep', ['1000']);
  const holder = formatHolder(readHolder(dead.pid ?? 0) ?? readOwnHolder());
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  const path = `/var/tmp/isolate-image-${readOwnPidNamespace().replaceAll(/[^0-9]/g, '')}.${holder}.abcdef`;
  mkdirSync(path, { mode: 0o700 });
  return path;
}

test('a template goes to a registry and comes back, and later what is new', async () => {
  const image = `docker://${registry.address}/team/app:1`;
  const warning = `isolate: warning: Whether ${registry.address} is the right registry is not checked: --insecure.\n`;
  const template = join(work, 'app');
  const pushed = await isolate(['template', 'push', '-q', '--insecure', tree, image]);
  expect(pushed).toEqual({ status: 0, signal: null, stdout: '', stderr: warning });
  expect(await isolate(['template', 'pull', '--insecure', template, image])).toEqual({
    status: 0,
    signal: null,
    stdout: `made ${template} from ${image}\na shell in a throw-away copy of it: isolate -c ${template} bash\n`,
    stderr: `${warning}isolate: fetching ${registry.address}/team/app:1\n`,
  });
  expect(await isolate(['-q', '-c', template, 'echo', 'it runs'])).toMatchObject({ status: 0, stdout: 'it runs\n' });
  const left = await leaveScratch();
  expect(await isolate(['template', 'pull', '-q', '--json', '--insecure', template, image])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^{"template":".*","pulled":"same","digest":"sha256:[0-9a-f]{64}"}\n$/) as string,
  });
  expect(existsSync(left)).toBe(false);
  expect((await isolate(['-q', '-t', tree, 'touch', '/srv-new'])).status).toBe(0);
  const again = await isolate(['template', 'push', '--insecure', tree, image]);
  expect({ ...again, stdout: digests(again.stdout), stderr: again.stderr.replace(/[0-9]+ MB/, 'N MB') }).toEqual({
    status: 0,
    signal: null,
    stdout: `pushed ${tree} to ${image}\ndigest sha256:HEX\n`,
    stderr: `${warning}isolate: packing ${tree}\nisolate: storing N MB at ${image}\n`,
  });
  const { status, stdout } = await isolate(['template', 'pull', '--insecure', template, image]);
  expect({ status, stdout: stdout.replace(/@\S+/, '@LABEL') }).toEqual({
    status: 0,
    stdout: `${template} is as ${image} now; ${template}@LABEL keeps the state before\n`,
  });
  expect(await isolate(['-q', '-c', template, 'ls', '/srv-new'])).toMatchObject({ status: 0 });
  expect(readdirSync('/var/tmp').filter((name) => name.startsWith('isolate-'))).toEqual([]);
}, 120_000);

test('a registry without TLS is an error with the way out', async () => {
  const image = `docker://${registry.address}/team/app:1`;
  const { status, stderr } = await isolate(['template', 'push', '-q', tree, image]);
  expect([status, stderr.split('\n').at(-2)]).toEqual([1, 'hint: a registry without TLS, or with a certificate of its own: --insecure']);
});

test('a plain user pushes and pulls templates of their own', async () => {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  chownSync(home, 4200, 4200);
  await addPlainUser(home, 4200);
  const options = { uid: 4200, environment: { HOME: home, TMPDIR: home, XDG_RUNTIME_DIR: '', XDG_DATA_HOME: '' } };
  const archive = join(home, 'app.tar');
  const root = await isolate(['template', 'push', '-q', tree, `oci-archive:${archive}`]);
  expect(root.status).toBe(0);
  const own = await isolate(['template', 'create', '-q', 'app', '--from', `oci-archive:${archive}`], options);
  expect(own).toMatchObject({ status: 0, stderr: '' });
  const image = `docker://${registry.address}/ada/app:1`;
  expect(await isolate(['template', 'push', '--json', '--insecure', 'app', image], options)).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/^{"warning":.*}\n$/) as string,
  });
  expect(await isolate(['template', 'pull', '-q', '--insecure', 'again', image], options)).toMatchObject({ status: 0 });
  const record = JSON.parse(readFileSync(join(home, '.local/share/isolate/templates/again/.isolate/template.json'), 'utf8')) as object;
  expect(record).toMatchObject({ source: image, digest: expect.stringMatching(/^sha256:/) as string });
}, 120_000);

test('root makes no image where another user could exchange directories meanwhile, but puts an archive there', async () => {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  const [layout, archive] = [join(home, 'layout'), join(home, 'app.tar')];
  mkdirSync(layout);
  for (const path of [home, layout]) chownSync(path, 4201, 4201);
  for (const target of [`oci:${layout}`, `oci:${layout}:name`]) {
    const { status, stderr } = await isolate(['template', 'push', '-q', tree, target]);
    expect([status, stderr.split('\n')[0]]).toEqual([
      1,
      `isolate: ${layout} is not a safe place for an image: user 4201 can change ${home}.`,
    ]);
  }
  expect(await isolate(['template', 'push', '-q', tree, `oci-archive:${archive}`])).toMatchObject({ status: 0, stderr: '' });
  expect([readdirSync(home).toSorted(), readdirSync(layout)]).toEqual([['app.tar', 'layout'], []]);
  expect(execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).split('\n')).toContain('index.json');
});

test.each([
  [['push', 'x'], 'TARGET is missing.'],
  [['push', '/srv', 'somewhere'], 'A template cannot be pushed to "somewhere".'],
  [['push', '/srv', 'oci:x', '--compress', 'xz'], '--compress takes gzip or zstd, not "xz".'],
  [['push', '/srv', 'oci:x', '--insecure'], '--insecure is only for images of registries, not for "oci:x".'],
  [['pull', 'x', 'oci:x'], 'Only images of registries can be pulled, not "oci:x".'],
  [['create', 'x', '--from', '/', '--insecure'], '--insecure is only for images of registries, not for "/".'],
])('%j is refused', async (words, message) => {
  const { status, stderr } = await isolate(['template', ...words]);
  expect({ status, message: stderr.split('\n')[0] }).toEqual({ status: 2, message: `isolate: ${message}` });
});

test(
  'whenever push or pull is killed, or ended by Ctrl-C, targets and templates are whole, and nothing is left',
  { timeout: 120_000 + rounds * 10_000 },
  async () => {
    // That of this test alone.
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/tmp']);
    onTestFinished(() => void execFileSync('umount', ['/var/tmp']));
    const parent = mkdtempSync(join(tmpdir(), 'killed-'));
    const [template, archive] = [join(parent, 'app'), join(parent, 'app.tar')];
    const images = ['one', 'two'].map((tag) => `docker://${registry.address}/team/killed:${tag}`);
    const digestOf = (path: string): unknown =>
      (JSON.parse(readFileSync(join(path, '.isolate/template.json'), 'utf8')) as { digest: string }).digest;
    const known: unknown[] = [];
    const trees: string[] = [];
    const list = (path: string) =>
      execFileSync('find', ['.', '-printf', String.raw`%p %s %m\n`], { cwd: path, encoding: 'utf8' })
        .split('\n')
        .toSorted()
        .join('\n');
    /** Its digest and files. What outlives a killed pull may exchange the template meanwhile. */
    const look = (): { readonly digest: unknown; readonly files: string } => {
      for (;;) {
        const digest = digestOf(template);
        try {
          const files = list(template);
          if (digestOf(template) === digest) return { digest, files };
        } catch (error) {
          if (digestOf(template) === digest) throw error;
        }
      }
    };
    for (const image of images) {
      writeFileSync(join(tree, 'state'), image);
      expect(await isolate(['template', 'push', '-q', '--insecure', tree, image])).toMatchObject({ status: 0 });
      expect(await isolate(['template', 'pull', '-q', '--insecure', template, image])).toMatchObject({ status: 0 });
      known.push(digestOf(template));
      trees.push(list(template));
    }
    const started = performance.now();
    expect(await isolate(['template', 'pull', '-q', '--insecure', template, images[0]!])).toMatchObject({ status: 0 });
    const duration = performance.now() - started;
    for (let round = 0; round < rounds; round += 1) {
      const words =
        round % 4 < 2
          ? ['pull', '--insecure', template, images[known[0] === digestOf(template) ? 1 : 0]!]
          : ['push', tree, `oci-archive:${archive}`];
      const command = spawn(isolatePath, ['template', ...words], { stdio: 'ignore' });
      const ended = once(command, 'exit');
      await new Promise((resolve) => setTimeout(resolve, (duration * round) / rounds));
      command.kill(round % 2 === 0 ? 'SIGKILL' : 'SIGINT');
      await ended;
      const { digest, files } = look();
      expect(files).toBe(trees[known.indexOf(digest)]);
      if (existsSync(archive)) execFileSync('skopeo', ['inspect', `oci-archive:${archive}`]);
    }
    // Whoever comes next in the same place removes what is left.
    expect(await isolate(['template', 'push', '-q', tree, `oci-archive:${archive}`])).toMatchObject({ status: 0 });
    expect(await isolate(['template', 'push', '-q', '--insecure', template, images[0]!])).toMatchObject({ status: 0 });
    expect(readdirSync(parent).filter((name) => !name.startsWith('.app@'))).toEqual(['app', 'app.tar']);
    expect(readdirSync('/var/tmp')).toEqual([]);
  },
);
