import { IsolateError } from '../../error.ts';
import { parseCard } from '../card.ts';
import { parseDisks } from '../disk.ts';
import { isKernelRelease } from '../parse-name.ts';
import { parseInteger } from '../parse-number.ts';
import { parseHostPath } from '../parse-path.ts';
import { accelerations } from '../spec.ts';
import { type OptionGroup, type RunOption, runOption } from './option.ts';

/** The most processors that a machine can be given: more than 255 need an interrupt controller that its kernel is not told of. */
const mostProcessors = 255;

/** What only a machine has: engines with a kernel of their own. */
export const machineOptions: OptionGroup<RunOption> = {
  title: 'Machine',
  options: [
    runOption('cpus', {
      long: 'cpus',
      value: 'N',
      completes: 'none',
      help: 'processors of the machine (default 1)',
      feature: 'cpus',
      carriedBy: 'launcher',
      settle: (draft, cpus) => ({ ...draft, cpus: parseInteger('--cpus', cpus, 1, mostProcessors) }),
    }),
    runOption('disks', {
      long: 'disk',
      value: 'TAG=FILE[,ro]',
      completes: 'assigned',
      repeatable: true,
      help: 'an image as /dev/disk/by-tag/TAG; ,format=raw or qcow2 unless its name says so',
      feature: 'disks',
      carriedBy: 'launcher',
      settle: (draft, given, { cwd }) => ({ ...draft, disks: parseDisks(given, cwd) }),
    }),
    runOption('networks', {
      long: 'network',
      value: 'ITEM[,ITEM...]',
      completes: 'none',
      repeatable: true,
      help: 'a network card: dhcp, or address=IP/PREFIX, route=IP/PREFIX%GATEWAY; and mac=MAC',
      feature: 'cards',
      carriedBy: 'launcher',
      settle: (draft, given) => ({ ...draft, shareNetwork: true, cards: given.map(parseCard) }),
    }),
    runOption('kernel', {
      long: 'kernel',
      value: 'FILE',
      completes: 'file',
      help: "boot this kernel of a distribution instead of isolate's own",
      feature: 'kernel',
      carriedBy: 'launcher',
      settle: (draft, file, { cwd }) => ({ ...draft, kernel: { ...draft.kernel, file: parseHostPath('usage', 'The kernel', file, cwd) } }),
    }),
    runOption('kernelVersion', {
      long: 'kernel-version',
      value: 'RELEASE',
      completes: 'none',
      help: "the kernel's release, as uname -r says it; without --kernel, boot /boot/vmlinuz-RELEASE",
      feature: 'kernel',
      carriedBy: 'launcher',
      settle: (draft, release) => ({ ...draft, kernel: { ...draft.kernel, release: parseRelease(release) } }),
    }),
    runOption('modules', {
      long: 'modules',
      value: 'DIR',
      completes: 'directory',
      help: 'where the modules of the kernel are, in a directory by its release (default /lib/modules)',
      feature: 'kernel',
      carriedBy: 'launcher',
      settle: (draft, directory, { cwd }) => {
        return { ...draft, kernel: { ...draft.kernel, modules: parseHostPath('usage', 'The directory of modules', directory, cwd) } };
      },
    }),
    runOption('debugInit', {
      long: 'init-debug',
      help: 'show what the kernel and the init of the machine say, on standard error',
      feature: 'debug-init',
      carriedBy: 'launcher',
      settle: (draft, debugInit) => ({ ...draft, debugInit }),
    }),
    runOption('acceleration', {
      long: 'accel',
      value: 'auto|kvm|tcg',
      completes: 'none',
      help: 'run the machine with KVM, or emulate it (tcg); auto, the default: with KVM if that works here',
      feature: 'accel',
      carriedBy: 'launcher',
      settle: (draft, asked) => {
        const acceleration = accelerations.find((name) => name === asked);
        if (acceleration === undefined) {
          throw new IsolateError('usage', `--accel takes ${accelerations.join(', ')}, not ${JSON.stringify(asked)}.`);
        }
        return { ...draft, acceleration };
      },
    }),
  ],
};

function parseRelease(text: string): string {
  if (isKernelRelease(text)) return text;
  throw new IsolateError('usage', `${JSON.stringify(text)} is not the release of a kernel.`, {
    hint: 'write it as uname -r does, such as 6.1.0-40-amd64',
  });
}
