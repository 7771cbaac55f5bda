import type { Passthrough } from '../spec.ts';
import { type OptionGroup, type RunOption, runOption } from './option.ts';

/** What a sandbox may use of the host. */
export const sharingOptions: OptionGroup<RunOption> = {
  title: 'Passing through',
  options: [
    runOption('shareNetwork', {
      long: 'share-net',
      short: 'n',
      help: "the host's network, or a veth on a bridge",
      carriedBy: 'launcher',
      settle: (draft, shareNetwork) => ({ ...draft, shareNetwork }),
    }),
    passthrough('x11', '1', 'the X11 socket of $DISPLAY'),
    passthrough('pulse', '2', 'the PulseAudio socket'),
    passthrough('wayland', '3', 'the Wayland socket'),
    passthrough('gpu', '4', 'the graphics devices in /dev/dri'),
  ],
};

function passthrough(kind: Passthrough, short: string, help: string): RunOption {
  return runOption('passthrough', {
    long: kind,
    short,
    says: kind,
    help,
    feature: kind,
    carriedBy: 'caller',
    settle: (draft, kinds) => (kinds.includes(kind) ? { ...draft, passthrough: [...draft.passthrough, kind] } : draft),
  });
}
