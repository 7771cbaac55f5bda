import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { installClient, nodeOf } from '../rig/client.ts';
import { finished, isolatePath } from '../rig/isolate.ts';
import { allocatorVariables, nodeOptions, nodeVariables, pinnedNode } from '../rig/pinned-node.ts';
import { isStaticLauncher } from '../rig/launches.ts';
import { startPty } from '../rig/pty.ts';
import { makeClone, makePlace, startShelf, systemShelf } from '../rig/shelf.ts';

/** In Node's place: tells what it was started with. */
const telling = `#!/usr/bin/perl
open(my $file, "<&=", $ENV{ISOLATE_CALLER});
my $seals = fcntl($file, 1034, 0);
local $/;
my $caller = <$file>;
open(my $arguments, "<", "/proc/self/cmdline");
open(my $environment, "<", "/proc/self/environ");
print join("\\1", <$arguments>, <$environment>, $caller, $seals & 15);
`;

const noDebugger = '--inspect-port=192.0.2.1:1024';

/** The path of that Node as the client writes it. */
const startedAs = (client: string): string => `${dirname(client)}/../node_modules/node-linux-${process.arch}/bin/node`;

interface Told {
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  /** Without the descriptors, which depend on whoever runs the tests. */
  readonly caller: readonly string[];
  readonly seals: string;
}

async function start(client: string, words: readonly string[], environment: NodeJS.ProcessEnv): Promise<Told> {
  const { stdout, stderr } = await finished(spawn(client, words, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }));
  expect(stderr).toBe('');
  const [first = '', second = '', third = '', seals = ''] = stdout.split('\u0001');
  const strings = (text: string): readonly string[] => text.split('\0').slice(0, -1);
  return { arguments: strings(first).slice(1), environment: strings(second), caller: strings(third).slice(1), seals };
}

describe('what Node is started with', () => {
  const fixed = (client: string): Pick<Told, 'arguments' | 'environment'> => ({
    arguments: [startedAs(client), noDebugger, join(dirname(client), 'start.cjs'), ' '.repeat(1023)],
    environment: ['ISOLATE_CALLER=5', `NODE_COMPILE_CACHE=${dirname(client)}/compile-cache`],
  });

  it('has no word and no variable of the caller, which are in a sealed memory file', async () => {
    const client = await installClient(telling);
    mkdirSync(join(dirname(client), 'compile-cache'));
    const words = nodeOptions().flatMap((name) => [name, `${name}=/evil.cjs`]);
    const names = [...nodeVariables(), 'ISOLATE_CALLER', 'HOME', 'ü', 'EMPTY'];
    // A build with the address sanitizer has a dynamic linker.
    const heeded = isStaticLauncher ? names : names.filter((name) => !name.startsWith('LD_'));
    const environment = { ...Object.fromEntries(heeded.map((name) => [name, `/${name}`])), ...allocatorVariables };
    expect(await start(client, ['doctor', ...words, '', 'ä\n'], { ...environment, EMPTY: '' })).toEqual({
      ...fixed(client),
      caller: [
        String(words.length + 3),
        'doctor',
        ...words,
        '',
        'ä\n',
        ...Object.entries({ ...environment, EMPTY: '' }).map(([name, value]) => `${name}=${value}`),
      ],
      seals: '15',
    });
  });

  it('has a connection to the client and the root of the shelf beside that where it is to decide a run', async () => {
    const client = await installClient(telling);
    const { ask } = await startShelf(systemShelf);
    expect(await ask(`put ${makeClone(makePlace().clones, '1')}`)).toBe(0);
    const { arguments: words, environment, caller } = await start(client, ['a', 'b'], { WORD: 'c' });
    expect({ words, caller, names: environment.map((text) => text.replace(/=[0-9]+$/, '')) }).toEqual({
      words: fixed(client).arguments,
      caller: ['2', 'a', 'b', 'WORD=c'],
      names: ['ISOLATE_CALLER', 'ISOLATE_CLIENT', 'ISOLATE_SHELF'],
    });
  });

  it('has the flags of a long-lived process, only for the daemon', async () => {
    const client = await installClient(telling);
    const [node, , ...rest] = fixed(client).arguments;
    expect(await start(client, ['serve', '--x'], {})).toMatchObject({
      arguments: [node, noDebugger, '--max-semi-space-size=1', '--max-old-space-size=192', ...rest],
      caller: ['2', 'serve', '--x'],
    });
    expect(await start(client, ['--x', 'serve'], {})).toMatchObject({ arguments: [node, noDebugger, ...rest] });
  });
});

it('cannot open its debugger, to which other users could connect, before the program listens to SIGUSR1', async () => {
  const script = `
    process.kill(process.pid, 'SIGUSR1');
    process.stdin.on('end', () => console.log(String(require('node:inspector').url()))).resume();
  `;
  const child = spawn(pinnedNode, [noDebugger, '-e', script], { env: {}, stdio: 'pipe' });
  const all = finished(child);
  child.stderr.once('data', () => child.stdin.end());
  expect(await all).toEqual({
    status: 0,
    signal: null,
    stdout: 'undefined\n',
    // Node may try it more than once.
    stderr: expect.stringMatching(/^(?:Starting inspector on 192\.0\.2\.1:1024 failed: address not available\n)+$/) as string,
  });
});

