import fc from 'fast-check';

import { homes } from './odd-callers.ts';

/** Root; users with subordinate ids, with several ranges that overlap and hold the own id, and with none; one without a name. */
export const kinds = ['root', 'user', 'several ranges', 'no subordinate ids', 'no name'] as const;
/** Working directories. */
const directories: readonly string[] = ['removed', '/proc', '/root', '~own', '~read-only'];

/** One way to be called; texts that begin with ~ are homes of the caller. */
export const environments = fc.record({
  kind: fc.constantFrom(...kinds),
  home: place(),
  runtime: place(),
  cwd: fc.oneof({ weight: 3, arbitrary: fc.constant('/') }, { weight: 1, arbitrary: fc.constantFrom(...directories) }),
  variables: fc.dictionary(
    fc.constantFrom(
      'PATH',
      'LANG',
      'LC_ALL',
      'NODE_OPTIONS',
      'LD_LIBRARY_PATH',
      'TZ',
      'TERM',
      'TMPDIR',
      'SHELL',
      'USER',
      'XDG_STATE_HOME',
      'SUDO_UID',
      'LXC_CPU_QUOTA',
      'DISPLAY',
    ),
    fc.constantFrom('', '.', '/', 'C', 'tr_TR.UTF-8', '/root/bin', ':::', '/dev/null', '/proc/self', 'x'.repeat(5000), '\u0001\u009b'),
  ),
  umask: fc.constantFrom('22', '22', '22', '0', '77', '377', '777'),
  limits: fc.subarray(
    [
      'nofile=16',
      'nofile=64',
      'nofile=300',
      'nproc=4',
      'nproc=30',
      'fsize=0',
      'fsize=4096',
      'fsize=100000',
      'as=300000000',
      'core=0',
      'stack=65536',
      'stack=1048576',
      'data=100000000',
      'memlock=0',
    ],
    { maxLength: 1 },
  ),
  closed: fc.subarray(['0', '1', '2'], { maxLength: 2 }),
  signals: fc.array(fc.tuple(fc.constantFrom('ignore', 'block'), fc.constantFrom('1', '2', '3', '10', '13', '15', '17', '20', '25')), {
    maxLength: 2,
  }),
  mounts: fc.subarray(['/run/isolate', '/var/lib/isolate', '/tmp', '/dev'], { maxLength: 1 }),
  noNewPrivileges: fc.constantFrom(false, false, true),
  capabilities: fc.oneof(
    { weight: 3, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.subarray(Array.from({ length: 41 }, (_, number) => String(number))) },
  ),
  commandLine: fc.constantFrom(...commandLines().map(([name]) => name), ...Array<string>(8).fill('ephemeral')),
  json: fc.boolean(),
});
export type Environment = typeof environments extends fc.Arbitrary<infer T> ? T : never;

function place(): fc.Arbitrary<string | null> {
  const odd = [
    '',
    'relative',
    '.',
    '/proc',
    '/proc/y',
    '/proc/self/fd',
    '/sys',
    '/dev/null',
    '/dev/full',
    '/dev/null/x',
    '/',
    '/root',
    '/nonexistent/x',
    `/${'x'.repeat(300)}`,
    `/${'x/'.repeat(3000)}`,
  ];
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('~own') },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: fc.constantFrom(...homes).map((name) => `~${name}`) },
    { weight: 3, arbitrary: fc.constantFrom(...odd) },
  );
}

/** Each ends with 7 where the command is run. */
export function commandLines(): readonly (readonly [name: string, args: (template: string) => readonly string[]])[] {
  const command = ['sh', '-c', 'exit 7'];
  return [
    ['ephemeral', (root) => ['-q', '-t', root, '--ephemeral', ...command]],
    ['read-only', (root) => ['-q', '-t', root, '--read-only', ...command]],
    ['relative template', () => ['-q', '-t', 'template', '--read-only', ...command]],
    ['bind', (root) => ['-q', '-t', root, '--read-only', '-d', '.:/mnt', '-v', 'LANG', ...command]],
    ['desktop', (root) => ['-q', '-t', root, '--ephemeral', '-1', '-2', '-3', ...command]],
    ['lxc', (root) => ['-q', '-t', root, '--ephemeral', '-e', 'lxc', ...command]],
    ['id base', (root) => ['-q', '-t', root, '--ephemeral', '-u', '1500000000', ...command]],
    ['clone', () => ['-q', '-z', 'nosuchpool/t', '--wait', '0', ...command]],
    ['settings', (root) => ['-q', '-c', root, ...command]],
    ['config check', () => ['config', 'check']],
    ['config show', () => ['config', 'show']],
    ['config approve', () => ['config', 'approve']],
    ['limits', (root) => ['-q', '-t', root, '--ephemeral', '--pids', '50', ...command]],
    ['dry run', (root) => ['--dry-run', '-t', root, '--ephemeral', ...command]],
    ['status', () => ['status']],
    ['ps', () => ['ps']],
    ['doctor', () => ['doctor']],
    ['list', () => ['list']],
    ['kill', () => ['kill', '0123456789abcdef']],
    ['help', () => ['--help']],
    ['completion', () => ['completion', 'bash']],
    ['version', () => ['--version']],
    ['nonsense', () => ['--nonsense']],
    ['refresh', () => ['refresh', 'nosuchpool/t', '1']],
  ];
}

/** Nothing is odd. */
export const plain: Environment = {
  kind: 'root',
  home: '~own',
  runtime: null,
  cwd: '/',
  variables: {},
  umask: '22',
  limits: [],
  closed: [],
  signals: [],
  mounts: [],
  noNewPrivileges: false,
  capabilities: [],
  commandLine: 'ephemeral',
  json: false,
};
