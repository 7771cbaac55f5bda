import { join } from 'node:path';

import { bareLaunch as nothingAround } from '../../src/launch/bare-launch.ts';
import type { Descriptor, Launch } from '../../src/launch/launch.ts';
import type { Outcome } from '../../src/launch/outcome.ts';
import { planStage, stageFile, stageFileNumber, stageName } from '../../src/engine/stage.ts';
import { type LaunchHandle, type LaunchOptions, startLaunch } from '../../src/process/launch.ts';
import { make } from './compile.ts';

export type Wrapping = 'bare' | 'init' | 'bwrap';

/** Longer than any test waits between SIGTERM and the end it asks for. */
export const longGraceMs = 30_000;

/** isolate-launch, built if need be; $ISOLATE_TEST_LAUNCHER names another build of it. */
export async function launcherPath(): Promise<string> {
  return process.env['ISOLATE_TEST_LAUNCHER'] ?? join(await make('launcher'), 'isolate-launch');
}

/** The address sanitizer's build is not: it cannot be the stage in a root without its libraries, and it needs more memory. */
export const isStaticLauncher = process.env['ISOLATE_TEST_LAUNCHER']?.endsWith('-asan') !== true;

/** A launch that changes nothing but what is asked for: the command itself is executed, without a stage. */
export function bareLaunch(command: readonly [string, ...string[]], changes: Partial<Launch> = {}): Launch {
  return {
    ...nothingAround,
    engine: 'bare',
    file: command[0],
    args: command,
    environment: { PATH: '/usr/bin:/bin' },
    descriptors: [],
    userNamespace: null,
    noNewPrivileges: false,
    graceMs: longGraceMs,
    ...changes,
  };
}

/** The same with the stage under our own init, as the chroot engine is started. */
export function initLaunch(command: readonly string[], changes: Partial<Launch> = {}): Launch {
  const { environment = { PATH: '/usr/bin:/bin' }, ...others } = changes;
  const stage = planStage({ command, environment, seccomp: false });
  return bareLaunch([stageName, ...stage.args], {
    engine: 'init',
    file: stageFileNumber,
    environment: {},
    descriptors: stage.descriptors,
    mountNamespace: true,
    pidNamespace: true,
    sandboxMounts: [{ kind: 'mount', type: 'proc', source: 'proc', target: '/proc', flags: ['nosuid', 'nodev', 'noexec'], options: '' }],
    ...others,
  });
}

/** The same with the stage under bubblewrap, on the host's own root. */
export function bwrapLaunch(command: readonly string[], changes: Partial<Launch> = {}, root = '/'): Launch {
  const options = [
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-uts',
    '--die-with-parent',
    '--bind',
    root,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--clearenv',
  ];
  const stage = planStage({ command, environment: { PATH: '/usr/bin:/bin' }, seccomp: false });
  const content = Buffer.from(options.map((option) => `${option}\0`).join(''));
  const descriptors: Descriptor[] = [...stage.descriptors, { number: 3, kind: 'data', label: 'options', content }];
  return bareLaunch(['bwrap', '--args', '3', '--', stageFile, ...stage.args], {
    engine: 'bwrap',
    file: '/usr/bin/bwrap',
    environment: {},
    descriptors,
    diesWithParent: true,
    ...changes,
  });
}

export function wrappedLaunch(wrapping: Wrapping, command: readonly [string, ...string[]], changes: Partial<Launch> = {}): Launch {
  return { bare: bareLaunch, init: initLaunch, bwrap: bwrapLaunch }[wrapping](command, changes);
}

/** Starts with nothing on standard input and pipes for the rest. */
export async function start(launch: Launch, options: Partial<LaunchOptions> = {}): Promise<LaunchHandle> {
  return await startLaunch(launch, {
    launcher: await launcherPath(),
    stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    ...options,
  });
}

/** As `start`, once the command was executed. */
export async function startedLaunch(launch: Launch, options: Partial<LaunchOptions> = {}): Promise<{ handle: LaunchHandle; pid: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const handle = await start(launch, { ...options, onStarted: resolve });
  handle.result.then(() => reject(new Error('The command did not start.')), reject);
  return { handle, pid: await promise };
}

export interface Finished {
  readonly result: Outcome;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a launch to its end with its output. */
export async function run(launch: Launch, options: Partial<LaunchOptions> = {}): Promise<Finished> {
  const handle = await start(launch, options);
  const output = { stdout: '', stderr: '' };
  handle.stdout?.on('data', (chunk: Buffer) => void (output.stdout += chunk.toString('latin1')));
  handle.stderr?.on('data', (chunk: Buffer) => void (output.stderr += chunk.toString('latin1')));
  const closed = [handle.stdout, handle.stderr].map(
    (stream) => new Promise<void>((resolve) => (stream === null ? resolve() : stream.once('close', resolve))),
  );
  const result = await handle.result;
  await Promise.all(closed);
  return { result, ...output };
}
