import { IsolateError } from '../../error.ts';
import { parseInteger } from '../parse-number.ts';
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
