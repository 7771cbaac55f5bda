import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { runFilter } from '../../rig/bpf.ts';
import { make } from '../../rig/compile.ts';

const ALLOW = 0x7fff0000;
const errno = (number: number): number => 0x00050000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);
const LAST_KNOWN = 469;

/** What is refused whatever the arguments, by the names of the tables of 32-bit programs. */
const refused: Readonly<Record<string, number>> = Object.fromEntries([
  ...['unshare', 'setns', 'mount', 'umount', 'umount2', 'pivot_root', 'add_key', 'request_key', 'keyctl'].map((name) => [name, EPERM]),
  ...['clone3', 'open_tree', 'open_tree_attr', 'move_mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr', 'nfsservctl'].map(
    (name) => [name, ENOSYS],
  ),
  ...['init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load', 'reboot', 'swapon', 'swapoff', 'syslog', 'acct'].map(
    (name) => [name, EPERM],
  ),
  ...['quotactl', 'quotactl_fd', 'settimeofday', 'stime', 'clock_settime', 'clock_settime64', 'vhangup', 'iopl', 'ioperm', 'uselib'].map(
    (name) => [name, EPERM],
  ),
  ...['vm86', 'vm86old', 'bpf', 'perf_event_open', 'userfaultfd', 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'kcmp'].map(
    (name) => [name, EPERM],
  ),
  ...['lookup_dcookie', 'open_by_handle_at'].map((name) => [name, EPERM]),
]);
const conditional = ['ioctl', 'clone', 'socket', 'socketpair', 'socketcall', 'personality'];
/** Newer than the headers, the same everywhere. */
const newer = { open_tree_attr: 467, quotactl_fd: 443, mount_setattr: 442 };

const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const words = fc.array(word, { minLength: 6, maxLength: 6 });

