import { expect, test } from 'vitest';

import { engines, findEngine } from '../../../src/engine/registry.ts';
import { IsolateError } from '../../../src/error.ts';
import { runOptions, completeRequest } from '../../../src/spec/options/table.ts';
import type { Caller, RunRequest } from '../../../src/spec/request.ts';
import { completeSpec } from '../../../src/spec/complete-spec.ts';
import { resolveSpec } from '../../../src/spec/resolve-spec.ts';
import { callerVariables } from '../../../src/wire/schema.ts';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaults = { PATH: path, HOME: '/root', USER: 'root', LOGNAME: 'root' };

test('a bare request gets every default', () => {
  expect(resolve({ zfs: 'tank/deb', command: ['ls', '-l'] })).toEqual({
    engine: 'bwrap',
    root: { kind: 'volume', locator: 'tank/deb' },
    readOnlyRoot: false,
    command: ['ls', '-l'],
    environment: defaults,
    binds: [],
    workingDirectory: '/',
    shareNetwork: false,
    passthrough: [],
    limits: {},
    graceMs: 10_000,
    waitMs: 10_000,
    seccomp: true,
    socketcall: false,
    hooks: {},
    tun: false,
    disks: [],
    cards: [],
    debugInit: false,
  });
});

test('a variable that the caller lacks is not set, though every object may have its name', () => {
  expect(resolve({ zfs: 'tank/deb', command: ['ls'], environment: ['NOPE', 'toString', 'A=b'] }).environment).toEqual({
    ...defaults,
    A: 'b',
  });
});

test('without a working directory absolute paths are taken, and relative ones refused by name', () => {
  const caller: Caller = { environment: {}, cwd: null, readFile: () => '' };
  expect(resolveSpec({ engine: 'bwrap', template: '/srv//t', command: ['ls'] }, caller).root).toEqual({
    kind: 'directory',
    path: '/srv/t',
    write: 'direct',
  });
  expect(() => resolveSpec({ engine: 'bwrap', template: 't', command: ['ls'] }, caller)).toThrow(
    'The template directory "t" is relative to a working directory that no longer exists.',
  );
});

test('a full request is taken over, texts parsed', () => {
  const request: RunRequest = {
    engine: 'lxc',
    template: 'roots/deb/',
    ephemeral: true,
    readOnly: true,
    command: ['ls'],
    binds: ['src:/src:ro', { source: '/tmp', target: '/mnt/', readOnly: false }],
    mounts: ['ram:/scratch=1M'],
    disks: ['cache=cache.img,ro'],
    networks: ['dhcp'],
    kernel: 'vmlinuz',
    kernelVersion: '6.1.0-40-amd64',
    modules: 'modules',
    debugInit: true,
    environment: ['A:b=c', 'B=d:e', 'LANG'],
    environmentFiles: ['vars'],
    workingDirectory: '/src//x/',
    uidBase: '100000',
    gidBase: 200_000,
    shareNetwork: true,
    passthrough: ['x11', 'x11'],
    cpuPercent: '150',
    memory: '2G',
    pids: '64',
    timeoutSeconds: '1.5',
    killAfterSeconds: '0.25',
    waitSeconds: '0',
    seccomp: false,
    preHook: 'echo pre',
    postHook: 'echo post',
    netBridge: 'br0',
    tun: true,
    lxcLog: 'lxc.log',
  };
  const environment = { LANG: 'de_DE', TERM: 'xterm-256color' };
  expect(resolve(request, { environment, readFile: (file) => `# of ${file}\n\nA=file\nC= x \n` })).toEqual({
    engine: 'lxc',
    root: { kind: 'directory', path: '/home/me/roots/deb', write: 'clone' },
    readOnlyRoot: true,
    command: ['ls'],
    environment: { ...defaults, TERM: 'xterm-256color', A: 'b=c', B: 'd:e', C: ' x ', LANG: 'de_DE' },
    binds: [
      { source: '/home/me/src', target: '/src', readOnly: true },
      { source: '/tmp', target: '/mnt', readOnly: false },
      { source: { memoryBytes: 2 ** 20 }, target: '/scratch', readOnly: false },
    ],
    disks: [{ tag: 'cache', file: '/home/me/cache.img', format: 'raw', readOnly: true }],
    cards: [{ dhcp: true, addresses: [], routes: [] }],
    kernel: { file: '/home/me/vmlinuz', release: '6.1.0-40-amd64', modules: '/home/me/modules' },
    debugInit: true,
    workingDirectory: '/src/x',
    uidBase: 100_000,
    gidBase: 200_000,
    shareNetwork: true,
    passthrough: ['x11'],
    limits: { cpuPercent: 150, memoryBytes: 2 ** 31, pids: 64 },
    timeoutMs: 1500,
    graceMs: 250,
    waitMs: 0,
    seccomp: false,
    socketcall: false,
    hooks: { pre: 'echo pre', post: 'echo post' },
    bridge: 'br0',
    tun: true,
    engineLog: '/home/me/lxc.log',
  });
});

