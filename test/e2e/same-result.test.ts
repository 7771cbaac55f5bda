import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { options } from '../../src/cli/options.ts';
import { isolatePath } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { useWay } from '../rig/ways.ts';
import { optionExamples } from './option-examples.ts';

const nodeProgram = join(dirname(isolatePath), 'isolate-node');
const scratch = mkdtempSync(join(tmpdir(), 'isolate-same-'));
const way = useWay('daemon');
beforeAll(async () => {
  writeFileSync(join(await busyboxRootfs(join(scratch, 'root')), 'file'), 'in the root\n');
  mkdirSync(join(scratch, 'directory'));
  writeFileSync(join(scratch, 'directory/file'), 'bound\n');
  chmodSync(join(scratch, 'directory'), 0o755);
  writeFileSync(join(scratch, 'with:colon'), 'colon\n');
  writeFileSync(join(scratch, 'variables'), '# more\nFROM_FILE=a b\nUMLAUT=ü\n');
  writeFileSync(join(scratch, 'wrong'), 'no equals sign\n');
  writeFileSync(join(scratch, 'disk.img'), Buffer.alloc(2 ** 20));
  symlinkSync('directory', join(scratch, 'link'));
  // The program in Node makes the places of a template's layers.
  spawnSync(nodeProgram, ['-t', join(scratch, 'root'), '--ephemeral', 'true']);
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

interface Result {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was written to descriptor 3. */
  readonly events: string;
}

function start(program: string, words: readonly string[], shown: (text: string) => string = withoutNumbers): Result {
  const env = { PATH: '/usr/bin:/bin', HOME: '/root', TERM: 'vt100', PASSED: 'through', EMPTY: '', HOST_ONLY: 'x' };
  const { status, signal, output } = spawnSync(program, words, {
    encoding: 'utf8',
    env,
    cwd: scratch,
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, stdout = '', stderr = '', events = ''] = output.map((text) => shown(text ?? ''));
  return { status, signal, stdout, stderr, events };
}

/** No two runs have the same clone, id or process, nor these two the same way; where no clone is fresh Node makes one. */
function withoutNumbers(text: string): string {
  return text
    .replaceAll(/^\+ \/usr\/sbin\/z(?:fs|pool) .*\n/gm, '')
    .replaceAll(/_[0-9]{8,}/g, '_CLONE')
    .replaceAll(/\b[0-9a-f]{16}\b/g, 'RUN')
    .replace(/^\+ way: (?:node|daemon)$/m, '+ way')
    .replace(/"way":"(?:node|daemon)"/, '"way"');
}

// What no single option shows, each behind `-z DATASET --wait 60`.
test.each<[string, readonly string[]]>([
  ['a command', ['cat', '/etc/os-release']],
  ['a command behind --', ['--', 'echo', '-q']],
  ['an id base of the host', ['-u', '1000', 'true']],
  ['a working directory that is not there', ['-p', '/nowhere', 'pwd']],
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
  ['a host name that is none', ['--hostname', '-x', 'true']],
  ['two binds with one target', ['-d', 'directory:/mnt', '-d', 'link:/mnt', 'true']],
  ['a bind into /proc', ['-d', 'directory:/proc/1', 'true']],
  ['a variable with a bad name', ['-v', '1=2', 'env']],
  ['a file of variables that is wrong', ['--env-file', 'wrong', 'env']],
  ['a file of variables that is not there', ['--env-file', 'missing', 'env']],
  ['a status', ['sh', '-c', 'exit 7']],
  ['a death by a signal', ['sh', '-c', 'kill -SEGV $$']],
  ['a command that is not there', ['no-such\ncommand']],
  ['a command that is no program', ['/etc/passwd']],
  ['no command', []],
  ['an unknown option', ['--bnd', 'true']],
  ['an option without a value', ['-d']],
  ['a root twice', ['-t', '/', 'true']],
  ['a number that is none', ['--pids', '1e3', 'true']],
  ['a machine with binds', ['-e', 'kvm', '-d', 'directory:/mnt', '--tmpfs', '/scratch', 'cat', '/mnt/file']],
  ['a machine that cannot run', ['-e', 'kvm', '--memory', '1M', 'true']],
  ['a hook that fails', ['--pre-hook', 'exit 3', 'true']],
  ['words of every sort', ['printf', '[%s]', '', ' ', '-z', '$HOME', '`id`', 'ü', '\n', '\t', '\\', '"', "'", '*', '--']],
])('%s: the daemon and the program in Node say and do the same', (_, words) => {
  const command = [...way.root, ...words];
  expect(start(isolatePath, command)).toEqual(start(nodeProgram, command));
});

/** The way that a run took, as --trace tells of it; null: it was none. */
function wayOf(line: readonly string[]): string | null {
  const { stderr } = start(isolatePath, ['--trace', ...line], (text) => text);
  return /^(?:\+ way: |\{.*"way":")([a-z]+)/m.exec(stderr)?.[1] ?? null;
}

const ofRuns = options.filter(({ verbs }) => verbs.includes('run'));
const examples = ofRuns.flatMap((option) =>
  (optionExamples('', '')[option.long] ?? []).map((_, index) => [option.long, index + 1, option] as const),
);

test('every option of a run has an example', () => {
  expect(ofRuns.map(({ long }) => long).filter((long) => optionExamples('', '')[long] === undefined)).toEqual([]);
});

test.each(examples)('--%s, example %i: both ways say and do the same, and it takes the one that the table says', (_, index, option) => {
  const dataset = way.root[1] ?? '';
  const example = optionExamples(scratch, dataset)[option.long]?.[index - 1];
  if (example === undefined) throw new Error('There is no such example.');
  const { words, command = ['true'], bare } = example;
  const line = [...(bare === true ? [] : way.root), ...words, ...(command.length === 0 ? [] : ['--', ...command])];
  expect(start(isolatePath, line)).toEqual(start(nodeProgram, line));
  const ofTable = option.carriedBy === 'launcher' ? 'daemon' : 'node';
  expect(wayOf(line)).toBe(example.way === undefined ? ofTable : example.way);
});
