import { existsSync } from 'node:fs';

import { expect, test } from 'vitest';

import { checkDesktop } from '../../../src/host/survey/desktop.ts';

const caller = { uid: 54_321, hostname: 'host', passwd: '' };

test.skipIf(existsSync('/dev/dri'))('a host without a desktop is told so once', () => {
  expect(checkDesktop({ ...caller, environment: {} })).toEqual([
    { id: 'desktop', state: 'ok', fact: 'there is no display, sound or graphics device here for -1 to -4' },
  ]);
});

test('a caller who names a display gets a fact with a hint for each part', () => {
  const checks = checkDesktop({ ...caller, environment: { DISPLAY: ':59999', XDG_RUNTIME_DIR: '/nonexistent' } });
  expect(checks.slice(0, 3).map(({ id, fact, hint }) => ({ id, fact, hint }))).toEqual([
    {
      id: 'x11',
      fact: 'the socket /tmp/.X11-unix/X59999 of the X display :59999 does not exist',
      hint: 'start the X server, or set DISPLAY to one that runs',
    },
    {
      id: 'pulse',
      fact: 'the PulseAudio socket /nonexistent/pulse/native does not exist',
      hint: 'start pulseaudio or pipewire-pulse, or set PULSE_SERVER=unix:PATH',
    },
    {
      id: 'wayland',
      fact: 'the Wayland socket /nonexistent/wayland-0 does not exist',
      hint: 'start the compositor, or set WAYLAND_DISPLAY to the name or path of its socket',
    },
  ]);
});
