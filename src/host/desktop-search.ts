import { findHome } from './passwd.ts';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { rightsOf } from './rights.ts';

/** What the search for the desktop's sockets and cookies needs to know about the caller. */
export interface DesktopCaller {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly hostname: string;
  /** The text of /etc/passwd; only read under sudo. */
  readonly passwd: string;
}

/** A part of the desktop, or why it is missing and how to get it. */
export type Search<T> = { readonly found: T } | { readonly missing: string; readonly hint: string };

/** Whether the path is a socket; symbolic links are followed. */
export function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

/** The bytes of a regular file of at most `limit` bytes, or null. Never waits for a named pipe. */
export function readSmallFile(path: string, limit: number): Uint8Array | null {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= limit ? Uint8Array.from(readFileSync(path)) : null;
  } catch {
    return null;
  }
}

/**
 * The caller's runtime directory: $XDG_RUNTIME_DIR. sudo drops that variable, so for root it is that of the user who called sudo
 * ($SUDO_UID, which sudo itself sets), if it really belongs to that user: anybody else who could write it could put another socket of the
 * host there.
 */
export function findRuntimeDirectory({ environment, uid }: DesktopCaller): string | null {
  const given = environment['XDG_RUNTIME_DIR'];
  if (given?.startsWith('/') === true) return given;
  const owner = sudoUid(environment, uid) ?? uid;
  const directory = `/run/user/${owner}`;
  const stats = lstatSync(directory, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === owner ? directory : null;
}

/** Home directories to look for cookies in: $HOME, and under sudo that of the user who called it. */
export function findHomes({ environment, uid, passwd }: DesktopCaller): readonly string[] {
  const caller = sudoUid(environment, uid);
  const homes = [caller === null ? null : findHome(passwd, caller), environment['HOME']];
  return homes.filter((home) => home?.startsWith('/') === true) as string[];
}

function sudoUid(environment: DesktopCaller['environment'], uid: number): number | null {
  const text = environment['SUDO_UID'];
  return rightsOf(uid) === 'root' && text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
}