describe('the Node that is started', () => {
  const end = (client: string, options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {}): unknown => {
    const { status, stdout, stderr } = spawnSync(client, ['a'], { encoding: 'utf8', env: {}, ...options });
    return { status, stdout, stderr };
  };
  const none = {
    status: 125,
    stdout: '',
    stderr:
      'isolate: no Node of version 22.22 or later was found (the one in PATH: none)\n' +
      'hint: run npm install in the directory of isolate to get the right one\n',
  };

  it('is the one beside the package where isolate is a dependency', async () => {
    const client = await installClient();
    const directory = mkdtempSync(join(tmpdir(), 'dependency-'));
    mkdirSync(join(directory, 'isolate-clone'));
    renameSync(dirname(client), join(directory, 'isolate-clone/dist'));
    renameSync(join(nodeOf(client), '../..'), join(directory, `node-linux-${process.arch}`));
    expect(end(join(directory, 'isolate-clone/dist/isolate'))).toEqual({ status: 42, stdout: 'node:\n6100\n', stderr: '' });
    rmSync(directory, { recursive: true });
  });

  it('is otherwise the first program of that name in the absolute directories of PATH', async () => {
    const client = await installClient();
    const directory = mkdtempSync(join(tmpdir(), 'path-'));
    mkdirSync(join(directory, 'first/node'), { recursive: true });
    mkdirSync(join(directory, 'second'));
    writeFileSync(join(directory, 'second/node'), 'no program', { mode: 0o644 });
    mkdirSync(join(directory, 'third'));
    renameSync(nodeOf(client), join(directory, 'third/node'));
    const all = ['', '/no/such', 'first', 'second', 'third'].map((name) =>
      name.startsWith('/') || name === '' ? name : join(directory, name),
    );
    const path = { env: { PATH: all.join(':') } };
    expect(end(client, path)).toEqual({ status: 42, stdout: 'node:\n6100\n', stderr: '' });
    for (const PATH of ['third', ':', '', `.:${directory}/second`]) {
      expect(end(client, { env: { PATH }, cwd: PATH === 'third' ? directory : join(directory, 'third') })).toEqual(none);
    }
    expect(end(client)).toEqual(none);
    rmSync(directory, { recursive: true });
  });

  it('is refused by the program if it is too old', () => {
    const script = `
      Object.defineProperty(process.versions, 'node', { value: process.argv[1] });
      Object.defineProperty(process, 'version', { value: 'v' + process.argv[1] });
      process.getBuiltinModule = undefined;
      require(process.argv[2]);
    `;
    for (const version of ['10.24.0', '18.20.4', '22.21.9']) {
      const words = ['-e', script, version, join(dirname(isolatePath), 'start.cjs')];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', env: {} });
      expect({ status, stdout, stderr }).toEqual({ ...none, stderr: none.stderr.replace('none', `v${version}`) });
    }
  });

  it('is not started if its program is missing, as beside a lone copy of isolate', async () => {
    const client = await installClient();
    rmSync(join(dirname(client), 'start.cjs'));
    expect(end(client)).toEqual({
      status: 125,
      stdout: '',
      stderr:
        `isolate: ${join(dirname(client), 'start.cjs')}: No such file or directory\n` +
        'hint: isolate runs from the dist directory of its build; make a link to it, not a copy\n',
    });
  });

  it('is not started if the caller may not write a file of the needed size, and nothing is killed', async () => {
    const client = await installClient();
    // 100 KiB are enough for Node itself, but not for this command line.
    const words = ['-c', 'ulimit -f 200; exec "$@"', 'sh', client, 'x'.repeat(120_000)];
    const { status, stdout, stderr } = spawnSync('/bin/sh', words, { encoding: 'utf8', env: {} });
    expect({ status, stdout, stderr }).toEqual({
      status: 125,
      stdout: '',
      stderr: 'isolate: the memory file for the command line cannot be made: File too large\nhint: ulimit -f unlimited\n',
    });
  });

  it('is named in the error if it cannot be executed', async () => {
    const client = await installClient('no program at all');
    chmodSync(nodeOf(client), 0o755);
    expect(end(client)).toEqual({ status: 125, stdout: '', stderr: `isolate: ${startedAs(client)}: Exec format error\n` });
  });
});

it('is shown by ps with the command line, and called isolate', async () => {
  const words = ['status', '--watch', '--json'];
  const pty = await startPty([join(dirname(isolatePath), 'isolate-node'), ...words]);
  await pty.see('"pools"');
  const { stdout } = spawnSync('ps', ['-e', '-ww', '-o', 'comm=,args='], { encoding: 'utf8' });
  pty.type('\u0003');
  await pty.ended;
  expect(stdout.split('\n').map((line) => line.trim())).toContain('isolate         isolate status --watch --json');
});
