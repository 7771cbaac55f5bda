import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProofResult, parseProofResults } from '../../src/prove/report.ts';
import { compileStatic, make } from '../rig/compile.ts';

/** The programs of the suite, copied to where every user may execute them. */
export interface Programs {
  /** Directory of the programs, open to all. */
  readonly directory: string;
  readonly probe: string;
  readonly onTerminal: string;
  /** A file that only the host has. */
  readonly secret: string;
  /** Home directory of users other than root; anyone may write to it. */
  readonly home: string;
}

/** What the attack programs did on one start. `typed` counts bytes that appeared in the caller's terminal. */
export interface ProbeRun {
  readonly status: number;
  readonly results: ReadonlyMap<string, ProofResult>;
  readonly terminal: { readonly typed: number; readonly settings: string; readonly flags: string } | undefined;
  readonly stderr: string;
}

export async function buildPrograms(directory: string): Promise<Programs> {
  const attacks = join(import.meta.dirname, 'attacks');
  const [probe, onTerminal] = await Promise.all([
    make('probe').then((out) => join(out, 'isolate-probe')),
    compileStatic(join(attacks, 'on-terminal.c')),
  ]);
  const programs = {
    directory,
    probe: join(directory, 'isolate-probe'),
    onTerminal: join(directory, 'on-terminal'),
    secret: join(directory, 'secret'),
    home: join(directory, 'home'),
  };
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  await mkdir(programs.home, { recursive: true });
  await chmod(programs.home, 0o1777);
  await Promise.all([copyFile(probe, programs.probe), copyFile(onTerminal, programs.onTerminal)]);
  await writeFile(programs.secret, 'of the host\n');
  await chmod(programs.secret, 0o644);
  return programs;
}

/** How the probe is started: what stands before it, whether the caller has a terminal, and who the caller is. */
export interface ProbeStart {
  /** Program and arguments that run what follows them; empty: nothing, the positive control. */
  readonly prefix: readonly string[];
  /** Where the probe is inside. */
  readonly probe: string;
  /** `none`: no controlling terminal; `pipes`: there is one, but the standard streams are pipes. */
  readonly terminal: 'none' | 'pipes' | 'streams';
  readonly uid: number;
  readonly bait: boolean;
  /** Groups or cases to try, and limits that the prefix sets; nothing: every case. */
  readonly words: readonly string[];
  readonly timeoutMs: number;
}

/** Runs the probe to its end, amid bait where asked for, and returns what it found. */
export async function runProbe(programs: Programs, start: ProbeStart): Promise<ProbeRun> {
  const token = [randomBytes(6).toString('hex'), randomBytes(6).toString('hex')].join('.');
  const bait = start.bait ? [programs.probe, '--amid', token] : [];
  const words = start.bait ? [`token=${token}`, `file=${programs.secret}`, 'pid=@', 'port=@', 'shm=@', ...start.words] : start.words;
  const terminal = { none: [], pipes: [programs.onTerminal, '--pipes'], streams: [programs.onTerminal] }[start.terminal];
  const [file, ...args] = ['setsid', '--wait', ...terminal, ...bait, ...start.prefix, start.probe, ...words];
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: start.timeoutMs,
    cwd: programs.directory,
    env: start.uid === 0 ? process.env : { PATH: process.env['PATH'], HOME: programs.home },
    ...(start.uid === 0 ? {} : { uid: start.uid, gid: start.uid }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  const said = Buffer.concat(stderr).toString();
  const lines = Buffer.concat(stdout)
    .toString()
    .split(/\r*\n/)
    .filter((line) => line.startsWith('{"case"'));
  return {
    status: status ?? -1,
    results: new Map(parseProofResults(lines.join('\n')).map((result) => [result.id, result])),
    terminal: parseTerminal(said),
    stderr: said,
  };
}

function parseTerminal(stderr: string): ProbeRun['terminal'] {
  const line = stderr.split('\n').find((each) => each.startsWith('{"typed"'));
  return line === undefined ? undefined : (JSON.parse(line) as NonNullable<ProbeRun['terminal']>);
}