test('variables of the environment apply where no option does', () => {
  const environment = {
    PRE_SPAWN_HOOK: 'a',
    POST_SPAWN_HOOK: 'b',
    DISABLE_SECCOMP_WRAPPER: '0',
    LXC_NET_BR: 'br1',
    LXC_MAP_TUN: '1',
    LXC_CPU_QUOTA: '20',
    LXC_MEM_MB_QUOTA: '512',
    DEBUG_LXC_SPAWN: '1',
  };
  expect(resolve({ engine: 'lxc' }, { environment })).toMatchObject({
    hooks: { pre: 'a', post: 'b' },
    seccomp: false,
    limits: { cpuPercent: 20, memoryBytes: 512 * 2 ** 20 },
    bridge: 'br1',
    tun: true,
    engineLog: '/run/isolate/lxc.log',
  });
  const options: RunRequest = {
    ...bare,
    engine: 'lxc',
    preHook: '',
    postHook: 'c',
    seccomp: true,
    cpuPercent: 50,
    memory: '1M',
    netBridge: 'br2',
    tun: false,
    lxcLog: '/l',
  };
  expect(resolve(options, { environment })).toMatchObject({
    hooks: { post: 'c' },
    seccomp: true,
    limits: { cpuPercent: 50, memoryBytes: 2 ** 20 },
    bridge: 'br2',
    tun: false,
    engineLog: '/l',
  });
});

test('the variables that a client brings along, and those that engines heed, are those of the table', () => {
  const ofTable = runOptions.flatMap(({ variable }) => (variable === undefined ? [] : [variable]));
  expect(new Set(callerVariables)).toEqual(new Set(['TERM', ...ofTable.map(({ name }) => name)]));
  const ofEngines = ofTable.filter(({ ofEngine }) => ofEngine === true).map(({ name }) => name);
  expect(new Set(engines.flatMap(({ capabilities }) => capabilities.variables))).toEqual(new Set(ofEngines));
});

test('other engines ignore variables of lxc, and an empty variable is always ignored', () => {
  const environment = {
    LXC_NET_BR: 'br1',
    LXC_MAP_TUN: '1',
    LXC_CPU_QUOTA: 'many',
    LXC_MEM_MB_QUOTA: '1',
    DEBUG_LXC_SPAWN: '1',
    DISABLE_SECCOMP_WRAPPER: '',
    PRE_SPAWN_HOOK: '',
  };
  expect(resolve({}, { environment })).toEqual(resolve({}));
});

test('only a plain TERM gets in from the environment of the caller', () => {
  expect(resolve({}, { environment: { SECRET: 'x', HOME: '/home/me', LD_PRELOAD: 'y', TERM: 'a b' } }).environment).toEqual(defaults);
});

