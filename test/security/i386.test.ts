import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

import { commandLine } from '../rig/command-line.ts';
import { compileStatic } from '../rig/compile.ts';
import { useWay, ways } from '../rig/ways.ts';

const execFileAsync = promisify(execFile);
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** What attacks/i386-calls.c gets in a sandbox: everything that 64-bit programs don't get either. */
const refused: Readonly<Record<string, number>> = {
  getpid: 0,
  'ioctl TIOCSTI': EPERM,
  'ioctl TCGETS': 9,
  'clone CLONE_NEWUSER': EPERM,
  clone3: ENOSYS,
  unshare: EPERM,
  setns: EPERM,
  'socket AF_VSOCK': EAFNOSUPPORT,
  'socket AF_UNIX': 0,
  mount: EPERM,
  umount: EPERM,
  umount2: EPERM,
  open_tree: ENOSYS,
  keyctl: EPERM,
  init_module: EPERM,
  stime: EPERM,
  clock_settime: EPERM,
  clock_settime64: EPERM,
  iopl: EPERM,
  vm86old: EPERM,
  bpf: EPERM,
  perf_event_open: EPERM,
  userfaultfd: EPERM,
  io_uring_setup: EPERM,
  open_by_handle_at: EPERM,
  personality: EPERM,
  'a call of the future': ENOSYS,
};
/** LXC's own init makes these, so its smaller filter leaves them to the kernel; the language of LXC cannot express the one of sockets. */
const leftToContainers = [
  'socket AF_VSOCK',
  'clone CLONE_NEWUSER',
  'clone3',
  'unshare',
  'setns',
  'mount',
  'umount',
  'umount2',
  'open_tree',
  'personality',
];

function parse(output: string): Record<string, number> {
  return Object.fromEntries(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(': '))
      .map(([name = '', number]) => [name, Number(number)]),
  );
}

describe.runIf(process.arch === 'x64').each(ways)('%s', (name) => {
  const way = useWay(name);
  let program: string;
  let works: boolean;
  beforeAll(async () => {
    program = await compileStatic(join(import.meta.dirname, 'attacks/i386-calls.c'));
    const plain = await compileStatic(join(import.meta.dirname, 'attacks/i386.c'), ['-m32', '-nostdlib', '-ffreestanding']);
    works = await execFileAsync(plain).then(
      () => true,
      () => false,
    );
  });

  const run = (engine: string, options: readonly string[], ...words: readonly string[]) =>
    commandLine(['-q', ...way.root.filter((word) => engine !== 'chroot' || word !== '--read-only'), '-e', engine, ...options, ...words]);

  test.each(['bwrap', 'lxc', 'chroot'])('the calls of 32-bit programs are refused as those of others are, by %s', (engine) => {
    const { stdout } = run(engine, ['-d', `${program}:/tmp/calls:ro`], '/tmp/calls');
    const found = parse(stdout);
    const compared = Object.keys(refused).filter((call) => engine !== 'lxc' || !leftToContainers.includes(call));
    expect(works).toBe(true);
    expect(Object.fromEntries(compared.map((call) => [call, found[call]]))).toEqual(
      Object.fromEntries(compared.map((call) => [call, refused[call]])),
    );
  });

  test.each(['bwrap', 'chroot'])('--socketcall lets i386 programs make sockets, by %s', (engine) => {
    const bind = ['-d', `${program}:/tmp/calls:ro`];
    expect({
      without: run(engine, bind, '/tmp/calls', 'socketcall'),
      with: run(engine, [...bind, '--socketcall'], '/tmp/calls', 'socketcall'),
    }).toEqual({
      without: { status: 0, stdout: 'socketcall: 97\n', stderr: '' },
      with: { status: 0, stdout: 'socketcall: 0\n', stderr: '' },
    });
  });
});
