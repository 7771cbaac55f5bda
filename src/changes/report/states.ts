import type { Change, FileState } from '../change.ts';
import { nameOf } from '../paths.ts';
import { capabilityAttribute, decodeCapability } from '../capability.ts';

const setUid = 0o4000;
const setGid = 0o2000;

/** A change after which the file is set-uid: it may be new, have a new content, or be set-uid only now. */
export function isSetUid(owner: 'root' | 'other'): (change: Change) => boolean {
  return ({ after }) => after?.kind === 'file' && (after.mode & setUid) !== 0 && (after.uid === 0) === (owner === 'root');
}

/** On a directory the bit only says who owns what is made there. */
export function isSetGid({ after }: Change): boolean {
  return after?.kind === 'file' && (after.mode & setGid) !== 0 && (after.mode & setUid) === 0;
}

export function hasLostRights({ before, after, attributes }: Change): boolean {
  if (after?.kind !== 'file' || before?.kind !== 'file') return false;
  const bits = before.mode & ~after.mode & (setUid | setGid);
  return bits !== 0 || attributes.some(({ name, after: value }) => name === capabilityAttribute && value === null);
}

export function hasCapability({ after, attributes }: Change): boolean {
  return after !== null && attributes.some(({ name, after: value }) => name === capabilityAttribute && value !== null);
}

/** Which capabilities, for people. */
export function capabilityWords({ attributes }: Change): string {
  const value = attributes.find(({ name }) => name === capabilityAttribute)?.after;
  return value === null || value === undefined ? '' : (decodeCapability(value) ?? 'unknown');
}

/** Others may write to it and could not before. A socket is no use without its program, and in a sticky directory they own what they write. */
export function isWorldWritable({ before, after }: Change): boolean {
  const open = (state: FileState | null) =>
    state !== null &&
    state.kind !== 'link' &&
    state.kind !== 'socket' &&
    !isDevice(state) &&
    (state.mode & 0o002) !== 0 &&
    !(state.kind === 'directory' && (state.mode & 0o1000) !== 0);
  return open(after) && !open(before);
}

/** The devices that every system lets everybody use: null, zero, full, random, urandom, tty, console and ptmx. */
const usual: readonly string[] = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2'];

export function isDeviceNode(which: 'usual' | 'other'): (change: Change) => boolean {
  return ({ after }) => {
    if (after === null || !isDevice(after)) return false;
    const isUsual = after.kind === 'character-device' && usual.includes(`${after.device.major}:${after.device.minor}`);
    return isUsual === (which === 'usual');
  };
}

function isDevice({ kind }: FileState): boolean {
  return kind === 'block-device' || kind === 'character-device';
}

export function hasForeignOwner({ after }: Change): boolean {
  return after !== null && (after.uid === null || after.gid === null);
}

/** nobody(65534) is meant to own nothing. */
export function belongsToNobody({ before, after }: Change): boolean {
  return after?.uid === 65_534 && before?.uid !== 65_534;
}

export function hasNewOwner({ before, after, kinds }: Change): boolean {
  return before !== null && after !== null && (kinds.includes('owner') || kinds.includes('group'));
}

export function hasNewType({ before, after, kinds }: Change): boolean {
  return before !== null && after !== null && kinds.includes('type');
}

/** Others can read it and could not before. useradd(8) and its like make old copies so, of files that everybody can read. */
export function isNowReadable({ path, before, after }: Change): boolean {
  if (/^etc\/(?:passwd|group|subuid|subgid)-$/.test(path)) return false;
  return before?.kind === 'file' && after?.kind === 'file' && (before.mode & 0o004) === 0 && (after.mode & 0o004) !== 0;
}

export function hasNewAcl({ after, kinds, attributes }: Change): boolean {
  if (after === null) return false;
  return kinds.includes('acl') || attributes.some(({ name, after: value }) => name.startsWith('system.posix_acl_') && value !== null);
}

/** The name looks like another one, or like nothing, in a listing. */
export function hasDeceptiveName({ path, before }: Change): boolean {
  if (before !== null || path === '.') return false;
  const name = nameOf(path);
  // Spaces and controls, the no-break space, what has no width, and what turns text around, as bytes of UTF-8.
  return /^[. ]+$|^ | $|[\0-\x1f\x7f]|\xc2[\x80-\xa0]|\xe2\x80[\x8b-\x8f\xa8-\xaf]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf/.test(name);
}

/** A program, a library or a script that was there before. */
export function isReplacedCode({ path, before, after }: Change): boolean {
  if (before === null || after === null) return false;
  const isNamedSo = /(?:^|\/)s?bin\/[^/]+$|\.so(?:\.[^/]*)?$|\.(?:[cm]?js|py|pl|pm|rb|sh|lua|php|jar|el)$/.test(path);
  return isNamedSo || (after.kind === 'file' && (after.mode & 0o111) !== 0);
}
