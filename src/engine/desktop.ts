import type { HostFacts } from '../host/facts.ts';
import type { Bind, SandboxSpec } from '../spec/spec.ts';
import type { BwrapOption } from './bwrap-options.ts';
import type { Descriptor } from './launch.ts';

/** What the passed-through parts of the desktop add to a launch. */
export interface DesktopPlan {
  readonly options: readonly BwrapOption[];
  readonly binds: readonly Bind[];
  readonly environment: Readonly<Record<string, string>>;
  readonly descriptors: readonly Descriptor[];
}

/** Everything lies on the sandbox's own /tmp: nothing of the desktop is left in a clone or a template. */
const runtimeDirectory = '/tmp/isolate-runtime';

/** Shows the asked-for sockets, cookies and devices, and the variables that lead programs to them. */
export function planDesktop(spec: SandboxSpec, facts: HostFacts, firstNumber: number): DesktopPlan {
  const plans = spec.passthrough.map((kind, index) => planners[kind](facts.desktop, firstNumber + index));
  if (plans.length === 0) return empty;
  return {
    options: [['--perms', '0700', '--dir', runtimeDirectory], ...plans.flatMap((plan) => plan.options)],
    binds: plans.flatMap((plan) => plan.binds),
    environment: Object.assign({ XDG_RUNTIME_DIR: runtimeDirectory }, ...plans.map((plan) => plan.environment)) as Record<string, string>,
    descriptors: plans.flatMap((plan) => plan.descriptors),
  };
}

const empty: DesktopPlan = { options: [], binds: [], environment: {}, descriptors: [] };

type Planner = (desktop: HostFacts['desktop'], number: number) => DesktopPlan;

const planners: Record<SandboxSpec['passthrough'][number], Planner> = {
  x11: ({ x11 }, number) => {
    if (x11 === null) return empty;
    const cookie = planCookie(x11.authority, 'Xauthority', number);
    return {
      options: [['--perms', '1777', '--dir', '/tmp/.X11-unix'], ...cookie.options],
      binds: [socketBind(x11.socket, `/tmp/.X11-unix/${x11.socket.slice(x11.socket.lastIndexOf('/') + 1)}`)],
      environment: { DISPLAY: x11.display, ...(x11.authority === null ? {} : { XAUTHORITY: cookie.path }) },
      descriptors: cookie.descriptors,
    };
  },
  pulse: ({ pulse }, number) => {
    if (pulse === null) return empty;
    const cookie = planCookie(pulse.cookie, 'pulse-cookie', number);
    return {
      options: cookie.options,
      binds: [socketBind(pulse.socket, `${runtimeDirectory}/pulse-native`)],
      environment: { PULSE_SERVER: `unix:${runtimeDirectory}/pulse-native`, ...(pulse.cookie === null ? {} : { PULSE_COOKIE: cookie.path }) },
      descriptors: cookie.descriptors,
    };
  },
  wayland: ({ wayland }) => {
    if (wayland === null) return empty;
    const binds = [socketBind(wayland.socket, `${runtimeDirectory}/${wayland.display}`)];
    return { ...empty, binds, environment: { WAYLAND_DISPLAY: wayland.display } };
  },
  gpu: ({ gpu }) => {
    if (gpu === null) return empty;
    return { ...empty, binds: gpu.devices.map((device) => ({ source: device, target: device, readOnly: false })) };
  },
};

function planCookie(content: Uint8Array | null, name: string, number: number): { path: string } & Pick<DesktopPlan, 'options' | 'descriptors'> {
  const path = `${runtimeDirectory}/${name}`;
  if (content === null) return { path, options: [], descriptors: [] };
  return {
    path,
    // A copy, not a read-only bind: libpulse opens its cookie for writing and gives up on EROFS.
    options: [['--perms', '0600', '--file', String(number), path]],
    descriptors: [{ number, kind: 'data', label: name, content }],
  };
}

function socketBind(source: string, target: string): Bind {
  return { source, target, readOnly: false };
}
