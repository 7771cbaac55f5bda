import type { Readable, Writable } from 'node:stream';

import { type BwrapOption, encodeOptions } from '../engine/bwrap-options.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { bareLaunch } from '../launch/bare-launch.ts';
import type { Launch } from '../launch/launch.ts';
import { plainEnvironment } from '../process/command.ts';
import { startLaunch } from '../process/launch.ts';
import { namespaceWithIds } from './with-ids.ts';

/** A tree of this host that isolate-tree sees. */
export interface SeenTree {
  readonly source: string;
  readonly inside: string;
  readonly writable: boolean;
}

/** What reading and writing trees of any owner takes; not what would let root read the kernel's memory in /proc. */
const capabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_MKNOD',
  'CAP_SETFCAP',
  'CAP_SYS_ADMIN',
] as const;

const programInside = '/isolate-tree';
const optionsNumber = 3;

/** A running isolate-tree (tree/main.c). */
export interface TreeProgram {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Settles when it has ended and its output was read. Throws `storage-failed` with the line that it printed, the reason of the signal. */
  readonly ended: Promise<void>;
}

/** Starts isolate-tree in a root that has these trees and nothing else, so that whatever is in them leads nowhere. */
export async function startTreeProgram(
  facts: Facts,
  args: readonly string[],
  trees: readonly SeenTree[],
  signal?: AbortSignal,
): Promise<TreeProgram> {
  const running = await startLaunch(planTreeProgram(facts, args, trees), {
    launcher: facts.files.launcher,
    stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    ...(signal === undefined ? {} : { signal }),
  });
  const { stdin, stdout, stderr } = running;
  if (stdin === null || stdout === null || stderr === null) throw new Error('The streams were asked for.');
  let message = '';
  stderr.on('data', (chunk: Buffer) => (message = (message + chunk.toString()).slice(-4096)));
  // It may end before it has read everything; its status then says why.
  stdin.on('error', () => {});
  const ended = running.result.then((outcome) => {
    signal?.throwIfAborted();
    if (outcome.kind === 'exited' && outcome.code === 0) return;
    throw new IsolateError('storage-failed', `The trees cannot be read: ${lastLine(message)}.`);
  });
  return { stdin, stdout, ended };
}

function planTreeProgram(facts: Facts, args: readonly string[], trees: readonly SeenTree[]): Launch {
  const { bwrap } = facts.tools;
  if (bwrap === null) {
    throw new IsolateError('missing-tool', 'bubblewrap is not installed, and isolate reads trees in a sandbox.', {
      hint: 'apt install bubblewrap',
    });
  }
  const options: BwrapOption[] = [
    ['--unshare-pid'],
    ['--unshare-ipc'],
    ['--unshare-net'],
    ['--die-with-parent'],
    ['--cap-drop', 'ALL'],
    ...capabilities.map((capability): BwrapOption => ['--cap-add', capability]),
    ['--ro-bind', facts.files.tree, programInside],
    ['--proc', '/proc'],
    ...trees.map(({ source, inside, writable }): BwrapOption => [writable ? '--bind' : '--ro-bind', source, inside]),
    ['--remount-ro', '/'],
  ];
  return {
    ...bareLaunch,
    engine: 'tool',
    file: bwrap,
    args: ['bwrap', '--args', String(optionsNumber), '--', programInside, ...args],
    environment: plainEnvironment,
    descriptors: [{ number: optionsNumber, kind: 'data', label: 'options', content: encodeOptions(options), shown: 'words' }],
    userNamespace: facts.user.rights === 'root' ? null : namespaceWithIds(facts),
    mountNamespace: true,
    noNewPrivileges: true,
  };
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? 'no reason was given' : line.replaceAll(/\p{Cc}/gu, '?').replace(/\.$/, '');
}
