import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { jailPaths } from '../../src/engine/kvm-jail.ts';
import { plan } from '../../src/index.ts';
import { shareTag } from '../../src/machine/machine.ts';
import { compileStatic } from '../rig/compile.ts';
import { isolatePath } from '../rig/isolate.ts';
import { readData } from './bare-bwrap.ts';

/** The first word behind QEMU's program; before it are those of the program of the launch (machine/main.c). */
const firstOption = '-nodefaults';

export interface BareOptions {
  /** For the sh of the root, instead of /bin/false. */
  readonly script?: string;
  /** The machine's console; nothing unless given. */
  readonly console?: 'stdio';
}

/**
 * The machine that isolate has QEMU make for a command on a read-only root, made by a QEMU that is started as it is: the same kernel and
 * options, with the root itself as the share and a first process that does nothing but mount it in the same way and execute a command.
 */
export async function bareQemu(root: string, scratch: string): Promise<(options?: BareOptions) => readonly string[]> {
  const launch = await plan({ engine: 'kvm', template: root, readOnly: true, command: ['/bin/false'] });
  const initramfs = join(scratch, 'bare-initramfs');
  const program = await compileStatic(join(import.meta.dirname, 'bare-init.c'));
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/build-initramfs.ts'), program, initramfs]);
  const shareOptions = new RegExp(`9p\0${shareTag}\0([^\0]+)\0`).exec(readData(launch, 'setup'))?.[1];
  if (shareOptions === undefined) throw new Error('The machine mounts no share.');
  const replaced: Readonly<Record<string, string>> = {
    [jailPaths.kernel]: join(isolatePath, '../vmlinux'),
    [jailPaths.initramfs]: initramfs,
  };
  const words = launch.args
    .slice(launch.args.indexOf(firstOption) - 1)
    .map((word) => replaced[word] ?? word)
    .map((word) =>
      word.replace(`path=${jailPaths.share},`, () => `path=${root.replaceAll(',', ',,')},`).replace('{tsc}', readCounterKhz()),
    );
  return ({ script, console = 'null' } = {}) =>
    words.map((word, index) => {
      if (words[index - 1] === '-append') {
        return [word, `share_options=${shareOptions}`, ...(script === undefined ? [] : [`script="${script}"`])].join(' ');
      }
      if (!word.startsWith('socket,')) return word;
      return word.startsWith('socket,id=console,') ? `${console},id=console` : 'null,id=channel';
    });
}

/** Of a virtual machine's processor this is the frequency of its counter; elsewhere it may be off, and so is time in the machine. */
function readCounterKhz(): string {
  const megahertz = Number(/^cpu MHz\s*:\s*([0-9.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]);
  if (Number.isNaN(megahertz)) throw new Error('/proc/cpuinfo tells no frequency.');
  return String(Math.round(megahertz * 1000));
}
