import { planIdentity } from '../engine/identity.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { bareLaunch } from '../launch/bare-launch.ts';
import type { Launch } from '../launch/launch.ts';
import { signalNumber } from '../launch/signals.ts';
import { type Command, type CommandResult, plainEnvironment, runCommand } from '../process/command.ts';
import { startLaunch } from '../process/launch.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';

/**
 * Runs a program of this host on a tree that sandboxes write, and captures what it prints. Users other than root own only a part of such a
 * tree with their own id, so for them it runs with the ids of their sandboxes. Throws `tool-timeout`, `missing-tool`.
 */
export async function runWithIds(command: Command, facts: Facts): Promise<CommandResult> {
  if (facts.user.rights === 'root') return await runCommand(command);
  try {
    return await runAsTool(planWithIds(command, facts), command, facts);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'launch-failed') throw error;
    // If no sandbox can start, none has left files of other ids.
    return await runCommand(command);
  }
}

/** Starts `command` by a launch, and captures what it prints. Throws as `runWithIds`, and `launch-failed`. */
export async function runAsTool(launch: Launch, command: Command, facts: Facts): Promise<CommandResult> {
  const timeout = AbortSignal.timeout(command.timeoutMs);
  const running = await startLaunch(launch, {
    launcher: facts.files.launcher,
    stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    signal: command.signal === undefined ? timeout : AbortSignal.any([timeout, command.signal]),
  });
  const [outcome, stdout, stderr] = await Promise.all([running.result, collect(running.stdout), collect(running.stderr)]);
  if (timeout.aborted) {
    throw new IsolateError('tool-timeout', `${command.file} ${command.args[0] ?? ''} did not end within ${command.timeoutMs / 1000} s.`);
  }
  switch (outcome.kind) {
    case 'exited':
      return { stdout, stderr, exitCode: outcome.code };
    case 'killed':
      return { stdout, stderr, exitCode: 128 + signalNumber(outcome.signal) };
    default:
      throw new IsolateError('missing-tool', `${command.file} cannot be started.`);
  }
}

async function collect(stream: AsyncIterable<unknown> | null): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of stream ?? []) parts.push(part as Buffer);
  } catch (error) {
    // The outcome says that the launcher was killed.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  return Buffer.concat(parts).toString();
}

/** The user namespace with the ids of the caller's sandboxes. */
export function namespaceWithIds(facts: Facts): Launch['userNamespace'] {
  const rootfs = rootfsOf({ kind: 'tree', source: '/', ownership: { kind: 'natural' }, idmappable: false });
  return planIdentity({ spec: {}, rootfs, facts, idSlot: 0 }).userNamespace;
}

function planWithIds({ file, args }: Command, facts: Facts): Launch {
  return {
    ...bareLaunch,
    engine: 'tool',
    file,
    args: [file.slice(file.lastIndexOf('/') + 1), ...args],
    environment: plainEnvironment,
    descriptors: [],
    userNamespace: namespaceWithIds(facts),
    noNewPrivileges: true,
  };
}
