import { defaultEnvironment } from '../spec/parse-environment.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import type { Engine, EngineCapabilities, Problem } from './engine.ts';

interface Demand {
  readonly option: string;
  readonly isMade: (spec: SandboxSpec) => boolean;
  readonly isMet: (capabilities: EngineCapabilities) => boolean;
}

const demands: readonly Demand[] = [
  { option: '-v', isMade: hasOwnEnvironment, isMet: ({ environment }) => environment },
  { option: '-p', isMade: (spec) => spec.workingDirectory !== '/', isMet: ({ workingDirectory }) => workingDirectory },
  { option: '-u', isMade: (spec) => spec.uidBase !== undefined, isMet: ({ idBase }) => idBase },
  { option: '-g', isMade: (spec) => spec.gidBase !== undefined, isMet: ({ idBase }) => idBase },
  { option: '-d', isMade: (spec) => spec.binds.some(({ optional }) => optional !== true), isMet: ({ binds }) => binds },
  { option: '--hostname', isMade: (spec) => spec.hostname !== undefined, isMet: ({ hostname }) => hostname },
  { option: '--read-only', isMade: (spec) => spec.readOnlyRoot, isMet: ({ readOnlyRoot }) => readOnlyRoot },
  { option: '-1', isMade: (spec) => spec.passthrough.includes('x11'), isMet: ({ passthrough }) => passthrough.includes('x11') },
  { option: '-2', isMade: (spec) => spec.passthrough.includes('pulse'), isMet: ({ passthrough }) => passthrough.includes('pulse') },
  { option: '-3', isMade: (spec) => spec.passthrough.includes('wayland'), isMet: ({ passthrough }) => passthrough.includes('wayland') },
  { option: '-4', isMade: (spec) => spec.passthrough.includes('gpu'), isMet: ({ passthrough }) => passthrough.includes('gpu') },
  { option: '--cpu', isMade: (spec) => spec.limits.cpuPercent !== undefined, isMet: ({ limits }) => limits.includes('cpuPercent') },
  { option: '--memory', isMade: (spec) => spec.limits.memoryBytes !== undefined, isMet: ({ limits }) => limits.includes('memoryBytes') },
  { option: '--pids', isMade: (spec) => spec.limits.pids !== undefined, isMet: ({ limits }) => limits.includes('pids') },
  { option: '--net-bridge', isMade: (spec) => spec.lxc.bridge !== null, isMet: ({ network }) => network === 'bridge' },
  { option: '--tun', isMade: (spec) => spec.lxc.mapTun, isMet: ({ tun }) => tun },
];

/** Every option of `spec` that `engine` does not support, each with the names of those of `engines` that do. */
export function checkCapabilities(spec: SandboxSpec, engine: Engine, engines: readonly Engine[]): readonly Problem[] {
  return demands
    .filter(({ isMade, isMet }) => isMade(spec) && !isMet(engine.capabilities))
    .map(({ option, isMet }) => {
      const names = engines.filter(({ capabilities }) => isMet(capabilities)).map(({ name }) => name);
      const others = names.length === 0 ? 'no engine does' : `${names.join(' and ')} ${names.length === 1 ? 'does' : 'do'}`;
      return { code: 'unsupported-option', message: `The engine ${engine.name} does not support ${option}; ${others}.` };
    });
}

/** Whether a variable was set that every command does not get anyway. */
function hasOwnEnvironment(spec: SandboxSpec): boolean {
  const plain = defaultEnvironment({ TERM: spec.environment['TERM'] });
  return Object.entries(spec.environment).some(([name, value]) => plain[name] !== value);
}
