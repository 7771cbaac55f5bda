import { expect, test } from 'vitest';

import { checkDesktop } from '../../../src/engine/desktop.ts';
import type { DesktopFacts, Facts, PathFacts } from '../../../src/host/facts.ts';
import { plainSpec, rootFacts } from '../../golden/facts.ts';

const none: DesktopFacts = { x11: null, pulse: null, wayland: null, gpu: null };
const wayland = { display: 'wayland-0', socket: '/run/user/1000/wayland-0' };

function withPath(desktop: Partial<DesktopFacts>, path: string, facts: Partial<PathFacts>): Facts {
  const base: PathFacts = { kind: 'socket', uid: 1000, gid: 1000, mode: 0o755, idmappable: true };
  return { ...rootFacts, desktop: { ...none, ...desktop }, paths: { [path]: { ...base, ...facts } } };
}

test.each([
  ["of a user, where it can be shown as the sandbox's own", { mode: 0o755, idmappable: true }, []],
  ['open to everyone, where it cannot', { mode: 0o777, idmappable: false }, []],
  ['of a user, where it cannot', { mode: 0o755, idmappable: false }, ['not-permitted']],
  ["of root's", { mode: 0o755, uid: 0 }, ['not-permitted']],
])('a socket %s: %j gives the problems %j', (_, facts, codes) => {
  expect(checkDesktop(plainSpec, withPath({ wayland }, wayland.socket, facts)).map(({ code }) => code)).toEqual(codes);
});

test.each([
  [0o666, []],
  [0o660, ['not-permitted']],
])('a graphics device of mode %o gives the problems %j', (mode, codes) => {
  const facts = withPath({ gpu: { devices: ['/dev/dri/renderD128'] } }, '/dev/dri/renderD128', {
    kind: 'device',
    uid: 0,
    mode,
    idmappable: false,
  });
  expect(checkDesktop(plainSpec, facts).map(({ code }) => code)).toEqual(codes);
});

test("a user's own sandbox has the user's rights", () => {
  const facts = withPath({ wayland }, wayland.socket, { idmappable: false });
  expect(checkDesktop(plainSpec, { ...facts, user: { ...facts.user, uid: 1000, rights: 'user' } })).toEqual([]);
});
