import type { Facts, PathFacts } from '../host/facts.ts';
import { describeSource } from '../spec/bind.ts';
import type { Bind, CheckedSpec, SandboxSpec } from '../spec/spec.ts';
import type { BwrapOption } from './bwrap-options.ts';
import type { Problem } from './engine.ts';
import type { Descriptor } from '../launch/launch.ts';

/** What desktop options add to a launch. */
export interface DesktopPlan {
  readonly options: readonly BwrapOption[];
  readonly binds: readonly Bind[];
  readonly environment: Readonly<Record<string, string>>;
  readonly descriptors: readonly Descriptor[];
}

/** Where a plan puts things: the sandbox's /tmp, and descriptors from `firstNumber` up. */
export interface DesktopPlaces {
  readonly tmp: string;
  readonly firstNumber: number;
}

/** Everything is on the sandbox's own /tmp, so nothing of the desktop is left in a clone or template. */
const runtimeIn = (tmp: string): string => `${tmp}/isolate-runtime`;

/** Shows the requested sockets, cookies and devices, and sets the variables that point programs to them. */
export function planDesktop(spec: SandboxSpec, facts: Facts, { tmp, firstNumber }: DesktopPlaces): DesktopPlan {
  const plans = spec.passthrough.map((kind, index) => planners[kind](facts.desktop, { tmp, number: firstNumber + index }));
  if (plans.length === 0) return empty;
  const runtimeDirectory = runtimeIn(tmp);
  return {
    options: [['--perms', '0700', '--dir', runtimeDirectory], ...plans.flatMap((plan) => plan.options)],
    binds: plans.flatMap((plan) => plan.binds),
    environment: Object.assign({ XDG_RUNTIME_DIR: runtimeDirectory }, ...plans.map((plan) => plan.environment)) as Record<string, string>,
    descriptors: plans.flatMap((plan) => plan.descriptors),
  };
}

/**
 * What root's sandboxes could not use although it exists. Their ids belong to nobody on the host, so a socket must let everyone connect
 * (unix(7)) or be shown with its owner as the sandbox's 0, and a device must be accessible to everyone.
 */
export function checkDesktop({ passthrough, binds }: CheckedSpec, { user, desktop, paths }: Facts): Problem[] {
  const over = passthrough.length === 0 ? undefined : binds.find(({ target }) => target === '/tmp');
  if (over !== undefined) {
    return [
      {
        code: 'bad-bind',
        message: `Desktop sockets are passed in /tmp, so ${describeSource(over)} cannot be bound over it.`,
        hint: 'bind it below /tmp, or elsewhere',
      },
    ];
  }
  if (user.rights !== 'root') return [];
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
    message: `The socket ${socket} lets only its owner connect, and it cannot be mapped to the sandbox's ids (on tmpfs that needs Linux 6.3).`,
    hint: 'run isolate as the owner of the socket, with -t',
  };
}

function refusedDevices(devices: readonly string[]): Problem {
  return {
    code: 'not-permitted',
    message: `The graphics devices ${devices.join(' ')} are not accessible to everyone, so the sandbox's ids cannot use them.`,
    hint: 'run isolate as a user who may use them, with -t, or give the render nodes mode 0666 with a udev rule',
  };
}

const empty: DesktopPlan = { options: [], binds: [], environment: {}, descriptors: [] };

type Planner = (desktop: Facts['desktop'], place: { readonly tmp: string; readonly number: number }) => DesktopPlan;

const planners: Record<SandboxSpec['passthrough'][number], Planner> = {
  x11: ({ x11 }, place) => {
    if (x11 === null) return empty;
    const cookie = planCookie(x11.authority, 'Xauthority', place);
    const sockets = `${place.tmp}/.X11-unix`;
    return {
      options: [['--perms', '1777', '--dir', sockets], ...cookie.options],
      binds: [socketBind(x11.socket, `${sockets}/${x11.socket.slice(x11.socket.lastIndexOf('/') + 1)}`)],
      environment: { DISPLAY: x11.display, ...(x11.authority === null ? {} : { XAUTHORITY: cookie.path }) },
      descriptors: cookie.descriptors,
    };
  },
  pulse: ({ pulse }, place) => {
    if (pulse === null) return empty;
    const cookie = planCookie(pulse.cookie, 'pulse-cookie', place);
    const runtimeDirectory = runtimeIn(place.tmp);
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
  wayland: ({ wayland }, { tmp }) => {
    if (wayland === null) return empty;
    const binds = [socketBind(wayland.socket, `${runtimeIn(tmp)}/${wayland.display}`)];
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
  { tmp, number }: Parameters<Planner>[1],
): { path: string } & Pick<DesktopPlan, 'options' | 'descriptors'> {
  const path = `${runtimeIn(tmp)}/${name}`;
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
