import { cloneProperties, keepProperty, markProperty, sessionProperty } from './clones.ts';
import type { ZfsImplementation } from './implementation.ts';
import { cloneName, copySnapshot, parentOf, poolOf } from './names.ts';

/** The arguments of one zfs command, and what goes to its standard input. */
export interface ZfsPlan {
  readonly args: readonly string[];
  readonly input?: string;
}

/** What is read of a template and, in the same command, of its snapshots. */
export const templateProperties = ['type', 'guid', 'createtxg', 'defer_destroy'] as const;
/** Only OpenZFS knows encryption. */
export const encryptedTemplateProperties = [...templateProperties, 'keystatus'] as const;

export const usageProperties = ['used'] as const;
export const spaceProperties = ['available', 'used'] as const;

/** Properties that clones inherit and OpenZFS's zfs(8) turns into options of a mount, with the option for `on` and for `off`. */
export const mountProperties = {
  atime: ['atime', 'noatime'],
  relatime: ['relatime', 'norelatime'],
  devices: ['dev', 'nodev'],
} as const;

/**
 * What a clone must not inherit from what is above it: a root that cannot be written, or whose programs cannot be executed or
 * set their user id, is none, and nobody is to reach it over the network.
 */
const rootProperties = ['readonly=off', 'exec=on', 'setuid=on', 'sharenfs=off', 'sharesmb=off'];
/** The options of a mount that follow from them. */
export const rootMountOptions = ['exec', 'rw', 'suid'] as const;

const output = ['-o', 'name,property,value,source'];

/** Reads a template and its snapshots, one level deep. */
export function planTemplate(zfs: ZfsImplementation, template: string): ZfsPlan {
  return { args: ['get', '-H', '-p', '-r', '-d', '1', ...output, templatePropertiesOf(zfs).join(','), template] };
}

export function templatePropertiesOf(zfs: ZfsImplementation): readonly string[] {
  return zfs.name === 'OpenZFS' ? encryptedTemplateProperties : templateProperties;
}

/** Reads all file systems of the host: for what may have been meant by a template that is not there. */
export function planFamily(): ZfsPlan {
  return { args: ['list', '-H', '-t', 'filesystem', '-o', `name,origin,${markProperty}`] };
}

/** Reads all datasets beside a template. zfs-fuse has no `get -t`. */
export function planList(zfs: ZfsImplementation, template: string): ZfsPlan {
  const type = zfs.name === 'OpenZFS' ? ['-t', 'filesystem'] : [];
  return { args: ['get', '-H', '-p', '-r', '-d', '1', ...type, ...output, cloneProperties.join(','), parentOf(template)] };
}

/** Reads some clones, whether they exist or not: those that do are printed, the exit status tells of those that do not. */
export function planRead(template: string, ids: readonly string[]): ZfsPlan {
  return { args: ['get', '-H', '-p', ...output, cloneProperties.join(','), ...ids.map((id) => cloneName(template, id))] };
}

/** Reads the space that clones have taken. */
export function planUsage(template: string, ids: readonly string[]): ZfsPlan {
  return { args: ['get', '-H', '-p', ...output, usageProperties.join(','), ...ids.map((id) => cloneName(template, id))] };
}

/** Reads how much space there is beside a template: quotas and the pool's reserve count, which zpool does not say. */
export function planSpace(template: string): ZfsPlan {
  return { args: ['get', '-H', '-p', ...output, spaceProperties.join(','), parentOf(template)] };
}

/** Reads what clones inherit, from the dataset that theirs are in, of how they are mounted. */
export function planMountProperties(template: string): ZfsPlan {
  return { args: ['get', '-H', '-p', ...output, Object.keys(mountProperties).join(','), parentOf(template)] };
}

/** Reads clones and their snapshots: the check right before they are destroyed. */
export function planInspect(...datasets: readonly string[]): ZfsPlan {
  return { args: ['get', '-H', '-p', '-r', '-d', '1', ...output, cloneProperties.join(','), ...datasets] };
}

/**
 * Makes and marks one clone, and mounts nothing: OpenZFS obeys canmount=noauto, zfs-fuse only canmount=off. Snapshot
 * tools and the systemd mount generator are told to leave it alone.
 */
