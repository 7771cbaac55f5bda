import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { HostFacts, MachineBoot, MachineFacts } from '../host/facts.ts';
import type { Rights } from '../host/rights.ts';
import { readText } from '../host/read-text.ts';
import { findTool } from '../host/tools.ts';
import { formatProbe } from '../machine/qemu.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { runCommand } from '../process/command.ts';
import type { KernelWish, WantedSpec } from '../spec/spec.ts';
import { findRuntimePlace } from './own-places.ts';

/** Firmware and libraries of QEMU, and the loader; /lib and /lib64 are links to /usr on hosts that isolate supports. */
const directories = ['/usr/lib', '/usr/lib64', '/usr/share/qemu', '/usr/share/seabios', '/lib', '/lib64'];

const device = '/dev/kvm';

/** A machine that only ends needs a fraction of a second with KVM. */
const probeMs = 3000;

/** A host that was too busy is asked again after this time. */
const doubtMs = 600_000;

/** For whom it is asked what machines need. */
export interface MachineQuestion {
  readonly files: HostFacts['files'];
  /** Whose machine it is to be, and the PATH that is searched then. */
  readonly rights: Rights;
  readonly searchPath: string | undefined;
  /** As the run asks for it; absent: any. */
  readonly acceleration?: WantedSpec['acceleration'];
  /** The kernel that was chosen, and where it is kept unpacked; absent: isolate's own. */
  readonly chosen?: { readonly kernel: KernelWish; readonly cache: string };
}

/**
 * What machines need of this host. Where a machine may run with KVM and it is not known whether it can, this process starts one. It
 * keeps the answer in its own runtime directory, not in the caller's.
 */
export async function findMachineFacts(question: MachineQuestion): Promise<MachineFacts> {
  const { files, rights, searchPath, acceleration } = question;
  const qemu = findTool('qemu-system-x86_64', rights, searchPath);
  const hasKernel = exists(files.kernel);
  const withoutMachine = qemu === null || !hasKernel ? 'QEMU or the kernel of machines is missing' : null;
  const unwanted = acceleration === 'tcg' ? '--accel tcg was given' : withoutMachine;
  return {
    hasProcessor: process.arch === 'x64',
    qemu,
    boot: await findBoot(question, hasKernel),
    withoutKvm: unwanted ?? whyOutOfReach() ?? (await recall(qemu ?? '', files)),
    directories: directories.filter(exists),
  };
}

async function findBoot({ files, rights, searchPath, chosen }: MachineQuestion, hasKernel: boolean): Promise<MachineBoot | null> {
  if (chosen === undefined) return hasKernel ? { kernel: files.kernel, initramfs: files.initramfs, board: 'microvm' } : null;
  const { file, release, modules = '/lib/modules' } = chosen.kernel;
  const { prepareKernel } = await import('../kernel/prepare.ts');
  const choice = { file: file ?? `/boot/vmlinuz-${release ?? ''}`, modules, ...(release === undefined ? {} : { release }) };
  const find = (name: string): string | null => findTool(name, rights, searchPath);
  const { kernel, initramfs, modules: found } = await prepareKernel(choice, { initramfs: files.initramfs, cache: chosen.cache, find });
  return { kernel, initramfs, board: 'q35', ...(found === null ? {} : { modules: found }) };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** QEMU has ids of the sandbox, which are in no group of the host. */
function whyOutOfReach(): string | null {
  const stats = statSync(device, { throwIfNoEntry: false });
  if (stats === undefined) return `this host has no ${device}`;
  if ((stats.mode & 0o006) !== 0o006) return `${device} cannot be opened by everybody, and a sandbox has ids of nobody`;
  try {
    closeSync(openSync(device, constants.O_RDWR));
    return null;
  } catch (error) {
    return `${device} cannot be opened (${(error as NodeJS.ErrnoException).code ?? ''})`;
  }
}

interface Answer {
  readonly of: string;
  readonly why: string | null;
  readonly until: number | null;
}

/** Why no machine runs with KVM, or null; tried once a boot, and again where the answer is in doubt. */
async function recall(qemu: string, files: HostFacts['files']): Promise<string | null> {
  const path = join(findRuntimePlace(process.getuid?.() ?? 0, callerEnvironment()).path, 'kvm');
  const of = `${readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''} ${describe(qemu)} ${describe(files.kernel)}`;
  const known = readAnswer(path);
  if (known?.of === of && (known.until === null || known.until > Date.now())) return known.why;
  const why = await tryKvm(qemu, files);
  const answer: Answer = { of, why, until: why === null ? null : Date.now() + doubtMs };
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o755 });
    const own = `${path}.${process.pid}`;
    writeFileSync(own, JSON.stringify(answer));
    renameSync(own, path);
  } catch {
    // The next run asks again.
  }
  return why;
}

function describe(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return `${path} ${stats?.ino ?? 0} ${stats?.mtimeMs ?? 0}`;
}

function readAnswer(path: string): Answer | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Answer;
  } catch {
    return null;
  }
}

async function tryKvm(qemu: string, { kernel, initramfs }: HostFacts['files']): Promise<string | null> {
  try {
    const [file = qemu, ...args] = formatProbe(qemu, { kernel, initramfs });
    const { exitCode, stderr } = await runCommand({ file, args, timeoutMs: probeMs });
    const [last = ''] = stderr.trim().split('\n').slice(-1);
    return exitCode === 0 ? null : `QEMU says: ${last.replace(/\.$/, '')}`;
  } catch {
    return `a machine that was started with it did not end within ${probeMs / 1000} s`;
  }
}
