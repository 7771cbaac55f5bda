import type { Readable, Writable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { findTool } from '../../host/tools.ts';
import { logCommand } from '../../log.ts';
import { plainEnvironment } from '../../process/command.ts';
import { startLaunch } from '../../process/launch.ts';
import type { StandardStream } from '../../process/standard-streams.ts';
import { findHostDirectories } from './host-directories.ts';
import { type BuildingNeeds, type FillingProgram, planBuilding, planFilling, planReading } from './launches.ts';
import { cutLines } from './lines.ts';
import type { FillingPlace } from './place.ts';

/** One program to run in the sandbox in which a directory is filled. */
export interface FillingRequest {
  /** By its name or absolute path; the directory is at `targetInside`. */
  readonly command: FillingProgram['command'];
  readonly environment?: FillingProgram['environment'];
  readonly ownProgram?: string;
  /** Standard input: an open file, another program's output, or bytes; absent: nothing. */
  readonly input?: number | Readable | Uint8Array;
  /** Standard output as it comes; absent: thrown away. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** Called with a stream instead, which the receiver takes to its end. */
  readonly onOutputStream?: (stream: Readable) => void;
  /** Each line of standard error. */
  readonly onErrorLine?: (line: string) => void;
  /** Ends the program with SIGTERM. */
  readonly signal?: AbortSignal;
}

/** KiB of memory that each program which reads such things may take: tar(1) keeps a header in memory, however long it says it is. */
const mostMemory = 2 ** 21;

const limiting = `ulimit -d ${mostMemory} && exec "$@"`;

/** Of a shell that could not execute a program. */
const notFound = 127;

/**
 * Runs a program that reads what nobody vouches for, and returns its exit status. Throws `missing-tool` if this host does not have it,
 * `storage-failed` if a signal killed it, the reason of `signal`, and what a launch throws.
 */
export async function runInFilling(place: FillingPlace, request: FillingRequest): Promise<number> {
  const status = await run(place, request, ({ command, ...program }) =>
    planFilling(place, { ...program, command: ['sh', '-c', limiting, 'sh', ...command] }, findHostDirectories()),
  );
  if (status === notFound) throw missingTool(request.command[0]);
  return status;
}

/** The same for a program with the host's files and network, which sees the directory at `builtInside` (`planBuilding`). */
export async function runAsBuilder(place: FillingPlace, request: FillingRequest, needs: BuildingNeeds): Promise<number> {
  return await run(place, request, (program) => planBuilding(place, program, needs));
}

/** The same for a program of this host, with the caller's own rights: it reads what the caller vouches for. */
export async function runAsCaller(facts: Facts, request: FillingRequest): Promise<number> {
  const [name] = request.command;
  const file = findTool(name, 'root', undefined);
  if (file === null) throw missingTool(name);
  return await run({ facts }, request, (program) => planReading(file, program));
}

async function run(
  { facts }: Pick<FillingPlace, 'facts'>,
  request: FillingRequest,
  plan: (program: FillingProgram) => ReturnType<typeof planFilling>,
): Promise<number> {
  const { command, environment = plainEnvironment, input, signal } = request;
  signal?.throwIfAborted();
  logCommand({ file: command[0], args: command.slice(1) });
  const own = request.ownProgram === undefined ? {} : { ownProgram: request.ownProgram };
  const running = await startLaunch(plan({ command, environment, ...own }), {
    launcher: facts.files.launcher,
    stdio: {
      stdin: streamFor(input),
      stdout: request.onOutput === undefined && request.onOutputStream === undefined ? 'ignore' : 'pipe',
      stderr: 'pipe',
    },
    ...(signal === undefined ? {} : { signal }),
  });
  if (input !== undefined && typeof input !== 'number') feed(running.stdin, input);
  const lines = cutLines(request.onErrorLine ?? ((): void => {}));
  const ends = [ended(running.stderr, lines.add)];
  if (request.onOutput !== undefined) ends.push(ended(running.stdout, request.onOutput));
  if (request.onOutputStream !== undefined && running.stdout !== null) request.onOutputStream(running.stdout);
  const outcome = await running.result;
  await Promise.all(ends);
  lines.end();
  signal?.throwIfAborted();
  if (outcome.kind === 'exited') return outcome.code;
  if (outcome.kind === 'not-executed') throw missingTool(command[0]);
  const how = outcome.kind === 'killed' ? `by ${outcome.signal}` : 'by a time limit';
  throw new IsolateError('storage-failed', `${command[0]} was ended ${how}.`);
}

function missingTool(name: string): IsolateError {
  return new IsolateError('missing-tool', `${name} is not installed.`);
}

function streamFor(input: FillingRequest['input']): StandardStream {
  if (input === undefined) return 'ignore';
  return typeof input === 'number' ? input : 'pipe';
}

/** The program may end before it has read everything; its status then says why. */
function feed(stdin: Writable | null, input: Readable | Uint8Array): void {
  if (stdin === null) return;
  stdin.on('error', () => {});
  if (input instanceof Uint8Array) {
    stdin.end(input);
    return;
  }
  input.on('error', () => stdin.destroy());
  // It may have failed already.
  if (input.destroyed) stdin.destroy();
  stdin.on('close', () => input.destroy());
  // What was cut off ends neither by an error nor by its end.
  input.once('close', () => {
    if (!input.readableEnded) stdin.destroy();
  });
  input.pipe(stdin);
}

function ended(stream: Readable | null, onData: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve) => {
    if (stream === null) return resolve();
    stream.on('data', onData);
    stream.once('close', () => resolve());
    stream.once('error', () => resolve());
  });
}
