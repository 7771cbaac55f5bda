import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proofCases } from '../../src/prove/cases.ts';
import { type Daemon, socketFile, startDaemon } from '../rig/daemon.ts';
import { isolatePath } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';
import { type Configuration, configurations, nameOf } from './configurations.ts';
import { judgeCase } from './judge.ts';
import { buildPrograms, type ProbeRun, type Programs, runProbe } from './probe.ts';
import { recordResults, type Row } from './record.ts';

const execFileAsync = promisify(execFile);
const PLAIN_USER = 31_337;
const rows: Row[] = [];
const cases = proofCases(process.arch).filter(({ id }) => id !== 'exhaustion/processes' && id !== 'exhaustion/memory');

let directory: string;
let programs: Programs;
let served: Served | null = null;

interface Served {
  readonly daemon: Daemon;
  readonly template: ZfsTemplate;
}

beforeAll(async () => {
  directory = await mkdtemp('/var/tmp/isolate-matrix-');
  await chmod(directory, 0o755);
  programs = await buildPrograms(join(directory, 'programs'));
  await addPlainUser(directory, PLAIN_USER);
});
afterAll(async () => {
  await recordResults('matrix', rows);
  await served?.daemon.end();
  await served?.template.pool.end();
  await rm(directory, { recursive: true, force: true });
});

/** A template of the configuration's own: root's is root's, the plain user's has the ids that their map shows as 0. */
async function makeTemplate({ engine, user }: Pick<Configuration, 'engine' | 'user'>): Promise<string> {
  const owner = user === 'root' ? 0 : PLAIN_USER;
  const parent = await mkdtemp(join(directory, 'template-'));
  await chmod(parent, 0o700);
  await chown(parent, owner, owner);
  const root = await busyboxRootfs(join(parent, 'root'));
  await Promise.all([mkdir(join(root, 'probe'), { recursive: true }), mkdir(join(root, 'tmp'), { recursive: true })]);
  await copyFile(programs.probe, join(root, 'probe/isolate-probe'));
  await chmod(join(root, 'probe/isolate-probe'), 0o755);
  if (owner !== 0) await execFileAsync('chown', ['-R', '--no-dereference', `${String(owner)}:${String(owner)}`, root]);
  if (engine === 'chroot') await writeFile(join(root, 'etc/resolv.conf'), '');
  return root;
}

/** A dataset that the daemon lends clones of, to the plain user as well; one for all configurations. */
async function serve(): Promise<Served> {
  const tree = await makeTemplate({ engine: 'bwrap', user: 'root' });
  const template = await makeZfsTemplate({ tree });
  const daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 2\nusers = [${PLAIN_USER}]\n`);
  // As if this were the group isolate.
  await chown(socketFile, 0, PLAIN_USER);
  return { daemon, template };
}

async function rootOptions(configuration: Configuration): Promise<readonly string[]> {
  if (!configuration.daemon) return ['--template', await makeTemplate(configuration)];
  served ??= await serve();
  return ['--zfs', served.template.dataset, '--wait', '60'];
}

async function probeInside(configuration: Configuration, options: readonly string[], words: readonly string[]): Promise<ProbeRun> {
  const root = await rootOptions(configuration);
  return runProbe(programs, {
    prefix: [isolatePath, '--quiet', '--engine', configuration.engine, ...root, ...options, '--'],
    probe: '/probe/isolate-probe',
    terminal: configuration.terminal,
    uid: configuration.user === 'root' ? 0 : PLAIN_USER,
    bait: true,
    words,
    timeoutMs: 60_000,
  });
}

/**
 * The positive control: the same attacks by root without isolate, in mounts of its own where memory file systems lie
 * unbounded where a sandbox has bounded ones, and something covers /proc/sys.
 */
async function probeOutside(terminal: Configuration['terminal']): Promise<ProbeRun> {
  const prepare = 'for at in /tmp /home /run; do mount -t tmpfs tmpfs $at; done; mount --bind /proc/sys /proc/sys; exec "$@"';
  const prefix = ['unshare', '--mount', 'sh', '-ec', prepare, 'sh'];
  return runProbe(programs, { prefix, probe: programs.probe, terminal, uid: 0, bait: true, words: [], timeoutMs: 60_000 });
}

describe.each(configurations.map((each) => [nameOf(each), each] as const))('%s', (name, configuration) => {
  let inside: ProbeRun;
  let control: ProbeRun;
  beforeAll(async () => {
    control = await probeOutside(configuration.terminal);
    inside = await probeInside(configuration, [], []);
    if (inside.results.size === 0) throw new Error(`The probe did not run (status ${String(inside.status)}): ${inside.stderr}`);
  });

  test.for(cases.filter((each) => configuration.promises(each)))('$claim ($id)', (each, context) => {
    const row = judgeCase(each, name, inside, control);
    rows.push(row);
    if (row.result === 'skipped') context.skip(row.reason);
    expect(row).toEqual({ ...row, result: 'held', reason: '' });
  });

  test('the caller’s terminal is as it was, and nothing was typed into it', () => {
    expect(inside.terminal).toEqual({ typed: 0, settings: 'same', flags: 'same' });
  });
});

describe.each(
  configurations
    .filter(({ engine, user, terminal, daemon }) => engine !== 'chroot' && user === 'root' && terminal === 'pipes' && !daemon)
    .map((each) => [nameOf(each), each] as const),
)('%s, limits', (name, configuration) => {
  test.for([
    ['processes', ['--pids', '64'], 'pids=64'],
    ['memory', ['--memory', '64M'], 'memory=64'],
  ] as const)('no more %s than allowed can be used', async ([what, options, word]) => {
    const run = await probeInside(configuration, options, [word, `exhaustion/${what}`]);
    const row = judgeCase(
      proofCases(process.arch).find(({ id }) => id === `exhaustion/${what}`)!,
      name,
      run,
      await freely(word, what),
    );
    rows.push(row);
    expect(row).toEqual({ ...row, result: 'held', reason: '' });
  });
});

/** The control: without isolate as many processes and as much memory can be had. */
async function freely(word: string, what: string): Promise<ProbeRun> {
  return runProbe(programs, {
    prefix: [],
    probe: programs.probe,
    terminal: 'none',
    uid: 0,
    bait: false,
    words: [word, `exhaustion/${what}`],
    timeoutMs: 60_000,
  });
}
