import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { commandLine } from '../rig/command-line.ts';
import { isolate, isolatePath } from '../rig/isolate.ts';

// None of these reaches the directory: whatever were started or made in it would be a failure of its own.
const root = ['-t', '/dev/null/none'];

test.each<[string, readonly string[], string]>([
  [
    'nothing at all',
    [],
    'isolate: Nothing to run on: give -c TEMPLATE, -z DATASET or -t DIR.\nhint: isolate template list shows the templates, isolate template create --help how to make one\n',
  ],
  ['an empty command', [...root, ''], 'isolate: The command is an empty string.\n'],
  [
    'an unknown engine',
    ['-e', 'qemu', ...root, 'true'],
    'isolate: There is no engine named "qemu".\nhint: engines: bwrap, lxc, kvm, chroot\n',
  ],
  [
    'an engine with a control character',
    ['-e', '\u001b[2J', ...root, 'true'],
    'isolate: There is no engine named "\\u001b[2J".\nhint: engines: bwrap, lxc, kvm, chroot\n',
  ],
  ['an engine given twice', ['-e', 'lxc', '-e', 'lxc', ...root, 'true'], 'isolate: The option --engine was given twice.\n'],
  ['an unknown option', ['--bnd', 'a:b', ...root, 'true'], 'isolate: There is no option --bnd.\nhint: did you mean --bind?\n'],
  ['an unknown short option', ['-nK', ...root, 'true'], 'isolate: There is no option -K.\nhint: isolate --help lists the options\n'],
  ['an option without its value', [...root, '-p'], 'isolate: The option --chdir needs a value.\nhint: -p, --chdir DIR\n'],
  ['a flag with a value', ['--share-net=no', ...root, 'true'], 'isolate: The option --share-net takes no value.\n'],
  ['a negative number', ['--wait', '-1', ...root, 'true'], 'isolate: --wait takes seconds, from 0 to 2147483, not "-1".\n'],
  ['a number with an exponent', ['--pids', '1e3', ...root, 'true'], 'isolate: --pids takes a whole number from 1 to 4194304, not "1e3".\n'],
  [
    'a number with a prefix',
    ['-u', '0x10', ...root, 'true'],
    'isolate: --uid-base takes a whole number from 1 to 4294901759, not "0x10".\n',
  ],
  ['a number with a blank', ['--cpu', ' 5', ...root, 'true'], 'isolate: --cpu takes a whole number from 1 to 100000, not " 5".\n'],
  [
    'a snapshot as dataset',
    ['-z', 'tank/a@b', 'true'],
    'isolate: "tank/a@b" is not a dataset that isolate can use: it names a snapshot or bookmark.\nhint: name the dataset, "tank/a": a run gets a clone of its newest snapshot\n',
  ],
  [
    'a dataset that looks like an option',
    ['-z', '-rf', 'true'],
    'isolate: "-rf" is not a dataset that isolate can use: a part of it begins with "-".\n',
  ],
  ['two roots', ['-z', 'tank/a', ...root, 'true'], 'isolate: A run has one root: give only one of -c TEMPLATE, -z DATASET and -t DIR.\n'],
  [
    'a misspelled verb',
    ['refrsh', 'tank/a'],
    'isolate: There is no verb "refrsh", and a run needs -c TEMPLATE, -z DATASET or -t DIR.\nhint: did you mean refresh?\n',
  ],
  [
    'a command of two letters without a root',
    ['ls'],
    'isolate: There is no verb "ls", and a run needs -c TEMPLATE, -z DATASET or -t DIR.\nhint: isolate -c TEMPLATE ls, or make a template for runs that name none: isolate template create debian --from debian:trixie --default\n',
  ],
  [
    'a command without a root',
    ['version'],
    'isolate: There is no verb "version", and a run needs -c TEMPLATE, -z DATASET or -t DIR.\nhint: isolate -c TEMPLATE version, or make a template for runs that name none: isolate template create debian --from debian:trixie --default\n',
  ],
  [
    'a command without a root behind an option',
    ['-q', 'make'],
    'isolate: Nothing to run on: give -c TEMPLATE, -z DATASET or -t DIR.\nhint: isolate template list shows the templates, isolate template create --help how to make one\n',
  ],
  [
    'a verb behind an option',
    ['-q', 'refresh', 'tank/a'],
    'isolate: The verb refresh must come first, before any option.\nhint: isolate refresh ...\n',
  ],
  ['an option the engine lacks', ['-e', 'lxc', '-1', ...root, 'true'], 'isolate: The engine lxc does not support -1; bwrap does.\n'],
  ['--force without a refresh', ['-f', ...root, 'true'], 'isolate: The option --force needs -r.\n'],
  ['a status descriptor that is not open', ['--status-fd', '77', ...root, 'true'], 'isolate: --status-fd 77 is not open for writing.\n'],
  [
    'a status descriptor of standard input',
    ['--status-fd', '0', ...root, 'true'],
    'isolate: --status-fd takes a whole number from 1 to 65535, not "0".\n',
  ],
])('%s is an error of its own and status 125', (_, args, stderr) => {
  expect(commandLine(args)).toEqual({ status: 125, stdout: '', stderr });
});