export function planClone(zfs: ZfsImplementation, template: string, snapshot: string, id: string, mountpoint: string): ZfsPlan {
  const properties = [
    `${markProperty}=${template}`,
    'com.sun:auto-snapshot=false',
    ...(zfs.name === 'OpenZFS' ? ['org.openzfs.systemd:ignore=on'] : []),
    `canmount=${zfs.name === 'OpenZFS' ? 'noauto' : 'off'}`,
    `mountpoint=${mountpoint}`,
    ...rootProperties,
  ];
  return { args: ['clone', ...properties.flatMap((property) => ['-o', property]), snapshot, cloneName(template, id)] };
}

/**
 * Channel program (zfs-program(8)) that makes and marks a batch in one transaction. It has no rollback: one that cannot
 * be marked is destroyed again, and the caller looks at what exists afterwards.
 */
const cloneProgram = `
local argv = (...)["argv"]
local answers = {}
for i = 3, #argv do
  local dataset = argv[2] .. "_" .. argv[i]
  local failure = zfs.sync.clone(argv[1], dataset)
  if failure == 0 then
    failure = zfs.sync.set_prop(dataset, "${markProperty}", argv[2])
    if failure == 0 then failure = zfs.sync.set_prop(dataset, "com.sun:auto-snapshot", "false") end
    if failure == 0 then failure = zfs.sync.set_prop(dataset, "org.openzfs.systemd:ignore", "on") end
    if failure ~= 0 then zfs.sync.destroy(dataset) end
  end
  answers[argv[i]] = failure
end
return answers
`;

/** Makes and marks a batch on OpenZFS 2.4 and later; each clone then needs `planPlace` and `planMount`. */
export function planProgram(template: string, snapshot: string, ids: readonly string[]): ZfsPlan {
  return { args: ['program', '-j', poolOf(template), '-', snapshot, template, ...ids], input: cloneProgram };
}

/** Says where a clone that a channel program made is mounted; programs can set user properties only. */
export function planPlace(template: string, id: string, mountpoint: string): ZfsPlan {
  return { args: ['set', 'canmount=noauto', `mountpoint=${mountpoint}`, ...rootProperties, cloneName(template, id)] };
}

/** Lets zfs(8) mount a clone that was made with canmount=off. */
export function planAllowMount(template: string, id: string): ZfsPlan {
  return { args: ['set', 'canmount=noauto', cloneName(template, id)] };
}

export function planMount(template: string, id: string): ZfsPlan {
  return { args: ['mount', cloneName(template, id)] };
}

/** Never lazy, never forced. */
export function planUnmount(template: string, id: string): ZfsPlan {
  return { args: ['unmount', cloneName(template, id)] };
}

/** Keeps a clone for a session. zfs-fuse sets one property with one command; what was set last is looked at first. */
export function planKeep(template: string, id: string, session: string): readonly ZfsPlan[] {
  const dataset = cloneName(template, id);
  return [
    { args: ['set', `${sessionProperty}=${Buffer.from(session).toString('base64url')}`, dataset] },
    { args: ['set', `${keepProperty}=session`, dataset] },
  ];
}

/** In the opposite order, so that what is kept has its session. */
export function planForget(template: string, id: string): readonly ZfsPlan[] {
  return [keepProperty, sessionProperty].map((property) => ({ args: ['inherit', property, cloneName(template, id)] }));
}

/** Marks an owner copy as complete. */
export function planReady(template: string, id: string): ZfsPlan {
  return { args: ['snapshot', copySnapshot(cloneName(template, id))] };
}

/** `-r` only for a clone that was seen to have snapshots of its own; never -R, which takes others' clones along, nor -f. */
export function planDestroy(template: string, id: string, hasSnapshots: boolean): ZfsPlan {
  return { args: ['destroy', ...(hasSnapshots ? ['-r'] : []), cloneName(template, id)] };
}

/** zpool arguments: the health of the pool. */
export function planPoolHealth(template: string): ZfsPlan {
  return { args: ['list', '-H', '-o', 'health', poolOf(template)] };
}
