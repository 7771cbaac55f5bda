import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { type DesktopDaemon, desktopUid, startXvfb } from '../rig/desktop.ts';
import { type HostRoot, makeHostRoot } from '../rig/host-root.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { countColours } from '../rig/screenshot.ts';

let server: DesktopDaemon;
let root: HostRoot;

beforeAll(async () => {
  server = await startXvfb();
  root = makeHostRoot('/var/lib/isolate');
});

afterAll(async () => {
  root.remove();
  await server.stop();
});

const red = 0xff_0000;
const yellow = 0xff_ff00;

/** Takes screenshots until one shows what is waited for; fails after 40 s. */
async function showing(wanted: (colours: ReadonlyMap<number, number>) => boolean): Promise<ReadonlyMap<number, number>> {
  const deadline = Date.now() + 40_000;
  for (;;) {
    const colours = countColours(server.environment);
    if (wanted(colours)) return colours;
    if (Date.now() > deadline) throw new Error(`the screen never showed it: ${JSON.stringify([...colours])}`);
    // Lets the streams of the sandbox be read meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function options(): string[] {
  return ['-q', '-t', root.path, ...root.binds, '--x11'];
}

test('a program of the sandbox shows its window on the screen, and takes it away when it ends', async () => {
  const child = startIsolate([...options(), 'xlogo', '-geometry', '200x100+50+60', '-bg', 'yellow', '-fg', 'red'], {
    environment: server.environment,
  });
  const ended = finished(child);
  const colours = await showing((seen) => (seen.get(red) ?? 0) > 1000);
  expect((colours.get(red) ?? 0) + (colours.get(yellow) ?? 0)).toBe(200 * 100);
  child.kill('SIGTERM');
  expect((await ended).status).toBe(143);
  expect((await showing((seen) => !seen.has(red))).has(yellow)).toBe(false);
});

test('a program of the sandbox is untrusted: unlike its user, it cannot read the screen', async () => {
  const inside = await isolate([...options(), 'xwd', '-root', '-silent'], { environment: server.environment });
  expect({ status: inside.status, stdout: inside.stdout, isDenied: inside.stderr.includes('unable to get image') }).toEqual({
    status: 1,
    stdout: '',
    isDenied: true,
  });
  const outside = spawnSync('xwd', ['-root', '-silent'], { env: { ...process.env, ...server.environment }, maxBuffer: 2 ** 26 });
  expect({ status: outside.status, isWhole: outside.stdout.length > 640 * 480 * 4 }).toEqual({ status: 0, isWhole: true });
});

test('the cookie of a run is useless after it', async () => {
  const inside = await isolate([...options(), 'sh', '-c', 'xdpyinfo > /dev/null && base64 $XAUTHORITY'], {
    environment: server.environment,
  });
  expect(inside.status).toBe(0);
  const authority = join(root.path, 'authority');
  writeFileSync(authority, Buffer.from(inside.stdout, 'base64'));
  const ask = (file: string | undefined) =>
    spawnSync('xdpyinfo', [], { env: { ...process.env, ...server.environment, ...(file === undefined ? {} : { XAUTHORITY: file }) } })
      .status;
  expect([ask(authority), ask(undefined)]).toEqual([1, 0]);
});

test('a plain user is let in too', async () => {
  const own = makeHostRoot(tmpdir(), desktopUid);
  onTestFinished(() => own.remove());
  const { status } = await isolate(['-q', '-t', own.path, ...own.binds, '--x11', 'xdpyinfo'], {
    environment: { ...server.environment, HOME: own.path },
    uid: desktopUid,
  });
  expect(status).toBe(0);
});

test('without the option there is no way to the server', async () => {
  const { status } = await isolate(['-q', '-t', root.path, ...root.binds, '-v', `DISPLAY=${server.environment['DISPLAY']}`, 'xdpyinfo'], {
    environment: server.environment,
  });
  expect(status).toBe(1);
});

test('a display without a socket is an error before the start', async () => {
  const { status, stderr } = await isolate([...options(), 'true'], { environment: { DISPLAY: ':59999' } });
  expect({ status, firstLine: stderr.split('\n')[0] }).toEqual({
    status: 125,
    firstLine: 'isolate: The socket /tmp/.X11-unix/X59999 of the X display :59999 does not exist.',
  });
});
