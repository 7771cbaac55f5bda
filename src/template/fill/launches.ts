import { type BwrapOption, encodeOptions, isolationOptions } from '../../engine/bwrap-options.ts';
import { planStage, stageFile } from '../../engine/stage.ts';
import { bareLaunch } from '../../launch/bare-launch.ts';
import type { Environment, Launch, MountOperation } from '../../launch/launch.ts';
import { type FillingPlace, requireBwrap } from './place.ts';

/** Where the programs in the sandbox see the directory that they fill. */
export const targetInside = '/target';

/** Where a building program does. */
export const builtInside = '/tmp/target';

/** Where a program of isolate's own is, if there is one. */
export const ownProgramInside = '/isolate-program';

/** Where it finds keys that its user gave: /tmp is its own, and root's private directories are not open to it. */
export const keysInside = '/tmp/keys.gpg';

const keysNumber = 6;
const optionsNumber = 3;
const filterNumber = 4;
const ownProgramNumber = 5;

/** Top-level directories of this host that programs below /usr need: a link to repeat, or a directory to show. */
export type HostDirectory = { readonly path: string; readonly link: string | null };

/** A program that fills a directory, by its name or absolute path. */
export interface FillingProgram {
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  /** A static program of isolate's own, by its path on this host, for `command` to name at `ownProgramInside`. */
  readonly ownProgram?: string;
}

/**
 * The launch of a program that reads what nobody vouches for: in a sandbox of bubblewrap with the programs of this host below /usr,
 * the target, and nothing else of this host; without a network, with the system-call filter, and with the ids of a sandbox.
 */
export function planFilling(place: FillingPlace, program: FillingProgram, hostDirectories: readonly HostDirectory[]): Launch {
  const { facts } = place;
  const mounted = mountTarget(place);
  const options: BwrapOption[] = [
    ...isolationOptions({ shareNetwork: false }, 'isolate'),
    ['--ro-bind', '/usr', '/usr'],
    ...hostDirectories.map(({ path, link }): BwrapOption => (link === null ? ['--ro-bind', path, path] : ['--symlink', link, path])),
    ['--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ['--proc', '/proc'],
    ['--dev', '/dev'],
    ['--size', String(2 ** 28), '--tmpfs', '/tmp'],
    // A copy: the sandbox's ids may not reach where it is installed.
    ...(program.ownProgram === undefined
      ? []
      : [['--perms', '0555', '--ro-bind-data', String(ownProgramNumber), ownProgramInside] as const]),
    ['--bind', mounted.path, targetInside],
    ['--remount-ro', '/'],
    ['--seccomp', String(filterNumber)],
    ['--chdir', targetInside],
  ];
  return wrap(place, mounted, { options, program, filter: facts.files.seccompFilter });
}

/** What a building program needs besides. */
export interface BuildingNeeds {
  /** Devices of the host to be there in the target, for a program that would make nodes; their empty files stay. */
  readonly devices?: readonly string[];
  /** What it finds at `keysInside`. */
  readonly keys?: Uint8Array;
}

/**
 * The launch of a program that fetches what its own keys vouch for, and runs programs of that: it has the network of this host and reads
 * its files, but changes only the target, with the ids of a sandbox. Nothing that it starts or mounts outlives it.
 */
export function planBuilding(place: FillingPlace, program: FillingProgram, { devices = [], keys }: BuildingNeeds = {}): Launch {
  const mounted = mountTarget(place);
  const options: BwrapOption[] = [
    ['--unshare-pid'],
    ['--die-with-parent'],
    ['--cap-add', 'ALL'],
    ['--ro-bind', '/', '/'],
    ['--dev-bind', '/dev', '/dev'],
    ['--proc', '/proc'],
    ['--perms', '1777', '--tmpfs', '/tmp'],
    ['--dir', builtInside],
    ['--bind', mounted.path, builtInside],
    ...devices.map((name): BwrapOption => ['--dev-bind', `/dev/${name}`, `${builtInside}/dev/${name}`]),
    ...(keys === undefined ? [] : ([['--perms', '0644', '--ro-bind-data', String(keysNumber), keysInside]] as BwrapOption[])),
    ['--chdir', '/'],
  ];
  return wrap(place, mounted, { options, program, filter: null, ...(keys === undefined ? {} : { keys }) });
}

/** The launch of the program `file` of this host with the caller's own rights. */
export function planReading(file: string, { command, environment }: FillingProgram): Launch {
  return { ...plain, engine: 'reader', file, args: command, environment, descriptors: [], userNamespace: null };
}

function wrap(place: FillingPlace, mounted: MountedTarget, { options, program, filter, keys }: Wrapping): Launch {
  const stage = planStage({ ...program, seccomp: filter !== null });
  return {
    ...plain,
    engine: 'bwrap',
    file: requireBwrap(place.facts),
    args: ['bwrap', '--args', String(optionsNumber), '--', stageFile, ...stage.args],
    environment: {},
    descriptors: [
      { number: optionsNumber, kind: 'data', label: 'options', content: encodeOptions(options), shown: 'words' },
      ...(filter === null ? [] : [{ number: filterNumber, kind: 'file', path: filter } as const]),
      ...(program.ownProgram === undefined ? [] : [{ number: ownProgramNumber, kind: 'file', path: program.ownProgram } as const]),
      ...(keys === undefined ? [] : [{ number: keysNumber, kind: 'data', label: 'keys', content: keys } as const]),
      ...stage.descriptors,
    ],
    userNamespace: place.identity.userNamespace,
    mountNamespace: true,
    hostMounts: mounted.hostMounts,
    containedStreams: true,
    diesWithParent: true,
  };
}

const plain = { ...bareLaunch, noNewPrivileges: false, graceMs: 2000 } as const;

interface Wrapping {
  readonly options: readonly BwrapOption[];
  readonly program: FillingProgram;
  /** The file of the system-call filter; null: none. */
  readonly filter: string | null;
  readonly keys?: Uint8Array;
}

interface MountedTarget {
  readonly path: string;
  readonly hostMounts: readonly MountOperation[];
}

/** Root's sandboxes cannot enter root's private directories, and get their ids where the target is mounted once more. */
function mountTarget({ facts, target, identity, sandboxDirectory }: FillingPlace): MountedTarget {
  if (facts.user.rights !== 'root') return { path: target.root, hostMounts: [] };
  const path = `${sandboxDirectory}/target`;
  return {
    path,
    hostMounts: [
      {
        kind: 'mount',
        type: 'tmpfs',
        source: 'isolate',
        target: sandboxDirectory,
        flags: ['nosuid', 'nodev'],
        options: 'mode=0755,size=1m',
      },
      { kind: 'mkdir', path, mode: 0o755 },
      {
        kind: 'bind',
        source: target.root,
        realSource: true,
        target: path,
        recursive: false,
        readOnly: false,
        noSuid: true,
        noDev: true,
        idmap: identity.rootIdmap,
        create: 'none',
      },
    ],
  };
}
