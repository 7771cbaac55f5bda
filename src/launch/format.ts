import { escapeInJson, toJson } from '../json.ts';
import type { CgroupDirectory, Companion, Descriptor, Launch, MadeFile, MountOperation, Program } from './launch.ts';
import type { IdMapEntry } from '../rootfs/rootfs.ts';

/**
 * A launch as text, one decision per line, for `--dry-run` and the golden files. Values of variables are left out unless requested,
 * because they may be secret.
 */
export function formatLaunch(launch: Launch, { values }: { readonly values: boolean }): string {
  const lines = [
    `engine ${launch.engine}`,
    ...formatProgram(launch, values),
    ...(launch.companions ?? []).flatMap((companion) => section(`companion ${quote(companion.name)}`, formatCompanion(companion, values))),
    ...formatNamespaces(launch),
    ...section('mounts', launch.hostMounts.map(formatMount)),
    ...section('mounts in the user namespace', launch.sandboxMounts.map(formatMount)),
    ...section('files', (launch.files ?? []).map(formatFile)),
    ...section('cgroups', launch.cgroups.flatMap(formatCgroup)),
    ...(launch.groupsOfRun === undefined ? [] : ['cgroups of the daemon']),
    ...(launch.root === null ? [] : [`root ${quote(launch.root)}`]),
    `working directory ${quote(launch.workingDirectory)}`,
    ...(launch.deadlineMs === null ? [] : [`time limit ${launch.deadlineMs} ms`]),
    ...(launch.noNewPrivileges ? ['no new privileges'] : []),
    ...(launch.seccompFilter === null ? [] : [`system-call filter ${quote(launch.seccompFilter)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** For people: bare if that is unambiguous, else as a JSON string. Never contains control characters. */
export function quote(text: string): string {
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(text) ? text : toJson(text);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function formatProgram({ file, args, environment, descriptors }: Program, values: boolean): string[] {
  return [
    `execute ${typeof file === 'number' ? `descriptor ${file}` : quote(file)}`,
    ...section('arguments', args.map(quote)),
    ...section('environment', formatEnvironment(environment, values)),
    ...section(
      'descriptors',
      descriptors.flatMap((descriptor) => formatDescriptor(descriptor, values)),
    ),
  ];
}

function formatCompanion(companion: Companion, values: boolean): string[] {
  const { identity, readySocket, workingDirectory, noNewPrivileges, seccompFilter } = companion;
  return [
    ...formatProgram(companion, values),
    ...(identity === 'sandbox' ? ['with the ids of the sandbox'] : []),
    ...(readySocket === undefined ? [] : [`ready when ${quote(readySocket)} exists`]),
    `working directory ${quote(workingDirectory)}`,
    ...(noNewPrivileges ? ['no new privileges'] : []),
    ...(seccompFilter === null ? [] : [`system-call filter ${quote(seccompFilter)}`]),
  ];
}

function formatEnvironment(environment: Readonly<Record<string, string>>, values: boolean): string[] {
  return Object.entries(environment).map(([name, value]) => (values ? `${name}=${quote(value)}` : name));
}

function formatDescriptor(descriptor: Descriptor, values: boolean): string[] {
  switch (descriptor.kind) {
    case 'file':
      return [`${descriptor.number} file ${quote(descriptor.path)}${descriptor.access === 'read-write' ? ' (read and write)' : ''}`];
    case 'command':
      return [
        `${descriptor.number} command`,
        ...formatEnvironment(descriptor.environment, values).map((variable) => `  variable ${variable}`),
        ...descriptor.words.map((word) => `  word ${quote(word)}`),
      ];
    case 'stage':
      return [`${descriptor.number} stage`];
    case 'stage-status':
      return [`${descriptor.number} stage status`];
    case 'channel':
      return [`${descriptor.number} end ${descriptor.end} of channel ${descriptor.channel}`];
    case 'ready':
      return [`${descriptor.number} written to when it is ready`];
    case 'data':
      return formatData(descriptor);
  }
}

function formatData({ number, label, content, shown }: Descriptor & { kind: 'data' }): string[] {
  if (shown === undefined) return [`${number} ${label}, ${content.length} bytes`];
  const text = typeof shown === 'object' ? shown.text : new TextDecoder().decode(content);
  const lines = shown === 'words' ? formatOptions(content) : text.trimEnd().split('\n').map(escapeInJson);
  return [`${number} ${label}`, ...lines.map((line) => `  ${line}`)];
}

/** Options and their values on one line each; every word is ended by a NUL. */
function formatOptions(content: Uint8Array): string[] {
  const lines: string[][] = [];
  for (const word of new TextDecoder().decode(content).split('\0').slice(0, -1)) {
    const line = lines.at(-1);
    if (line === undefined || (word.startsWith('--') && !modifies(line))) lines.push([word]);
    else line.push(word);
  }
  return lines.map((line) => line.map(quote).join(' '));
}

/** `--perms` and `--size` belong to the option after them. */
function modifies(line: readonly string[]): boolean {
  return line.length % 2 === 0 && line.every((word, index) => index % 2 === 1 || word === '--perms' || word === '--size');
}

function formatNamespaces({ userNamespace, groups = [], mountNamespace, pidNamespace, networkNamespace }: Launch): string[] {
  const own = [
    ...(userNamespace === null ? [] : [userNamespace.mapsOnly === true ? 'user (for mounts only)' : 'user']),
    ...(mountNamespace ? ['mount'] : []),
    ...(networkNamespace === true ? ['network'] : []),
    ...(pidNamespace ? ['pid'] : []),
  ];
  if (own.length === 0) return [];
  const maps =
    userNamespace === null
      ? []
      : [`  user ids ${formatMap(userNamespace.uidMap)} (${userNamespace.writer})`, `  group ids ${formatMap(userNamespace.gidMap)}`];
  return [`namespaces ${own.join(' ')}`, ...maps, ...(groups.length === 0 ? [] : [`  groups ${groups.join(' ')}`])];
}

function formatMap(map: readonly IdMapEntry[]): string {
  return map.map(({ inside, outside, count }) => `${inside}=${outside}+${count}`).join(' ');
}

function formatMount(operation: MountOperation): string {
  if (operation.kind === 'attach') {
    const flags = [...operation.flags, ...(operation.idmap === 'none' ? [] : ['ids of the sandbox'])];
    return `attach the tree of the clone on ${quote(operation.target)}${flags.length === 0 ? '' : ` (${flags.join(', ')})`}`;
  }
  if (operation.kind === 'mkdir') return `mkdir ${quote(operation.path)} ${operation.mode.toString(8).padStart(4, '0')}`;
  if (operation.kind === 'make') {
    const over = operation.layer === undefined ? '' : ` in the layer ${quote(operation.layer)}`;
    return `make ${operation.create} ${quote(operation.target)} beneath ${quote(operation.root)}${over}`;
  }
  if (operation.kind === 'copy') {
    return `copy ${quote(operation.source)} beneath ${quote(operation.root)} to ${quote(operation.target)}, with the line ${quote(operation.line.trimEnd())}`;
  }
  const target = operation.root === undefined ? quote(operation.target) : `${quote(operation.target)} beneath ${quote(operation.root)}`;
  if (operation.kind === 'mount') {
    const options = [...operation.flags, ...(operation.options === '' ? [] : [operation.options])].join(',');
    return `mount ${operation.type} on ${target}${options === '' ? '' : ` (${quote(options)})`}`;
  }
  const flags = [
    ...(operation.recursive ? ['recursive'] : []),
    ...(operation.readOnly ? ['ro'] : []),
    ...(operation.noSuid ? ['nosuid'] : []),
    ...(operation.noDev ? ['nodev'] : []),
    ...(operation.create === 'none' ? [] : [`create ${operation.create}`]),
    ...(operation.idmap === 'none'
      ? []
      : [operation.idmap === 'sandbox' ? 'ids of the sandbox' : `ids ${operation.idmap.uid}:${operation.idmap.gid} as 0:0`]),
  ];
  return `bind ${quote(operation.source)} on ${target}${flags.length === 0 ? '' : ` (${flags.join(', ')})`}`;
}

function formatFile(file: MadeFile): string {
  if (file.kind === 'take') return `move ${quote(file.path)} to ${quote(file.to)}, back at the end`;
  if (file.kind === 'replace') return `write ${quote(file.to)}`;
  const { kind, path, mode, end } = file;
  return `${kind} ${quote(path)} ${mode.toString(8).padStart(4, '0')}${end === 'removed' ? ', removed at the end' : ''}`;
}

function formatCgroup({ path, settings }: CgroupDirectory): string[] {
  return [quote(path), ...settings.map(({ file, value }) => `  ${file} = ${quote(value)}`)];
}
