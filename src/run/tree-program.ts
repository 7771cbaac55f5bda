import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import { type BwrapOption, encodeOptions } from '../engine/bwrap-options.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { bareLaunch } from '../launch/bare-launch.ts';
import type { Launch } from '../launch/launch.ts';
import { plainEnvironment } from '../process/command.ts';
import { lastLine } from '../process/last-line.ts';
import { startLaunch } from '../process/launch.ts';
import { namespaceWithIds } from './with-ids.ts';

/** A tree of this host that isolate-tree sees. */
export interface SeenTree {
  readonly source: string;
  readonly inside: string;
  readonly writable: boolean;
}

/** What isolate-tree sees, and with which rights. */
export interface TreePlace extends Partial<Pick<Launch, 'hostMounts' | 'sandboxMounts'>> {
  readonly trees: readonly SeenTree[];
  /** null: the ids of this host. */
  readonly userNamespace: Launch['userNamespace'];
  /** Absent: what reading and writing trees of any owner takes. */
  readonly capabilities?: readonly string[];
}

/** What reading and writing files of any owner takes; not what would let root read the kernel's memory in /proc. */
export const fileCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_SETFCAP',
] as const;

/** The same with devices, and the attributes of the trusted kind. */
const treeCapabilities = [...fileCapabilities, 'CAP_MKNOD', 'CAP_SYS_ADMIN'] as const;

const optionsNumber = 3;
/** The ids of a sandbox need not be able to enter the directory of the program's file. */
const programNumber = 4;
const filterNumber = 5;
const programInside = `/proc/self/fd/${programNumber}`;

/** A running isolate-tree (tree/main.c). */
export interface TreeProgram {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Settles when it has ended and its output was read. Throws `storage-failed` with the line that it printed, the reason of the signal. */
  readonly ended: Promise<void>;
}

async function judge(result: Promise<TreeResult>, signal: AbortSignal | undefined): Promise<void> {
  const { status, lines } = await result;
  signal?.throwIfAborted();
  if (status !== 0) throw new IsolateError('storage-failed', `The trees cannot be read: ${lastLine(lines.join('\n'))}.`);
}

/** How isolate-tree ended, with what it printed on standard error; null: it was killed. */
export interface TreeResult {
  readonly status: number | null;
  readonly lines: readonly string[];
}

/** A running isolate-tree, whose end its starter judges. */
export interface StartedTree extends Pick<TreeProgram, 'stdin' | 'stdout'> {
  readonly result: Promise<TreeResult>;
}

/** Starts isolate-tree in a root that has these trees and nothing else, so that whatever is in them leads nowhere. */
export async function startTreeProgram(
  facts: Facts,
  args: readonly string[],
  trees: readonly SeenTree[],
  signal?: AbortSignal,
): Promise<TreeProgram> {
  const launch = planTreeProgram(facts, args, { trees, userNamespace: idsOfTrees(facts) });
  return judged(await startTree(facts, launch, { signal }), signal);
}

/** Whatever it ends with but 0 is an error. */
export function judged({ stdin, stdout, result }: StartedTree, signal?: AbortSignal): TreeProgram {
  return { stdin, stdout, ended: judge(result, signal) };
}

export interface TreeStart {
  readonly signal?: AbortSignal | undefined;
  /** As in `LaunchOptions`. */
  readonly connection?: Socket;
}

/** Starts a launch of isolate-tree. */
export async function startTree(facts: Facts, launch: Launch, { signal, connection }: TreeStart = {}): Promise<StartedTree> {
  const running = await startLaunch(launch, {
    launcher: facts.files.launcher,
    stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    ...(signal === undefined ? {} : { signal }),
    ...(connection === undefined ? {} : { connection }),
  });
  const { stdin, stdout, stderr } = running;
  if (stdin === null || stdout === null || stderr === null) throw new Error('The streams were asked for.');
  let said = '';
  stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-65_536)));
  // It may end before it has read everything; its status then says why.
  stdin.on('error', () => {});
  const result = running.result.then((outcome) => ({
    status: outcome.kind === 'exited' ? outcome.code : null,
    lines: said.split('\n').filter((line) => line !== ''),
  }));
  return { stdin, stdout, result };
}

/** Root's own ids or, for other users, those of their sandboxes. */
export function idsOfTrees(facts: Facts): Launch['userNamespace'] {
  return facts.user.rights === 'root' ? null : namespaceWithIds(facts);
}

/** Throws `missing-tool`. */
export function planTreeProgram(facts: Facts, args: readonly string[], place: TreePlace): Launch {
  const { bwrap } = facts.tools;
  if (bwrap === null) {
    throw new IsolateError('missing-tool', 'bubblewrap is not installed, and isolate reads trees in a sandbox.', {
      hint: 'apt install bubblewrap',
    });
  }
  const { trees, userNamespace, hostMounts = [], sandboxMounts = [], capabilities = treeCapabilities } = place;
  const options: BwrapOption[] = [
    ['--unshare-pid'],
    ['--unshare-ipc'],
    ['--unshare-net'],
    ['--die-with-parent'],
    ['--cap-drop', 'ALL'],
    ...capabilities.map((capability): BwrapOption => ['--cap-add', capability]),
    ['--proc', '/proc'],
    ...trees.map(({ source, inside, writable }): BwrapOption => [writable ? '--bind' : '--ro-bind', source, inside]),
    ['--remount-ro', '/'],
    // Nothing else keeps root from writing the kernel's settings.
    ['--remount-ro', '/proc'],
    ['--seccomp', String(filterNumber)],
  ];
  return {
    ...bareLaunch,
    engine: 'tool',
    file: bwrap,
    args: ['bwrap', '--args', String(optionsNumber), '--', programInside, ...args],
    environment: plainEnvironment,
    descriptors: [
      { number: optionsNumber, kind: 'data', label: 'options', content: encodeOptions(options), shown: 'words' },
      { number: programNumber, kind: 'file', path: facts.files.tree },
      { number: filterNumber, kind: 'file', path: facts.files.seccompFilter },
    ],
    userNamespace,
    hostMounts,
    sandboxMounts,
    mountNamespace: true,
    noNewPrivileges: true,
    diesWithParent: true,
  };
}
