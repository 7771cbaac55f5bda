import { expect, test } from 'vitest';

import { checkCapabilities } from '../../../src/engine/check-capabilities.ts';
import type { Engine, EngineCapabilities } from '../../../src/engine/engine.ts';
import type { RunRequest } from '../../../src/spec/request.ts';
import { resolveSpec } from '../../../src/spec/resolve-spec.ts';

const nothing: EngineCapabilities = {
  isolates: false,
  environment: false,
  workingDirectory: false,
  idBase: false,
  network: 'always-shared',
  binds: false,
  ownTrees: [],
  mountpoints: [],
  hostname: true,
  readOnlyRoot: false,
  passthrough: [],
  limits: [],
  seccomp: 'none',
  tun: false,
  nests: false,
  unprivileged: false,
};
const everything: EngineCapabilities = {
  ...nothing,
  environment: true,
  workingDirectory: true,
  idBase: true,
  network: 'bridge',
  binds: true,
  readOnlyRoot: true,
  passthrough: ['x11', 'pulse', 'wayland', 'gpu'],
  limits: ['cpuPercent', 'memoryBytes', 'pids'],
  tun: true,
};
const plain = engine('plain', nothing);
const full = engine('full', everything);
const other = engine('other', { ...everything, tun: false });

const cases: readonly (readonly [string, Partial<RunRequest>, string])[] = [
  ['-v', { environment: ['A=b'] }, 'full and other do'],
  ['-p', { workingDirectory: '/tmp' }, 'full and other do'],
  ['-u', { uidBase: 1 }, 'full and other do'],
  ['-g', { gidBase: 1 }, 'full and other do'],
  ['-d', { binds: ['/a:/b'] }, 'full and other do'],
  ['--read-only', { readOnly: true }, 'full and other do'],
  ['-1', { passthrough: ['x11'] }, 'full and other do'],
  ['-2', { passthrough: ['pulse'] }, 'full and other do'],
  ['-3', { passthrough: ['wayland'] }, 'full and other do'],
  ['-4', { passthrough: ['gpu'] }, 'full and other do'],
  ['--cpu', { cpuPercent: 10 }, 'full and other do'],
  ['--memory', { memory: '1M' }, 'full and other do'],
  ['--pids', { pids: 10 }, 'full and other do'],
  ['--net-bridge', { netBridge: 'br0' }, 'full and other do'],
  ['--tun', { tun: true }, 'full does'],
];

test.each(cases)('%s is refused by an engine without it, naming those that have it', (option, request, names) => {
  const spec = specOf(request);
  expect(checkCapabilities(spec, plain, [plain, full, other])).toEqual([
    { code: 'unsupported-option', message: `The engine plain does not support ${option}; ${names}.` },
  ]);
  expect(checkCapabilities(spec, full, [plain, full, other])).toEqual([]);
});

test('a plain run suits every engine', () => {
  expect(checkCapabilities(specOf({ shareNetwork: true }), plain, [plain])).toEqual([]);
});

test('an option that no engine has says so', () => {
  expect(checkCapabilities(specOf({ tun: true }), plain, [plain])[0]?.message).toBe(
    'The engine plain does not support --tun; no engine does.',
  );
});

function specOf(request: Partial<RunRequest>) {
  const caller = { environment: { TERM: 'xterm' }, cwd: '/', readFile: () => '' };
  return resolveSpec({ command: ['true'], template: '/t', ...request }, caller);
}

function engine(name: string, capabilities: EngineCapabilities): Engine {
  const unused = (): never => {
    throw new Error('not called');
  };
  return { name, summary: name, capabilities, check: () => [], plan: unused };
}
