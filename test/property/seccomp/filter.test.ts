import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { runFilter } from '../../rig/bpf.ts';
import { make } from '../../rig/compile.ts';

const KILL = 0x80000000;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const X32_BIT = 0x40000000;
const LAST_KNOWN = 469;

/** Numbers of the x86_64 table, from the kernel's syscall_64.tbl. Refused whatever the arguments. */
const refused: Readonly<Record<number, number>> = Object.fromEntries([
  // unshare setns mount umount2 pivot_root
  ...[272, 308, 165, 166, 155].map((number) => [number, EPERM]),
  // clone3 open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr nfsservctl
  ...[435, 428, 467, 429, 430, 431, 432, 433, 442, 180].map((number) => [number, ENOSYS]),
  // add_key request_key keyctl
  ...[248, 249, 250].map((number) => [number, EPERM]),
  // init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff
  ...[175, 313, 176, 246, 320, 169, 167, 168].map((number) => [number, EPERM]),
  // syslog acct quotactl quotactl_fd settimeofday clock_settime vhangup iopl ioperm uselib
  ...[103, 163, 179, 443, 164, 227, 153, 172, 173, 134].map((number) => [number, EPERM]),
  // bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register kcmp lookup_dcookie open_by_handle_at
  ...[321, 298, 323, 425, 426, 427, 312, 212, 304].map((number) => [number, EPERM]),
]);
const IOCTL = 16;
const SOCKET = 41;
const SOCKETPAIR = 53;
const CLONE = 56;
const PERSONALITY = 135;
const conditional = [IOCTL, SOCKET, SOCKETPAIR, CLONE, PERSONALITY];
const terminalRequests = [0x5412, 0x541c, 0x5423, 0x541d];
const families = [1, 2, 10, 16];
const newNamespaces = 0x7e020000;

let filter: Uint8Array;
beforeAll(async () => {
  filter = await readFile(join(await make('seccomp'), 'seccomp.bpf'));
});

function answer(number: number, ...first: readonly (bigint | number)[]): number {
  const all = [...first.map(BigInt), 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6);
  return runFilter(filter, { architecture: X86_64, number, arguments: all });
}

const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const words = fc.array(word, { minLength: 6, maxLength: 6 });
const low = fc.nat({ max: 0xffffffff });
const high = fc.bigInt({ min: 0n, max: 0xffffffffn }).map((bits) => bits << 32n);

describe.runIf(process.arch === 'x64')('the filter, run in user space', () => {
  test('is accepted by the kernel’s rules: no longer than 4096 instructions, every jump lands inside, the last one returns', () => {
    const length = filter.byteLength / 8;
    expect(Number.isInteger(length) && length <= 4096).toBe(true);
    const outside = Array.from({ length }, (_, at) => ({ at, operation: filter[at * 8]!, far: Math.max(filter[at * 8 + 2]!, filter[at * 8 + 3]!) }))
      .filter(({ at, operation, far }) => (operation & 7) === 5 && operation !== 5 && at + 1 + far >= length);
    expect(outside).toEqual([]);
    expect(filter[(length - 1) * 8]).toBe(0x06);
  });

  test('kills every call of an architecture that the kernel has no table for, whatever its number and arguments', () => {
    fc.assert(fc.property(low, low, words, (architecture, number, args) => {
      fc.pre(architecture !== X86_64 && architecture !== I386);
      expect(runFilter(filter, { architecture, number, arguments: args })).toBe(KILL);
    }));
  });

  test('answers every number from 0 to the last known one as the policy says, whatever the arguments', () => {
    const numbers = Array.from({ length: LAST_KNOWN + 1 }, (_, number) => number).filter((number) => !conditional.includes(number));
    fc.assert(fc.property(words, (args) => {
      const answers = numbers.map((number) => [number, runFilter(filter, { architecture: X86_64, number, arguments: args })]);
      expect(answers).toEqual(numbers.map((number) => [number, refused[number] ?? ALLOW]));
    }), { numRuns: 20 });
  });

  test('answers ENOSYS to x32, negative and not yet known numbers', () => {
    for (let number = 0; number <= LAST_KNOWN; number += 1) {
      expect([answer(number | X32_BIT), answer(-1 - number)]).toEqual([ENOSYS, ENOSYS]);
    }
    fc.assert(fc.property(fc.integer({ min: LAST_KNOWN + 1, max: 0xffffffff }), words, (number, args) => {
      expect(answer(number, ...args)).toBe(ENOSYS);
    }));
  });

  test('refuses the four terminal requests whatever the high bits of the number and the other arguments', () => {
    fc.assert(fc.property(fc.constantFrom(...terminalRequests), high, words, (request, bits, args) => {
      expect(answer(IOCTL, args[0]!, bits | BigInt(request), ...args.slice(2))).toBe(EPERM);
    }));
  });

  test('lets the high bits of an ioctl’s number change nothing', () => {
    const requests = fc.oneof(low, fc.constantFrom(...terminalRequests), fc.integer({ min: 0x5400, max: 0x5470 }));
    fc.assert(fc.property(requests, high, (request, bits) => {
      const expected = terminalRequests.includes(request) ? EPERM : ALLOW;
      expect([answer(IOCTL, 0, request), answer(IOCTL, 0, bits | BigInt(request))]).toEqual([expected, expected]);
    }), { numRuns: 1000 });
  });

  test('refuses clone with any flag of a new namespace and allows it without', () => {
    fc.assert(fc.property(low, high, (flags, bits) => {
      expect(answer(CLONE, bits | BigInt(flags))).toBe((flags & newNamespaces) !== 0 ? EPERM : ALLOW);
    }));
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect(answer(CLONE, 2 ** bit + 17)).toBe(EPERM);
    }
  });

  test('allows sockets of four families only, and never the old packet type of the Internet family', () => {
    const family = fc.oneof(fc.nat({ max: 64 }), low);
    fc.assert(fc.property(fc.constantFrom(SOCKET, SOCKETPAIR), family, high, fc.nat({ max: 0x80fff }), high, (call, domain, bits, type, more) => {
      const packet = call === SOCKET && (type & 0xf) === 10;
      expect(answer(call, bits | BigInt(domain), more | BigInt(type))).toBe(families.includes(domain) && !packet ? ALLOW : EAFNOSUPPORT);
    }), { numRuns: 1000 });
    expect(families.map((domain) => answer(SOCKET, domain, 1))).toEqual([ALLOW, ALLOW, ALLOW, ALLOW]);
    expect([17, 38, 40].map((domain) => answer(SOCKET, domain, 3))).toEqual([EAFNOSUPPORT, EAFNOSUPPORT, EAFNOSUPPORT]);
  });

  test('allows the default personality, asking for it, a fixed address layout and the 32-bit machine name, nothing else', () => {
    fc.assert(fc.property(fc.oneof(low, fc.constantFrom(0, 8, 0xffffffff, 0x40000)), high, (persona, bits) => {
      expect(answer(PERSONALITY, bits | BigInt(persona))).toBe([0, 8, 0xffffffff, 0x40000].includes(persona) ? ALLOW : EPERM);
    }));
  });
});
