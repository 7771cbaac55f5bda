import type { HostFacts, PathFacts } from '../host/facts.ts';
import type { Bind, SandboxSpec } from '../spec/spec.ts';
import type { BwrapOption } from './bwrap-options.ts';
import type { Problem } from './engine.ts';
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

/**
 * What root's sandboxes could not use although it is there: their ids are nobody's on the host, so a socket must let
 * everyone connect (unix(7)) or be shown with its owner as the sandbox's 0, and a device must be everyone's.
 */
export function checkDesktop({ user, desktop, paths }: HostFacts): Problem[] {
  if (user.uid !== 0) return [];
  const sockets = [desktop.x11, desktop.pulse, desktop.wayland].flatMap((part) => (part === null ? [] : [part.socket]));
  const devices = desktop.gpu?.devices ?? [];
  return [
    ...sockets.filter((socket) => !canConnect(paths[socket])).map(refusedSocket),
    ...(devices.length === 0 || devices.some((device) => isOpenToAll(paths[device], 0o006)) ? [] : [refusedDevices(devices)]),
  ];
}

function canConnect(path: PathFacts | undefined): boolean {
  return path !== undefined && (isOpenToAll(path, 0o002) || (path.idmappable && path.uid !== 0));
}

function isOpenToAll(path: PathFacts | undefined, bits: number): boolean {
  return path !== undefined && (path.mode & bits) === bits;
}

function refusedSocket(socket: string): Problem {
  return {
    code: 'not-permitted',
    message: `The socket ${socket} lets only its owner connect, and it cannot be shown to the sandbox as its own (tmpfs can from Linux 6.3 on).`,
    hint: 'run isolate as the owner of the socket, with -t',
  };
}

function refusedDevices(devices: readonly string[]): Problem {
  return {
    code: 'not-permitted',
    message: `The graphics devices ${devices.join(' ')} are not open to everyone, so not to the ids of the sandbox either.`,
    hint: 'run isolate as a user who may use them, with -t, or give the render nodes mode 0666 by a udev rule',
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
      environment: {
        PULSE_SERVER: `unix:${runtimeDirectory}/pulse-native`,
        ...(pulse.cookie === null ? {} : { PULSE_COOKIE: cookie.path }),
      },
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

function planCookie(
  content: Uint8Array | null,
  name: string,
  number: number,
): { path: string } & Pick<DesktopPlan, 'options' | 'descriptors'> {
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