test.each<[string, readonly string[], string]>([
  ['a refresh of nothing', ['refresh'], 'isolate: No template was given.\nhint: isolate refresh TEMPLATE [COUNT]\n'],
  ['a refresh to no clone', ['refresh', 'tank/a', '0'], 'isolate: COUNT takes a whole number from 1 to 1000, not "0".\n'],
  ['a refresh to too many', ['-r', 'tank/a', '1001'], 'isolate: COUNT takes a whole number from 1 to 1000, not "1001".\n'],
  ['a refresh to 1e2', ['refresh', 'tank/a', '1e2'], 'isolate: COUNT takes a whole number from 1 to 1000, not "1e2".\n'],
  [
    'a refresh with a word too many',
    ['refresh', 'a', '1', '2'],
    'isolate: Unexpected argument "2".\nhint: isolate refresh TEMPLATE [COUNT]\n',
  ],
  ['a refresh with an option of run', ['-r', 'a', '-n'], 'isolate: The option --share-net cannot be combined with -r.\n'],
  [
    'a shell without completions',
    ['completion', 'tcsh'],
    'isolate: "tcsh" is not a shell for which isolate has completions.\nhint: isolate completion bash|zsh|fish\n',
  ],
  ['no shell', ['completion'], 'isolate: No shell was given.\nhint: isolate completion bash|zsh|fish\n'],
  ['help on no verb', ['help', 'refrsh'], 'isolate: There is no help on "refrsh".\nhint: did you mean refresh?\n'],
  [
    'a watch of nothing',
    ['watch'],
    'isolate: No template was given, and /etc/isolate/config.toml names none.\nhint: isolate watch TEMPLATE[=COUNT]...\n',
  ],
  ['a word after doctor', ['doctor', 'bwrap'], 'isolate: Unexpected argument "bwrap".\nhint: isolate doctor [OPTIONS]\n'],
  ['a watch with a bad count', ['watch', 'tank/a=b'], 'isolate: COUNT takes a whole number from 1 to 1000, not "b".\n'],
])('%s is a usage error and status 2', (_, args, stderr) => {
  expect(commandLine(args)).toEqual({ status: 2, stdout: '', stderr });
});

test('an error is one JSON object with --json', () => {
  const { status, stdout, stderr } = commandLine(['--json', '-e', 'qemu', ...root, 'true']);
  expect({ status, stdout, parsed: JSON.parse(stderr) }).toEqual({
    status: 125,
    stdout: '',
    parsed: { error: { code: 'usage', message: 'There is no engine named "qemu".', hint: 'engines: bwrap, lxc, kvm, chroot', causes: [] } },
  });
});

test('an argument that is not UTF-8 is refused rather than changed', () => {
  // A shell, because Node hands on text only.
  const script = `exec "$0" "$1" -t /dev/null/none printf '%s' "$(printf 'a\\377b')"`;
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const { status, stderr } = spawnSync('/bin/sh', ['-c', script, process.execPath, main], { encoding: 'utf8', timeout: 30_000 });
  expect({ status, firstLine: stderr.split('\n')[0] }).toEqual({
    status: 125,
    firstLine: 'isolate: Argument 5 is not valid UTF-8, so isolate cannot pass it on unchanged.',
  });
});

test('a status descriptor that is only Node’s own is not open', async () => {
  const numbers = Array.from({ length: 30 }, (_, index) => index + 3);
  const ends = await Promise.all(numbers.map((number) => isolate(['--status-fd', String(number), ...root, 'true'])));
  expect(ends.map(({ status, signal, stderr }) => ({ status, signal, stderr }))).toEqual(
    numbers.map((number) => ({ status: 125, signal: null, stderr: `isolate: --status-fd ${number} is not open for writing.\n` })),
  );
});

test('an environment file without an end is refused, and one that nobody writes to is empty', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-environment-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const pipe = join(directory, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const run = async (file: string): Promise<string> => (await isolate(['--env-file', file, ...root, 'true'])).stderr.split('\n')[0] ?? '';
  expect({ endless: await run('/dev/zero'), unwritten: await run(pipe) }).toEqual({
    endless: 'isolate: "/dev/zero" is larger than 4 MiB.',
    unwritten: 'isolate: There is no template directory /dev/null/none.',
  });
});

test('the status descriptor reports the code of a failure', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-status-'));
  const file = join(directory, 'status');
  const descriptor = openSync(file, 'w');
  try {
    const { status } = commandLine(['--status-fd', '3', '-e', 'qemu', ...root, 'true'], [descriptor]);
    expect({ status, content: readFileSync(file, 'utf8') }).toEqual({
      status: 125,
      content: '{"event":"failed","error":"usage","message":"There is no engine named \\"qemu\\"."}\n',
    });
  } finally {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
});

test('the status descriptor may have any number that the caller can open', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-status-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'status');
  const words = [isolatePath, '--status-fd', '1500', ...root, 'true'];
  spawnSync('bash', ['-c', 'ulimit -n 2048 && exec 1500> "$0" && exec "$@"', file, ...words]);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ event: 'failed', error: 'template-missing' });
});

test('the option to install the wrapper says that there is nothing to install', () => {
  expect(commandLine(['-w', '/srv/root'])).toEqual({
    status: 0,
    stdout: '',
    stderr: 'isolate: Nothing needs to be installed in a template: isolate passes the system-call filter to the engine.\n',
  });
});
