import { tmpdir } from 'node:os';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { type DesktopDaemon, desktopUid, startWeston } from '../rig/desktop.ts';
import { type HostRoot, makeHostRoot } from '../rig/host-root.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';

let compositor: DesktopDaemon;
let root: HostRoot;

beforeAll(async () => {
  compositor = await startWeston();
  root = makeHostRoot('/var/lib/isolate');
});

afterAll(async () => {
  root.remove();
  await compositor.stop();
});

test('a client of the sandbox sees what the compositor offers', async () => {
  const { status, stdout } = await isolate(['-q', '-t', root.path, ...root.binds, '--wayland', 'wayland-info'], {
    environment: compositor.environment,
  });
  // Newer versions tell the name of the output more than once, without quotes.
  const shown = stdout.match(/interface: 'wl_compositor'|\bname: '?headless\b/g)?.map((part) => part.replaceAll("'", ''));
  expect({ status, shown: [...new Set(shown)] }).toEqual({ status: 0, shown: ['interface: wl_compositor', 'name: headless'] });
});

test('a client of the sandbox draws frames until it is ended', async () => {
  const child = startIsolate(['-q', '-t', root.path, ...root.binds, '--wayland', '-v', 'WAYLAND_DEBUG=1', 'weston-simple-shm'], {
    environment: compositor.environment,
  });
  const ended = finished(child);
  // The compositor has shown a frame when it asks for the next one.
  await new Promise<void>((resolve, reject) => {
    let seen = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (/wl_callback[@#]\d+\.done/.test(seen) && seen.includes('.commit(')) resolve();
    });
    child.once('exit', () => reject(new Error(seen)));
  });
  child.kill('SIGTERM');
  expect((await ended).status).toBe(143);
});

test('a plain user is let in too', async () => {
  const own = makeHostRoot(tmpdir(), desktopUid);
  onTestFinished(() => own.remove());
  const { status } = await isolate(['-q', '-t', own.path, ...own.binds, '--wayland', 'wayland-info'], {
    environment: { ...compositor.environment, HOME: own.path },
    uid: desktopUid,
  });
  expect(status).toBe(0);
});

test('without the option the sandbox has no way to the compositor', async () => {
  const { status, stderr } = await isolate(['-q', '-t', root.path, ...root.binds, 'wayland-info'], { environment: compositor.environment });
  expect({ status, stderr }).toEqual({ status: 255, stderr: expect.stringContaining('failed to create display') as string });
});

test('a compositor that is not there is an error before the start', async () => {
  const environment = { ...compositor.environment, WAYLAND_DISPLAY: 'wayland-9' };
  const { status, stderr } = await isolate(['-q', '-t', root.path, ...root.binds, '--wayland', 'true'], { environment });
  expect({ status, firstLine: stderr.split('\n')[0] }).toEqual({
    status: 125,
    firstLine: `isolate: The Wayland socket ${compositor.environment['XDG_RUNTIME_DIR']}/wayland-9 does not exist.`,
  });
});
