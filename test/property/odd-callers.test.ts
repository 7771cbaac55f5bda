import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { compileStatic } from '../rig/compile.ts';
import { makeHomes, type OddEnd, runAsOddCaller } from '../rig/odd-callers.ts';
import { commandLines, type Environment, environments, kinds, plain } from '../rig/odd-environments.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

/** How many environments are tried: more by hand, `ISOLATE_TEST_ENVIRONMENTS=10000`. */
const count = Number(process.env['ISOLATE_TEST_ENVIRONMENTS'] ?? 300);
/** As many at one time; each has directories of its own. */
const streams = [0, 1] as const;

const uidOf = (stream: number, kind: (typeof kinds)[number]): number => (kind === 'root' ? 0 : 61_000 + 10 * stream + kinds.indexOf(kind));

let top = '';
let template = '';
let caller = '';
beforeAll(async () => {
  caller = await compileStatic(join(import.meta.dirname, '../rig/caller.c'));
  top = mkdtempSync(join(tmpdir(), 'isolate-odd-'));
  chmodSync(top, 0o755);
  template = await busyboxRootfs(join(top, 'template'));
  const ranges = { user: undefined, 'several ranges': severalRanges, 'no subordinate ids': null };
  for (const stream of streams) {
    for (const kind of kinds) makeHomes(homeDirectory(stream, kind), uidOf(stream, kind));
    for (const kind of ['user', 'several ranges', 'no subordinate ids'] as const)
      await addPlainUser(homeDirectory(stream, kind), uidOf(stream, kind), ranges[kind]);
  }
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

const severalRanges = [
  [61_000, 100],
  [1_600_000_000, 100],
  [1_600_000_050, 65_536],
] as const;
const homeDirectory = (stream: number, kind: string): string => join(top, `${stream}`, kind.replaceAll(' ', '-'));

test.concurrent.each(streams)(
  'whatever its environment, the command line ends as documented and leaves nothing behind (stream %i)',
  { timeout: 24 * 3600 * 1000 },
  async (stream) => {
    await fc.assert(
      fc.asyncProperty(environments, async (environment) => {
        const end = await runIn(stream, environment);
        expect({ ...end, faults: faultsOf(environment, end) }).toMatchObject({ faults: [] });
      }),
      { numRuns: Math.ceil(count / streams.length) },
    );
  },
);

test('a caller with nothing odd runs the command', async () => {
  for (const kind of kinds) expect((await runIn(0, { ...plain, kind })).report).toEqual(['exited 7']);
});

async function runIn(stream: number, environment: Environment): Promise<OddEnd> {
  const { kind, home, runtime, cwd, variables, umask, limits, closed, signals, mounts, noNewPrivileges, capabilities, commandLine, json } =
    environment;
  const directory = homeDirectory(stream, kind);
  const uid = uidOf(stream, kind);
  const removed = cwd === 'removed' && !mounts.includes('/tmp');
  const expand = (text: string): string => (text.startsWith('~') ? join(directory, text.slice(1)) : text);
  const texts = Object.entries({ ...variables, HOME: home, XDG_RUNTIME_DIR: runtime }).filter((entry) => entry[1] !== null);
  const args = new Map(commandLines()).get(commandLine)?.(template) ?? [];
  return await runAsOddCaller(
    caller,
    [
      ['empty', '/run/isolate'],
      ['empty', '/var/lib/isolate'],
      ['read-only', expand('~read-only')],
      ['full', expand('~full')],
      ['no-inodes', expand('~no-inodes')],
      ...mounts.map((path) => ['read-only', path] as const),
      ['state', '/run/isolate'],
      ['state', '/var/lib/isolate'],
      ['state', directory],
      ...capabilities.map((number) => ['drop', number] as const),
      removed ? ['removed', join(directory, 'gone')] : ['chdir', cwd === 'removed' ? '/' : expand(cwd)],
      ...(uid === 0 ? [] : [['user', String(uid)] as const]),
      ...(noNewPrivileges ? [['no-new-privs', ''] as const] : []),
      ['umask', umask],
      ...signals,
      ...limits.map((limit) => ['limit', limit] as const),
      ...closed.map((number) => ['close', number] as const),
    ],
    Object.fromEntries(texts.map(([name, text]) => [name, expand(text ?? '')])),
    json ? withJson(args) : args,
  );
}

/** Verbs stay the first word. */
function withJson([first = '', ...rest]: readonly string[]): readonly string[] {
  return first.startsWith('-') ? ['--json', first, ...rest] : [first, '--json', ...rest];
}

const isRun = (args: readonly string[]): boolean => args.includes('exit 7');

/** What is not as the documents say. */
function faultsOf({ commandLine, closed }: Environment, { stderr, report }: OddEnd): readonly string[] {
  const [first = 'nothing', ...left] = report;
  const args = new Map(commandLines()).get(commandLine)?.(template) ?? [];
  const [, status = ''] = /^exited (\d+)$/.exec(first) ?? [];
  const statuses = !isRun(args) ? ['0', '1', '2', '125'] : args[0] === '--dry-run' ? ['0', '125'] : ['7', '125'];
  const line = stderr.split('\n').find((text) => text !== '' && !/^isolate: warning: |^\{"(warning|notice)":/.test(text)) ?? '';
  const told = closed.includes('2') || status === '0' || status === '7' || /^isolate: (?:[A-Z/]|--)|^\{"error":/.test(line);
  return [
    ...(statuses.includes(status) ? [] : [`it ended with: ${first}`]),
    ...left,
    ...(told || (status === '1' && commandLine === 'doctor') ? [] : [`it said first: ${line}`]),
    ...(/This is a bug in isolate|"internal"|^ {4}at |node:internal/m.test(stderr) ? ['it said what only a defect says'] : []),
  ];
}
