import { mkdirSync } from 'node:fs';

import { type BwrapOption, encodeOptions } from '../engine/bwrap-options.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { bareLaunch } from '../launch/bare-launch.ts';
import type { Launch } from '../launch/launch.ts';
import { type Command, type CommandResult, plainEnvironment, runCommand } from '../process/command.ts';
import { namespaceWithIds, runAsTool } from '../run/with-ids.ts';
import type { TemplateContext } from './context.ts';
import { findHostDirectories } from './fill/host-directories.ts';
import { requireBwrap } from './fill/place.ts';
import { makeIn, noSpace, saysNoSpace } from './no-space.ts';
import { lastLine, treeTimeoutMs } from './trees.ts';

/** Where cp sees the tree and its copy. */
const [fromInside, toInside] = ['/from', '/to'] as const;

const programDirectories = ['/usr/bin', '/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/libx32'] as const;

/** What copying owners, modes, attributes and devices takes; not those that would let root read the kernel's memory in /proc. */
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

const optionsNumber = 3;

/** A copy to be made. */
export interface TreeCopy {
  readonly from: string;
  /** Made if it is missing. */
  readonly to: string;
  /** What messages call the tree, and the directory or dataset that has or lacks space for the copy. */
  readonly name: string;
  readonly storage: string;
}

/**
 * Copies a tree with owners, times, hard links, ACLs and attributes, in blocks that both share where the file system can do that. Throws
 * `storage-failed`, `pool-full`, `missing-tool`, the reason of the context's signal.
 */
export async function copyTree(context: TemplateContext, { from, to, name, storage }: TreeCopy): Promise<void> {
  const { signal } = context;
  signal?.throwIfAborted();
  makeIn(storage, 'directory', () => mkdirSync(to, { recursive: true, mode: 0o700 }));
  const { exitCode, stderr } = await runCopy(context, from, to);
  signal?.throwIfAborted();
  if (exitCode === 0) return;
  if (saysNoSpace(stderr)) throw noSpace(`${name} cannot be copied`, storage);
  const reason = lastLine(stderr).replaceAll(`'${fromInside}`, `'${from}`).replaceAll(`'${toInside}`, `'${to}`);
  throw new IsolateError('storage-failed', `${name} cannot be copied: ${reason}.`);
}

/**
 * A run may be changing the tree. cp(1) follows a link that has taken the place of a directory since it looked, so it has a root in which
 * such a link finds nothing of the host.
 */
async function runCopy({ facts, signal }: TemplateContext, from: string, to: string): Promise<CommandResult> {
  const stop = signal === undefined ? {} : { signal };
  const launch = planCopy(facts, from, to);
  try {
    return await runAsTool(launch, { ...copyCommand(fromInside, toInside), ...stop }, facts);
  } catch (error) {
    signal?.throwIfAborted();
    if (facts.user.rights === 'root' || !(error instanceof IsolateError) || error.code !== 'launch-failed') throw error;
    // If no sandbox can start, none changes the tree.
    return await runCommand({ ...copyCommand(from, to), ...stop });
  }
}

function copyCommand(from: string, to: string): Command {
  const options = ['--archive', '--reflink=auto', '--sparse=auto', '--one-file-system', '--no-target-directory'];
  return { file: '/bin/cp', args: [...options, '--', from, to], timeoutMs: treeTimeoutMs };
}

/** With root's own ids, or for other users those of their sandboxes. */
function planCopy(facts: Facts, from: string, to: string): Launch {
  const { file, args } = copyCommand(fromInside, toInside);
  const options: BwrapOption[] = [
    ['--unshare-pid'],
    ['--unshare-ipc'],
    ['--unshare-net'],
    ['--die-with-parent'],
    ['--cap-drop', 'ALL'],
    ...capabilities.map((capability): BwrapOption => ['--cap-add', capability]),
    // Below /usr/local there may be private files of the host.
    ...programDirectories.map((path): BwrapOption => ['--ro-bind-try', path, path]),
    ...findHostDirectories().map(({ path, link }): BwrapOption => (link === null ? ['--ro-bind', path, path] : ['--symlink', link, path])),
    ['--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ['--proc', '/proc'],
    ['--ro-bind', from, fromInside],
    ['--bind', to, toInside],
    ['--remount-ro', '/'],
  ];
  return {
    ...bareLaunch,
    engine: 'tool',
    file: requireBwrap(facts),
    args: ['bwrap', '--args', String(optionsNumber), '--', file, ...args],
    environment: plainEnvironment,
    descriptors: [{ number: optionsNumber, kind: 'data', label: 'options', content: encodeOptions(options), shown: 'words' }],
    userNamespace: facts.user.rights === 'root' ? null : namespaceWithIds(facts),
    mountNamespace: true,
    noNewPrivileges: true,
  };
}
