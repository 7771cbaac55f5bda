import { fstatSync, readFileSync, statfsSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { streamNames } from '../launch/failure.ts';

/** A standard stream of the command: the caller's own, a stream on the handle, nothing, or an open descriptor. */
export type StandardStream = 'inherit' | 'pipe' | 'ignore' | number;

export interface StandardStreams {
  readonly stdin: StandardStream;
  readonly stdout: StandardStream;
  readonly stderr: StandardStream;
}

/**
 * Throws `usage` for a stream that would give a sandbox access to more than the stream itself. The launcher checks all of this too, and
 * the kinds of sockets; here the error comes before a clone is taken.
 */
export function checkStreams({ stdin, stdout, stderr }: StandardStreams): void {
  for (const [index, stream] of [stdin, stdout, stderr].entries()) {
    const descriptor = stream === 'inherit' ? index : stream;
    const kind = typeof descriptor === 'number' ? describeLeak(descriptor) : null;
    if (kind === null) continue;
    const name = streamNames[index] ?? '';
    throw new IsolateError('usage', `${name.replace(/^s/, 'S')} is ${kind}, which would give the sandbox more of the host than a stream.`, {
      hint: `redirect it: ${index === 0 ? '< /dev/null' : `${index}> FILE`}`,
    });
  }
}

const typeBits = 0o170_000;
const directoryType = 0o040_000;
const pathFlag = 0o10_000_000;
const kindsByFileSystem: ReadonlyMap<number, string> = new Map([
  [0x6e_73_66_73, 'a namespace'],
  [0x50_49_44_46, 'a process descriptor'],
]);

/** What a descriptor is if it is not an ordinary stream; else, and if it is not open, null. */
function describeLeak(descriptor: number): string | null {
  try {
    const type = fstatSync(descriptor).mode & typeBits;
    if (type === directoryType) return 'a directory';
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? '0';
    if ((Number.parseInt(flags, 8) & pathFlag) !== 0) return 'a path and not an open file';
    if (type === 0) return 'a kernel object';
    return kindsByFileSystem.get(statfsSync(`/proc/self/fd/${descriptor}`).type) ?? null;
  } catch {
    return null;
  }
}
