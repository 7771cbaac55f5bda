import { bytesOf, encodeItems, item, type RecordItem } from './encode.ts';
import type { Inside, Join } from './join.ts';
import type { Companion, Descriptor, Launch, MountOperation, Program, UserNamespace } from './launch.ts';

/** How the launcher behaves while the run lives; see launcher/RECORD.md. */
export interface Supervision {
  /** React only to signals that the parent process passes on, and end with it. */
  readonly supervised: boolean;
}

/** The items of the launch record of `launch`, in order. */
export function listItems(launch: Launch, supervision: Supervision): readonly RecordItem[] {
  return [
    ...programItems(launch),
    ...(launch.companions ?? []).map(companionItem),
    ...(launch.userNamespace === null ? [] : namespaceItems(launch.userNamespace)),
    ...(launch.groups ?? []).map((gid) => item('group', { gid })),
    item('namespaces', { namespaces: namespacesOf(launch) }),
    ...launch.hostMounts.map((operation) => mountItem('host-mount', operation)),
    ...launch.sandboxMounts.map((operation) => mountItem('sandbox-mount', operation)),
    ...(launch.shelfTree === undefined ? [] : [item('shelf-tree', launch.shelfTree)]),
    ...launch.cgroups.flatMap(({ path, settings }) => [
      item('cgroup', { path }, { kind: 'cgroup', path }),
      ...settings.map(({ file, value }) => item('cgroup-setting', { path, file, value }, { kind: 'cgroup', path: `${path}/${file}` })),
    ]),
    ...[...(launch.files ?? []), ...(launch.atEnd ?? [])].map((file) => item('made-file', file, { kind: 'file', path: file.path })),
    ...(launch.root === null ? [] : [item('root', { root: launch.root })]),
    ...(supervision.supervised ? [item('supervised', { supervised: true })] : []),
    ...(launch.deadlineMs === null ? [] : [item('deadline', { deadlineMs: launch.deadlineMs })]),
    ...(launch.stageTakesTerminal === true ? [item('stage-takes-terminal', { stageTakesTerminal: true })] : []),
    item('engine', { engine: launch.engine }),
    ...(launch.containedStreams === true ? [item('contained-streams', { containedStreams: true })] : []),
    ...(launch.groupsOfRun === undefined ? [] : [item('groups-of-run', { groupsOfRun: launch.groupsOfRun })]),
    ...(launch.inside === undefined ? [] : [insideItem(launch.inside)]),
    ...(launch.join === undefined ? [] : [joinItem(launch.join)]),
    ...(launch.diesWithParent === true ? [item('dies-with-parent', { diesWithParent: true })] : []),
  ];
}

export function encodeLaunchRecord(launch: Launch, supervision: Supervision): Uint8Array<ArrayBuffer> {
  return encodeItems(listItems(launch, supervision));
}

function programItems({ file, args, environment, descriptors, workingDirectory, noNewPrivileges, seccompFilter, graceMs }: Program) {
  return [
    typeof file === 'string' ? item('file-path', { file }) : item('file-descriptor', { fileDescriptor: file }),
    ...args.map((text) => item('argument', { text })),
    ...Object.entries(environment).map(([name, value]) => item('environment', { variable: `${name}=${value}` })),
    ...descriptors.map(descriptorItem),
    item('working-directory', { workingDirectory }),
    ...(noNewPrivileges ? [item('no-new-privileges', { noNewPrivileges: true })] : []),
    ...(seccompFilter === null ? [] : [item('seccomp-filter', { seccompFilter })]),
    item('grace', { graceMs }),
  ];
}

function companionItem(companion: Companion): RecordItem {
  const { name, identity, readySocket } = companion;
  const socket = readySocket === undefined ? {} : { readySocket };
  return item('companion', { name, identity, ...socket, program: encodeItems(programItems(companion)) }, { kind: 'companion', name });
}

function descriptorItem(descriptor: Descriptor): RecordItem {
  const { number } = descriptor;
  const part = { kind: 'descriptor', number } as const;
  switch (descriptor.kind) {
    case 'data':
      return item('descriptor-data', { number, content: descriptor.content }, part);
    case 'file':
      return item(
        'descriptor-file',
        { number, access: descriptor.access ?? 'read-only', path: descriptor.path },
        { ...part, path: descriptor.path },
      );
    case 'command':
      return item('descriptor-data', { number, content: encodeCommand(descriptor) }, part);
    case 'stage':
      return item('descriptor-stage', { number }, part);
    case 'stage-status':
      return item('descriptor-stage-status', { number, user: descriptor.user ?? '' }, part);
    case 'channel':
      return item('descriptor-channel', { number, channel: descriptor.channel, end: descriptor.end }, part);
    case 'ready':
      return item('descriptor-ready', { number }, part);
  }
}

/** Strings that a NUL ends: the variables, an empty one, the words. */
function encodeCommand({ words, environment }: Extract<Descriptor, { kind: 'command' }>): Buffer {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return Buffer.concat([...variables, '', ...words].map((text) => Buffer.concat([bytesOf(text), Buffer.alloc(1)])));
}

function namespaceItems({ writer, uidMap, gidMap, newuidmap, newgidmap }: UserNamespace): RecordItem[] {
  return [
    item('user-namespace', { mapWriter: writer }),
    ...uidMap.map((entry) => item('uid-map', entry)),
    ...gidMap.map((entry) => item('gid-map', entry)),
    ...(newuidmap === undefined ? [] : [item('newuidmap', { newuidmap })]),
    ...(newgidmap === undefined ? [] : [item('newgidmap', { newgidmap })]),
  ];
}

function insideItem(inside: Inside): RecordItem {
  const { run, capabilities, filter, workingDirectory, command, noNewPrivileges, noGroups, variable } = inside;
  return item('inside', {
    insideRun: run,
    insideHeld: capabilities.held,
    insideCapabilities: capabilities.mask,
    insideRules: given({ 'no-new-privileges': noNewPrivileges, 'no-groups': noGroups }),
    insideVariable: variable,
    ...(filter === null ? {} : { insideFilter: filter }),
    insideDirectory: workingDirectory,
    insideCommand: command,
  });
}

function joinItem({ kind, run, holder }: Join): RecordItem {
  return item('join', { joinKind: kind, joinHolder: holder.pid, joinStart: holder.startTime, joinRun: run });
}

function namespacesOf({ mountNamespace, pidNamespace, networkNamespace, userNamespace }: Launch) {
  return given({
    mount: mountNamespace,
    pid: pidNamespace,
    network: networkNamespace === true,
    'user-maps-only': userNamespace?.mapsOnly === true,
  });
}

/** The names of what is true. */
function given<Name extends string>(facts: Readonly<Record<Name, boolean>>): Name[] {
  return (Object.keys(facts) as Name[]).filter((name) => facts[name]);
}

function mountItem(name: 'host-mount' | 'sandbox-mount', operation: MountOperation): RecordItem {
  return item(name, operation.kind === 'bind' ? bindValues(operation) : operation, { kind: 'mount', operation });
}

function bindValues({ kind, realSource, recursive, readOnly, noSuid, noDev, idmap, ...others }: Extract<MountOperation, { kind: 'bind' }>) {
  const owner = typeof idmap === 'string' ? { idmap, uid: 0, gid: 0 } : ({ idmap: 'owner', ...idmap } as const);
  return { kind, flags: given({ recursive, ro: readOnly, nosuid: noSuid, nodev: noDev, real: realSource === true }), ...owner, ...others };
}
