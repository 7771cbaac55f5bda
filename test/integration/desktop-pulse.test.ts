import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { type DesktopDaemon, desktopUid, startPulseaudio } from '../rig/desktop.ts';
import { type HostRoot, makeHostRoot } from '../rig/host-root.ts';
import { isolate } from '../rig/isolate.ts';

let server: DesktopDaemon;
let root: HostRoot;

beforeAll(async () => {
  server = await startPulseaudio();
  root = makeHostRoot('/var/lib/isolate');
});

afterAll(async () => {
  root.remove();
  await server.stop();
});

test('pactl in the sandbox talks to the server with its cookie and sees its sink', async () => {
  const { status, stdout, stderr } = await isolate(
    [
      '-q',
      '-t',
      root.path,
      ...root.binds,
      '--pulse',
      'sh',
      '-c',
      'pactl info | grep -E "^(Server Name|Default Sink):" && pactl list short sinks | cut -f2',
    ],
    { environment: server.environment },
  );
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: 'Server Name: pulseaudio\nDefault Sink: isolate_null\nisolate_null\n',
    stderr: '',
  });
});

test('sound of the sandbox arrives: a stream plays to its end', async () => {
  const { status, stderr } = await isolate(
    ['-q', '-t', root.path, ...root.binds, '--pulse', 'sh', '-c', 'head -c 20000 /dev/zero | pacat --playback --raw --latency-msec=50'],
    { environment: server.environment },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('a plain user is let in too', async () => {
  const own = makeHostRoot(tmpdir(), desktopUid);
  onTestFinished(() => own.remove());
  const { status } = await isolate(['-q', '-t', own.path, ...own.binds, '--pulse', 'pactl', 'info'], {
    environment: { ...server.environment, HOME: own.path },
    uid: desktopUid,
  });
  expect(status).toBe(0);
});

test('without the option the sandbox has no way to the server', async () => {
  const { status } = await isolate(['-q', '-t', root.path, ...root.binds, 'pactl', 'info'], { environment: server.environment });
  expect(status).toBe(1);
});

test('a server that was not there is an error before the start', async () => {
  const gone = await startPulseaudio();
  await gone.stop();
  rmSync(gone.environment['XDG_RUNTIME_DIR'] ?? '', { recursive: true, force: true });
  const { status, stderr } = await isolate(['-q', '-t', root.path, ...root.binds, '--pulse', 'true'], { environment: gone.environment });
  expect({ status, firstLine: stderr.split('\n')[0] }).toEqual({
    status: 125,
    firstLine: `isolate: The PulseAudio socket ${gone.environment['XDG_RUNTIME_DIR']}/pulse/native does not exist.`,
  });
});