test.each<[string, Partial<RunRequest>, string, string]>([
  ['no root', { template: undefined as never }, 'usage', 'Nothing to run on: give -c TEMPLATE, -z DATASET or -t DIR.'],
  ['two roots', { zfs: 'a/b' }, 'usage', 'A run has one root: give only one of -c TEMPLATE, -z DATASET and -t DIR.'],
  ['the root of the host', { template: '/../' }, 'usage', "The host's own root cannot be a template."],
  ['a template with a newline', { template: '/a\nb' }, 'usage', 'The template directory "/a\\nb" contains a control character.'],
  ['an empty template', { template: '' }, 'usage', 'The template directory is empty.'],
  ['a template too long', { template: `/${'a'.repeat(4096)}` }, 'usage', 'The template directory is longer than 4095 bytes.'],
  ['no command', { command: [] }, 'usage', 'No command was given, and /t has none of its own.'],
  ['an empty command', { command: [''] }, 'usage', 'The command is an empty string.'],
  ['a NUL in the command', { command: ['a', 'b\0c'] }, 'usage', 'Word 2 of the command contains a NUL character.'],
  ['a relative directory', { workingDirectory: 'tmp' }, 'usage', 'The working directory "tmp" is not absolute.'],
  ['a directory with ..', { workingDirectory: '/a/../b' }, 'usage', 'The working directory "/a/../b" contains "..".'],
  ['uid 0', { uidBase: '0' }, 'usage', '--uid-base takes a whole number from 1 to 4294901759, not "0".'],
  ['a gid too high', { gidBase: 4_294_901_760 }, 'usage', '--gid-base takes a whole number from 1 to 4294901759, not "4294901760".'],
  ['a negative wait', { waitSeconds: '-1' }, 'usage', '--wait takes seconds, from 0 to 2147483, not "-1".'],
  ['no time at all', { timeoutSeconds: '0' }, 'usage', '--timeout takes seconds, from more than 0 to 2147483, not "0".'],
  ['a negative grace', { killAfterSeconds: '-1' }, 'usage', '--kill-after takes seconds, from 0 to 2147483, not "-1".'],
  ['no processor', { cpuPercent: '0' }, 'usage', '--cpu takes a whole number from 1 to 100000, not "0".'],
  ['an odd size', { memory: '1X' }, 'usage', '--memory takes a size such as 512M or 2G, not "1X".'],
  [
    'a bind with an option of its own',
    { binds: ['/a:/b:rx'] },
    'bad-bind',
    '"/a:/b:rx" is not a bind; write HOST:GUEST, HOST:GUEST:ro or HOST.',
  ],
  ['a bind with four parts', { binds: ['/a:/b:ro:x'] }, 'bad-bind', '"/a:/b:ro:x" is not a bind; write HOST:GUEST, HOST:GUEST:ro or HOST.'],
  [
    'a host name with a blank',
    { hostname: 'a b' },
    'bad-name',
    '--hostname "a b" is not a host name: only letters, digits and "-" are allowed, with dots between the parts.',
  ],
  [
    'a host name that is too long',
    { hostname: 'a'.repeat(65) },
    'bad-name',
    `--hostname "${'a'.repeat(65)}" is not a host name: it is longer than 64 characters.`,
  ],
  ['a bind without source', { binds: [':/b'] }, 'bad-bind', 'The bind source is empty.'],
  ['a bind to a relative target', { binds: ['/a:b'] }, 'bad-bind', 'The bind target "b" is not absolute.'],
  ['a bind to a target above', { binds: ['/a:/b/../../c'] }, 'bad-bind', 'The bind target "/b/../../c" contains "..".'],
  ['a bind over the root', { binds: ['/a:/./'] }, 'bad-bind', '"/a" cannot be bound over / of the sandbox.'],
  ['two binds with one target', { binds: ['/a:/c', '/b:/c/'] }, 'bad-bind', 'Two binds have the target "/c".'],
  ['a variable without name', { environment: ['=x'] }, 'bad-environment', 'The variable "=x" has no name.'],
  ['a path as a variable', { environment: ['/etc:/x'] }, 'bad-environment', '"/etc" is a path, not the name of a variable.'],
  [
    'a variable with a blank',
    { environment: ['A B=x'] },
    'bad-environment',
    'The variable name "A B" contains a blank, a control character or "=".',
  ],
  ['a value that is not UTF-8', { environment: ['A=x\ufffd'] }, 'bad-environment', 'The value of the variable "A" is not valid UTF-8.'],
  ['a record with a NUL', { environment: { A: 'x\0' } }, 'bad-environment', 'The value of the variable "A" contains a NUL character.'],
  [
    'a record with an odd name',
    { environment: { 'A=B': 'x' } },
    'bad-environment',
    'The variable name "A=B" contains a blank, a control character or "=".',
  ],
  ['an unreadable file', { environmentFiles: ['gone'] }, 'bad-environment', 'The environment file "/home/me/gone" cannot be read.'],
  [
    'a bridge with an odd name',
    { netBridge: 'br/0' },
    'bad-name',
    '--net-bridge "br/0" is not an interface name: only letters, digits and "_.:-" are allowed.',
  ],
  [
    'a bridge with a long name',
    { netBridge: 'a'.repeat(16) },
    'bad-name',
    `--net-bridge "${'a'.repeat(16)}" is not an interface name: it is longer than 15 characters.`,
  ],
  ['a hook with a NUL', { preHook: 'a\0' }, 'usage', 'The command of --pre-hook contains a NUL character.'],
])('%s is refused', (_, request, code, message) => {
  expect(refusalOf(() => resolve(request))).toEqual({ code, message });
});

test('--ephemeral is refused for a dataset', () => {
  expect(refusalOf(() => resolve({ zfs: 'a/b', ephemeral: true, command: ['ls'] }))).toEqual({
    code: 'usage',
    message: '--ephemeral needs -t: clones of a dataset are always thrown away.',
  });
});

test('a bad number in a variable names the variable', () => {
  expect(refusalOf(() => resolve({ engine: 'lxc' }, { environment: { LXC_CPU_QUOTA: '101' } }))?.message).toBe(
    'LXC_CPU_QUOTA takes a whole number from 1 to 100, not "101".',
  );
});

const bare: RunRequest = { template: '/t', command: ['ls'] };

function resolve(request: Partial<RunRequest>, caller: Partial<Caller> = {}) {
  const readFile = (): never => {
    throw new Error('ENOENT');
  };
  const whole =
    request.command === undefined || request.zfs === undefined ? { ...bare, ...request } : { ...request, command: request.command };
  const { name, capabilities } = findEngine(whole.engine);
  const whom = { environment: {}, cwd: '/home/me', readFile, ...caller };
  return completeSpec(resolveSpec(completeRequest(whole, whom.environment, { name, variables: capabilities.variables }), whom), {});
}

function refusalOf(action: () => unknown) {
  try {
    action();
  } catch (error) {
    if (error instanceof IsolateError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
  return null;
}

test('a network card is in the network of the host, as -n is', () => {
  const { shareNetwork, cards } = resolve({ ...bare, networks: ['mac=52:54:00:aa:bb:cc'] });
  expect({ shareNetwork, cards }).toEqual({
    shareNetwork: true,
    cards: [{ dhcp: false, mac: '52:54:00:aa:bb:cc', addresses: [], routes: [] }],
  });
});
