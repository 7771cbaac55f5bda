import { type ErrorCode, IsolateError, isErrorCode } from '../../error.ts';
import { findTool } from '../../host/tools.ts';
import { rightsOf } from '../../host/rights.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { startStreaming, type StreamingProgram } from '../../process/stream-program.ts';
import type { Destination } from './destination.ts';
import { keepAliveSeconds } from './keep-alive.ts';
import { type Offer, parseOffer, strangeOffer } from './offer.ts';
import type { Sink } from './sink.ts';

/** ssh's own exit status, which isolate never has. */
const sshFailed = 255;

/** Bytes; enough for ten thousand snapshots. */
const longestOffer = 2 ** 20;

type Host = Extract<Destination, { kind: 'host' }>;

/** A host from which nothing comes is given up after a minute, before the user is known and after. */
const patience = ['-o', 'ConnectTimeout=60', '-o', `ServerAliveInterval=${keepAliveSeconds}`, '-o', 'ServerAliveCountMax=4'];

/** Asks isolate on another host what it has of a template. Throws `missing-tool`, `transfer-failed`, and what isolate says there. */
export async function askOffer(to: Host, signal?: AbortSignal): Promise<Offer> {
  const tooLong = new AbortController();
  const either = signal === undefined ? tooLong.signal : AbortSignal.any([signal, tooLong.signal]);
  const { stdin, stdout, ended } = await start(to, ['--offer'], either);
  stdin.end();
  const chunks: Buffer[] = [];
  let length = 0;
  stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= longestOffer) chunks.push(chunk);
    else tooLong.abort();
  });
  const { exitCode, stderr } = await ended;
  signal?.throwIfAborted();
  if (tooLong.signal.aborted) throw strangeOffer(to.host);
  if (exitCode !== 0) throw remoteFailure(to.host, exitCode, stderr);
  return parseOffer(Buffer.concat(chunks).toString(), to.host);
}

/** Has isolate on another host receive what is written. Throws `missing-tool`. */
export async function openRemote(to: Host, signal?: AbortSignal): Promise<Sink> {
  const { stdin, stdout, ended } = await start(to, ['--keep-alive'], signal);
  stdout.resume();
  return {
    stream: stdin,
    finish: async () => {
      const { exitCode, stderr } = await ended;
      if (exitCode !== 0) throw remoteFailure(to.host, exitCode, stderr);
    },
    discard: async () => {
      stdin.destroy();
      const { exitCode, stderr } = await ended;
      if (exitCode !== 0) return remoteFailure(to.host, exitCode, stderr);
      return new IsolateError('transfer-failed', `isolate on ${to.host} ended before it had the whole template.`);
    },
  };
}

async function start({ host, template }: Host, options: readonly string[], signal: AbortSignal | undefined): Promise<StreamingProgram> {
  const environment = callerEnvironment();
  const file = findTool('ssh', rightsOf(process.getuid?.() ?? 0), environment['PATH']);
  if (file === null) throw new IsolateError('missing-tool', 'ssh is not installed.', { hint: 'apt-get install openssh-client' });
  const words = ['isolate', 'template', 'receive', '--json', ...options, '--', template].map(quote).join(' ');
  const args = ['-T', ...patience, '--', host, words];
  return await startStreaming({ file, args, environment, ...(signal === undefined ? {} : { signal }) });
}

/** A word for the shell that ssh has the other host start. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Isolate's own error of the other host, or what ssh said. */
function remoteFailure(host: string, exitCode: number, stderr: string): IsolateError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  for (const line of lines.toReversed()) {
    const error = readError(line);
    // What isolate said there when ssh itself failed follows from that.
    if (error === null || exitCode === sshFailed) continue;
    return new IsolateError(error.code, `On ${host}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: `on ${host}: ${error.hint}` }),
      ...(error.causes.length === 0 ? {} : { cause: new Error(error.causes.join('; ')) }),
    });
  }
  const said = lines.findLast((line) => readError(line) === null)?.trim() ?? `ssh ended with status ${exitCode}`;
  const missing = exitCode === 127;
  return new IsolateError('transfer-failed', missing ? `There is no isolate on ${host}.` : `The connection to ${host} failed.`, {
    cause: new Error(said),
    ...(missing ? { hint: `install isolate on ${host}, in a directory that its sshd has in PATH` } : {}),
  });
}

interface RemoteError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly causes: readonly string[];
}

/** What isolate prints with --json; null: the line is something else. A code that this isolate does not have is `transfer-failed`. */
function readError(line: string): RemoteError | null {
  try {
    const { error } = JSON.parse(line) as { error?: Record<string, unknown> };
    const { code, message, hint, causes } = error ?? {};
    if (typeof code !== 'string' || typeof message !== 'string') return null;
    const texts = Array.isArray(causes) ? causes.filter((cause) => typeof cause === 'string') : [];
    return {
      code: isErrorCode(code) ? code : 'transfer-failed',
      message,
      hint: typeof hint === 'string' ? hint : undefined,
      causes: texts,
    };
  } catch {
    return null;
  }
}