/** The table of system calls that a header of the kernel gives. */
async function readTable(header: string): Promise<Map<string, number>> {
  const lines = (await readFile(header, 'utf8')).matchAll(/^#define __NR_(\w+) \(?(?:__NR_SYSCALL_BASE \+ )?(\d+)\)?$/gm);
  return new Map([...Object.entries(newer), ...[...lines].map(([, name = '', number]) => [name, Number(number)] as const)]);
}

interface Platform {
  readonly name: string;
  readonly architecture: number;
  readonly header: string;
  readonly variables: readonly string[];
  /** Calls that are allowed though they lie beyond the table. */
  readonly beyond: readonly number[];
  readonly hasSocketcall: boolean;
}

const platforms: readonly Platform[] = [
  {
    name: 'i386',
    architecture: 0x40000003,
    header: '/usr/include/x86_64-linux-gnu/asm/unistd_32.h',
    variables: [],
    beyond: [],
    hasSocketcall: true,
  },
  {
    name: 'armhf',
    architecture: 0x40000028,
    header: '/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h',
    variables: ['CC=aarch64-linux-gnu-gcc', 'RUN=qemu-aarch64-static'],
    beyond: [0xf0001, 0xf0002, 0xf0003, 0xf0004, 0xf0005, 0xf0006],
    hasSocketcall: false,
  },
];

describe.runIf(process.arch === 'x64').each(platforms)('the filter for $name programs, run in user space', (platform) => {
  const { name, architecture, header, variables, beyond, hasSocketcall } = platform;
  let filter: Uint8Array;
  let lenient: Uint8Array;
  let table: Map<string, number>;
  beforeAll(async () => {
    const directory = await make('seccomp', variables, `seccomp-for-${name}`);
    [filter, lenient] = await Promise.all([
      readFile(join(directory, 'seccomp.bpf')),
      readFile(join(directory, 'seccomp-socketcall.bpf')),
    ]);
    table = await readTable(header);
  });

  const answer = (number: number, args: readonly bigint[], program = filter): number =>
    runFilter(program, { architecture, number, arguments: args });
  const answerTo = (call: string, ...first: readonly number[]): number =>
    answer(table.get(call) ?? -1, [...first.map(BigInt), 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6));

  test('every call of the table is answered as the policy says, whatever the arguments', () => {
    const calls = [...table].filter(([call, number]) => number <= LAST_KNOWN && !conditional.includes(call));
    expect(calls.length).toBeGreaterThan(390);
    fc.assert(
      fc.property(words, (args) => {
        const answers = Object.fromEntries(calls.map(([call, number]) => [call, answer(number, args)]));
        expect(answers).toEqual(Object.fromEntries(calls.map(([call]) => [call, refused[call] ?? ALLOW])));
      }),
      { numRuns: 20 },
    );
  });

  test('numbers that no call has are allowed up to the last known one and get ENOSYS beyond, where the kernel has no calls of its own', () => {
    const none = [...Array(LAST_KNOWN + 1).keys()].filter((number) => ![...table.values()].includes(number));
    // ARM's numbers of the old ABI are nobody's in the new one: the kernel says ENOSYS, or the filter does something stricter.
    const answers = none.map((number) => answer(number, [0n, 0n, 0n, 0n, 0n, 0n]));
    expect(answers.filter((each) => ![ALLOW, EPERM].includes(each))).toEqual([]);
    fc.assert(
      fc.property(fc.integer({ min: LAST_KNOWN + 1, max: 0xffffffff }), words, (number, args) => {
        expect(answer(number, args)).toBe(beyond.includes(number) ? ALLOW : ENOSYS);
      }),
    );
    expect(beyond.map((number) => answer(number, [0n, 0n, 0n, 0n, 0n, 0n]))).toEqual(beyond.map(() => ALLOW));
    expect([0xf0000, 0xf0007, 0x900014, 0x40000014].map((number) => answer(number, [0n]))).toEqual([ENOSYS, ENOSYS, ENOSYS, ENOSYS]);
  });

  test('arguments decide as in the native table, by their low 32 bits', () => {
    const high = 2 ** 40;
    expect({
      typing: [0x5412, 0x541c, 0x5423, 0x541d, high + 0x5412].map((request) => answerTo('ioctl', 0, request)),
      asking: [0x5401, 0x5413].map((request) => answerTo('ioctl', 0, request)),
      namespaces: [17, 25, 26, 27, 28, 29, 30].map((bit) => answerTo('clone', 2 ** bit + 17)),
      forking: answerTo('clone', 17),
      families: [1, 2, 10, 16].flatMap((family) => [answerTo('socket', family, 1), answerTo('socketpair', family, 1)]),
      others: [5, 17, 38, 40, high + 40].flatMap((family) => [answerTo('socket', family, 1), answerTo('socketpair', family, 1)]),
      packets: answerTo('socket', 2, 10),
      personalities: [0, 8, 0x40000, 0xffffffff].map((persona) => answerTo('personality', persona)),
      unsafe: [0x0400000, 0x100000, 1].map((persona) => answerTo('personality', persona)),
    }).toEqual({
      typing: [EPERM, EPERM, EPERM, EPERM, EPERM],
      asking: [ALLOW, ALLOW],
      namespaces: Array(7).fill(EPERM),
      forking: ALLOW,
      families: Array(8).fill(ALLOW),
      others: Array(10).fill(EAFNOSUPPORT),
      packets: EAFNOSUPPORT,
      personalities: Array(4).fill(ALLOW),
      unsafe: [EPERM, EPERM, EPERM],
    });
  });

  test('socketcall, where there is one, makes no socket unless it is allowed to, and does all the rest', () => {
    const number = table.get('socketcall');
    expect(number !== undefined).toBe(hasSocketcall);
    if (number === undefined) return;
    const operations = [...Array(21).keys()];
    fc.assert(
      fc.property(words, (args) => {
        const of = (program: Uint8Array): number[] =>
          operations.map((operation) => answer(number, [(args[0]! & ~0xffffffffn) | BigInt(operation), ...args.slice(1)], program));
        expect(of(filter)).toEqual(operations.map((operation) => ([1, 8].includes(operation) ? EAFNOSUPPORT : ALLOW)));
        expect(of(lenient)).toEqual(operations.map(() => ALLOW));
      }),
      { numRuns: 50 },
    );
  });

  test('with --socketcall nothing else changes', () => {
    fc.assert(
      fc.property(fc.nat({ max: LAST_KNOWN }), words, (number, args) => {
        fc.pre(number !== table.get('socketcall'));
        expect(answer(number, args, lenient)).toBe(answer(number, args));
      }),
      { numRuns: 1000 },
    );
  });
});
