import type { Descriptor, Launch, MountOperation, UserNamespace } from './launch.ts';
import type { IdMapEntry } from '../rootfs/rootfs.ts';
import { IsolateError } from '../error.ts';

/** How the launcher is to behave while the run lives: see launcher/RECORD.md. */
export interface Supervision {
  /** Heed only signals that the parent process sends, and end with it. */
  readonly supervised: boolean;
  /** Between the first SIGTERM handed on and SIGKILL. */
  readonly graceMs: number;
}

/**
 * The launch record of `launch`, as launcher/RECORD.md describes it.
 * Throws IsolateError `launch-failed` for a string with a NUL in it or a record over 16 MiB.
 */
export function encodeLaunchRecord(launch: Launch, supervision: Supervision): Uint8Array<ArrayBuffer> {
  const items = [
    typeof launch.file === 'string' ? item(1, string(launch.file)) : item(2, number(launch.file)),
    ...launch.args.map((argument) => item(3, string(argument))),
    ...Object.entries(launch.environment).map(([name, value]) => item(4, string(`${name}=${value}`))),
    ...launch.descriptors.map(encodeDescriptor),
    ...(launch.userNamespace === null ? [] : encodeUserNamespace(launch.userNamespace)),
    item(14, number(namespaceBits(launch))),
    ...launch.hostMounts.map((operation) => item(15, encodeMount(operation))),
    ...launch.sandboxMounts.map((operation) => item(16, encodeMount(operation))),
    ...launch.cgroups.flatMap((cgroup) => [
      item(17, string(cgroup.path)),
      ...cgroup.settings.map(({ file, value }) => item(18, Buffer.concat([lstring(file), lstring(value)]))),
    ]),
    ...(launch.root === null ? [] : [item(19, string(launch.root))]),
    item(20, string(launch.workingDirectory)),
    ...(launch.noNewPrivileges ? [item(21)] : []),
    ...(launch.seccompFilter === null ? [] : [item(22, string(launch.seccompFilter))]),
    ...(supervision.supervised ? [item(23)] : []),
    item(24, number(supervision.graceMs)),
    ...(launch.stageTakesTerminal === true ? [item(25)] : []),
    item(26, string(launch.engine)),
    ...(launch.containedStreams === true ? [item(27)] : []),
    ...(launch.groupsOfRun === undefined ? [] : [item(28, string(launch.groupsOfRun))]),
    item(0),
  ];
  const body = Buffer.concat(items);
  if (body.length > bodyLimitBytes) {
    throw new IsolateError('launch-failed', `The launch needs a record of ${body.length} bytes, more than the ${bodyLimitBytes} allowed.`);
  }
  return Buffer.concat([Buffer.from('ISOLREC1'), number(body.length), body]);
}

const bodyLimitBytes = 16 * 1024 * 1024;

function namespaceBits({ mountNamespace, pidNamespace, networkNamespace, userNamespace }: Launch): number {
  return (
    (mountNamespace ? 1 : 0) | (pidNamespace ? 2 : 0) | (networkNamespace === true ? 4 : 0) | (userNamespace?.mapsOnly === true ? 8 : 0)
  );
}

function item(tag: number, ...value: readonly Uint8Array[]): Buffer {
  const length = value.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([number(tag), number(length), ...value]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function string(text: string): Buffer {
  if (text.includes('\0')) {
    throw new IsolateError('launch-failed', `The string ${JSON.stringify(text)} of the launch contains a NUL character.`);
  }
  return Buffer.from(text);
}

function lstring(text: string): Buffer {
  const bytes = string(text);
  return Buffer.concat([number(bytes.length), bytes]);
}

function encodeDescriptor(descriptor: Descriptor): Buffer {
  switch (descriptor.kind) {
    case 'data':
      return item(5, number(descriptor.number), descriptor.content);
    case 'file':
      return item(6, number(descriptor.number), string(descriptor.path));
    case 'command':
      return item(5, number(descriptor.number), encodeCommand(descriptor));
    case 'stage':
      return item(7, number(descriptor.number));
    case 'stage-status':
      return item(8, number(descriptor.number));
  }
}

/** Strings that a NUL ends: the variables, an empty one, the words. */
function encodeCommand({ words, environment }: Extract<Descriptor, { kind: 'command' }>): Buffer {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return Buffer.concat([...variables, '', ...words].map((text) => Buffer.concat([string(text), Buffer.alloc(1)])));
}

function encodeUserNamespace(namespace: UserNamespace): Buffer[] {
  return [
    item(9, number({ direct: 1, newidmap: 2, single: 3, given: 4 }[namespace.writer])),
    ...namespace.uidMap.map((entry) => item(10, encodeMap(entry))),
    ...namespace.gidMap.map((entry) => item(11, encodeMap(entry))),
    ...(namespace.newuidmap === undefined ? [] : [item(12, string(namespace.newuidmap))]),
    ...(namespace.newgidmap === undefined ? [] : [item(13, string(namespace.newgidmap))]),
  ];
}

function encodeMap({ inside, outside, count }: IdMapEntry): Buffer {
  return Buffer.concat([number(inside), number(outside), number(count)]);
}

const createKinds = { none: 0, directory: 1, file: 2 } as const;
const mountFlags: Readonly<Record<string, number>> = { ro: 2, nosuid: 4, nodev: 8, noexec: 16 };

function encodeMount(operation: MountOperation): Buffer {
  switch (operation.kind) {
    case 'bind': {
      const { idmap } = operation;
      const flags = (operation.recursive ? 1 : 0) | (operation.readOnly ? 2 : 0) | (operation.noSuid ? 4 : 0) | (operation.noDev ? 8 : 0);
      const [kind, uid, gid] = idmap === 'none' ? [0, 0, 0] : idmap === 'sandbox' ? [1, 0, 0] : [2, idmap.uid, idmap.gid];
      const numbers = [1, flags, createKinds[operation.create], kind, uid, gid].map(number);
      return Buffer.concat([...numbers, lstring(operation.source), lstring(operation.root ?? ''), lstring(operation.target)]);
    }
    case 'mount': {
      const strings = [operation.type, operation.source, operation.root ?? '', operation.target, operation.options];
      return Buffer.concat([number(2), number(encodeFlags(operation.flags)), ...strings.map(lstring)]);
    }
    case 'mkdir':
      return Buffer.concat([number(3), number(operation.mode), lstring(operation.path)]);
    case 'attach':
      return Buffer.concat([number(4), lstring(operation.target)]);
    case 'make': {
      const strings = [operation.root, operation.layer ?? '', operation.target];
      return Buffer.concat([number(5), number(createKinds[operation.create]), ...strings.map(lstring)]);
    }
    case 'copy': {
      const strings = [operation.root, operation.source, operation.target, operation.otherwise, operation.line];
      return Buffer.concat([number(6), ...strings.map(lstring)]);
    }
  }
}

function encodeFlags(flags: readonly string[]): number {
  return flags.reduce((bits, flag) => {
    const bit = mountFlags[flag];
    if (bit === undefined) throw new IsolateError('launch-failed', `The mount flag ${JSON.stringify(flag)} is not known to the launcher.`);
    return bits | bit;
  }, 0);
}
