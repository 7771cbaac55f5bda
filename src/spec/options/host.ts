import { IsolateError } from '../../error.ts';
import { parseInterfaceName } from '../parse-name.ts';
import { parseHostPath } from '../parse-path.ts';
import { type OptionGroup, type RunOption, runOption } from './option.ts';

/** What happens on the host around a run. */
export const hostOptions: OptionGroup<RunOption> = {
  title: 'On the host',
  options: [
    runOption('preHook', {
      long: 'pre-hook',
      value: 'COMMAND',
      completes: 'none',
      help: 'shell command on the host before the run, with ROOTFS set; nothing runs if it fails',
      variable: { name: 'PRE_SPAWN_HOOK', read: (text) => text },
      carriedBy: 'caller',
      settle: (draft, command) => ({ ...draft, hooks: { ...draft.hooks, ...hook('pre', command) } }),
    }),
    runOption('postHook', {
      long: 'post-hook',
      value: 'COMMAND',
      completes: 'none',
      help: 'shell command on the host after the run, with ROOTFS set',
      variable: { name: 'POST_SPAWN_HOOK', read: (text) => text },
      carriedBy: 'caller',
      settle: (draft, command) => ({ ...draft, hooks: { ...draft.hooks, ...hook('post', command) } }),
    }),
    runOption('netBridge', {
      long: 'net-bridge',
      value: 'NAME',
      completes: 'none',
      help: 'bridge that -n connects to (default br_vm, else lxcbr0)',
      feature: 'bridge',
      variable: {
        name: 'LXC_NET_BR',
        says: 'the bridge of --net-bridge',
        ofEngine: true,
        read: (text) => text,
      },
      carriedBy: 'launcher',
      settle: (draft, name) => ({ ...draft, bridge: parseInterfaceName('--net-bridge', name) }),
    }),
    runOption('tun', {
      long: 'tun',
      help: '/dev/net/tun inside',
      feature: 'tun',
      variable: { name: 'LXC_MAP_TUN', says: 'any value: --tun', ofEngine: true, read: () => true },
      carriedBy: 'launcher',
      settle: (draft, tun) => ({ ...draft, tun }),
    }),
    runOption('lxcLog', {
      long: 'lxc-log',
      value: 'FILE',
      completes: 'file',
      help: "write the engine's own log to FILE",
      feature: 'log',
      variable: {
        name: 'DEBUG_LXC_SPAWN',
        says: 'any value: --lxc-log /run/isolate/lxc.log',
        ofEngine: true,
        read: () => '/run/isolate/lxc.log',
      },
      carriedBy: 'launcher',
      settle: (draft, file, { cwd }) => ({ ...draft, engineLog: parseHostPath('usage', 'The log file', file, cwd) }),
    }),
  ],
};

function hook(name: 'pre' | 'post', command: string): Partial<Record<'pre' | 'post', string>> {
  if (command.includes('\0')) throw new IsolateError('usage', `The command of --${name}-hook contains a NUL character.`);
  return command === '' ? {} : { [name]: command };
}
