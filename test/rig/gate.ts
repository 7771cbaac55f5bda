import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

import { compileStatic, make } from './compile.ts';

/** What goes between broker and daemon (gate/PROTOCOL.md). */
export interface LinkFrame {
  readonly connection: number;
  readonly operation: number;
  readonly body: Buffer;
}

export const operations = { ready: 0, opened: 1, message: 2, closed: 3, failed: 4, send: 16, tree: 17, close: 18 } as const;

/** A broker whose daemon is the test. */
export interface Gate {
  readonly child: ChildProcess;
  /** The next frame that was not waited for before; throws after half a minute. */
  readonly next: () => Promise<LinkFrame>;
  readonly send: (connection: number, operation: number, body?: Uint8Array) => void;
  /** Settles with the exit status or the signal. */
  readonly ended: Promise<number | string | null>;
  readonly clients: string;
  readonly metrics: string;
  readonly front: () => number;
}

export const frontUser = 4999;
/** The group that gate-attack's users are in. */
export const socketGroup = 5000;

/** isolate-gate, built if need be; $ISOLATE_TEST_GATE names another build of it. */
export async function gatePath(): Promise<string> {
  return process.env['ISOLATE_TEST_GATE'] ?? join(await make('gate'), 'isolate-gate');
}

/** The address sanitizer's build has no filter and needs more memory. */
export const isPlainGate = process.env['ISOLATE_TEST_GATE']?.endsWith('-asan') !== true;

/** A directory for sockets as the broker wants it, which everyone can reach. */
export async function socketDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gate-'));
  await chmod(directory, 0o755);
  return directory;
}

/** Starts a broker with its front, which ends with the test. */
export async function startGate(options: readonly string[] = [], directory?: string): Promise<Gate> {
  const place = directory ?? (await socketDirectory());
  const [clients, metrics] = [join(place, 'clients.sock'), join(place, 'metrics.sock')];
  return await startBroker(
    [...options, '--sockets', clients, metrics, '--group', String(socketGroup), '--user', String(frontUser)],
    clients,
    metrics,
  );
}

/** Starts a broker that waits for a front at `path`. */
export async function startLoneBroker(path: string): Promise<Gate> {
  return await startBroker(['--front', path, '--user', String(frontUser)], path, path);
}

async function startBroker(args: readonly string[], clients: string, metrics: string): Promise<Gate> {
  const child = spawn(await gatePath(), ['broker', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | string | null>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  child.stdin.on('error', () => undefined);
  const next = readFrames(child);
  const gate: Gate = {
    child,
    next,
    send: (connection, operation, body = Buffer.alloc(0)) => {
      const header = Buffer.alloc(12);
      [body.length, connection, operation].forEach((value, index) => header.writeUInt32LE(value, 4 * index));
      child.stdin.write(Buffer.concat([header, body]));
    },
    ended,
    clients,
    metrics,
    front: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()),
  };
  const ready = await next();
  if (ready.operation !== operations.ready || ready.connection !== 0) throw new Error(`The broker began with ${JSON.stringify(ready)}.`);
  return gate;
}

function readFrames(child: ChildProcess): () => Promise<LinkFrame> {
  let frames: LinkFrame[] = [];
  let taken = 0;
  let rest = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    let at = 0;
    for (; rest.length - at >= 12 && rest.length - at - 12 >= rest.readUInt32LE(at); at += 12 + rest.readUInt32LE(at)) {
      const body = rest.subarray(at + 12, at + 12 + rest.readUInt32LE(at));
      frames.push({ connection: rest.readUInt32LE(at + 4), operation: rest.readUInt32LE(at + 8), body });
    }
    rest = rest.subarray(at);
    wake();
  });
  return async () => {
    if (taken === frames.length) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('The broker says nothing.')), 30_000);
        wake = () => frames.length > taken && (clearTimeout(timer), resolve());
      });
    }
    if (taken >= 4096) {
      frames = frames.slice(taken);
      taken = 0;
    }
    return frames[taken++] as LinkFrame;
  };
}

/** A client's end of a connection. */
export interface Client {
  readonly socket: Socket;
  /** Settles with all that came, once the connection has ended. */
  readonly ended: Promise<Buffer>;
  /** Settles with what has come once that is as long. */
  readonly receive: (length: number) => Promise<Buffer>;
}

export async function connectClient(path: string): Promise<Client> {
  const socket = connect(path);
  let received = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  const ended = new Promise<Buffer>((resolve) => socket.once('close', () => resolve(received)));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const receive = async (length: number): Promise<Buffer> => {
    if (received.length < length) await new Promise<void>((resolve) => (wake = () => received.length >= length && resolve()));
    return received;
  };
  return { socket, ended, receive };
}

/** The same with the number that the broker gave it. */
export async function openClient(gate: Gate, path = gate.clients): Promise<Client & { readonly number: number }> {
  const client = await connectClient(path);
  const frame = await gate.next();
  if (frame.operation !== operations.opened) throw new Error(`The broker says ${JSON.stringify(frame)}.`);
  return { ...client, number: frame.connection };
}

/** Path of gate-attack.c, compiled. */
export async function attackPath(): Promise<string> {
  return await compileStatic(join(import.meta.dirname, 'gate-attack.c'));
}

/** What gate-attack prints with these arguments, by the words before the colon. */
export async function runAttack(args: readonly string[]): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(await attackPath(), args, { timeout: 250_000 });
  return Object.fromEntries(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
}

/** Resident memory in bytes; 0 for a build whose memory tells nothing. */
export function residentBytes(pid: number): number {
  if (!isPlainGate) return 0;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
