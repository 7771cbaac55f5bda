import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { formatCookie } from '../../src/host/xauthority.ts';

/** A desktop daemon of a test's own: the variables that lead a client to it, and its end. */
export interface DesktopDaemon {
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** The user the daemons run as: like a desktop's, not root; nobody on this host has the id. */
export const desktopUid = 54_321;

const startMs = 60_000;

/** An X server that lets only holders of a cookie in. `options` are further ones of Xvfb. */
export async function startXvfb(options: readonly string[] = []): Promise<DesktopDaemon> {
  const directory = makeDirectory('isolate-xvfb-');
  const authority = join(directory, 'authority');
  const child = spawn(
    'Xvfb',
    ['-displayfd', '3', '-auth', authority, '-screen', '0', '640x480x24', '-nolisten', 'tcp', '-noreset', ...options],
    {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    },
  );
  // The cookie is read when the first client comes; its display number is only known after the start.
  const number = (await firstLine(child)).trim();
  writeFileSync(authority, formatCookie(number, randomBytes(16)), { mode: 0o644 });
  return {
    environment: { DISPLAY: `:${number}`, XAUTHORITY: authority },
    stop: () => stopChild(child, directory),
  };
}

/** PulseAudio with one null sink, for holders of its cookie. */
export async function startPulseaudio(): Promise<DesktopDaemon> {
  const directory = makeDirectory('isolate-pulse-');
  const socket = join(directory, 'pulse', 'native');
  const cookie = join(directory, 'cookie');
  mkdirSync(dirname(socket), { mode: 0o700 });
  writeFileSync(cookie, randomBytes(256), { mode: 0o600 });
  for (const path of [dirname(socket), cookie]) chownSync(path, desktopUid, desktopUid);
  const child = spawn(
    'pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--exit-idle-time=-1',
      '--use-pid-file=no',
      '--disable-shm=yes',
      `--load=module-native-protocol-unix socket=${socket} auth-cookie=${cookie}`,
      '--load=module-null-sink sink_name=isolate_null',
    ],
    asDesktopUser(directory),
  );
  await appears(child, socket);
  return {
    environment: { XDG_RUNTIME_DIR: directory, PULSE_COOKIE: cookie },
    stop: () => stopChild(child, directory),
  };
}

/** A Wayland compositor without a screen. */
export async function startWeston(): Promise<DesktopDaemon> {
  const directory = makeDirectory('isolate-weston-');
  const child = spawn(
    'weston',
    ['--backend=headless-backend.so', '--socket=wayland-isolate', '--no-config', '--idle-time=0', '--width=320', '--height=240'],
    asDesktopUser(directory),
  );
  await appears(child, join(directory, 'wayland-isolate'));
  return {
    environment: { XDG_RUNTIME_DIR: directory, WAYLAND_DISPLAY: 'wayland-isolate' },
    stop: () => stopChild(child, directory),
  };
}

function makeDirectory(prefix: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  chownSync(directory, desktopUid, desktopUid);
  return directory;
}

function asDesktopUser(directory: string) {
  return {
    uid: desktopUid,
    gid: desktopUid,
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin', HOME: directory, XDG_RUNTIME_DIR: directory, LC_ALL: 'C' },
  } as const;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const stream = child.stdio[3];
  if (stream === null || stream === undefined || !('setEncoding' in stream)) throw new Error('the display number has no pipe');
  stream.setEncoding('utf8');
  const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  clearTimeout(timer);
  if (!text.includes('\n')) throw new Error(`${child.spawnfile} did not start`);
  return text;
}

/** Waits until the socket is there; fails when the daemon dies first. */
async function appears(child: ChildProcess, socket: string): Promise<void> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), startMs);
  child.once('exit', () => giveUp.abort());
  try {
    const changes = watch(dirname(socket), { signal: giveUp.signal });
    if (existsSync(socket)) return;
    for await (const _ of changes) if (existsSync(socket)) return;
  } catch (cause) {
    await stopChild(child, '');
    throw new Error(`${child.spawnfile} did not make ${socket}`, { cause });
  } finally {
    clearTimeout(timer);
    giveUp.abort();
  }
}

async function stopChild(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
}
