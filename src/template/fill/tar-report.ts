/** What tar(1) said while it unpacked, in C's locale and with names escaped. */
export interface TarReport {
  /** Device nodes that a sandbox cannot make. */
  readonly devices: number;
  /** Extended attributes and access-control lists that the target does not take. */
  readonly attributes: number;
  /** The target's file system is full. */
  readonly full: boolean;
  /** The first error, and how many there were. */
  readonly error: string | null;
  readonly errors: number;
}

export const emptyTarReport: TarReport = { devices: 0, attributes: 0, full: false, error: null, errors: 0 };

/** What does not count: what tar did about a name so that it stays inside, and the summary of the errors before. */
const harmless = [
  /^tar: Removing leading `.*' from (?:member names|hard link targets)$/,
  /^tar: Substituting `\.' for empty member name$/,
  /^tar: Exiting with failure status due to previous errors$/,
  /^tar: Error is not recoverable: exiting now$/,
  /^tar: A lone zero block at [0-9]+$/,
  // Said of every directory where there are no ACLs, also if it has none in the archive.
  /^tar: acl_[a-z_]+: Cannot (?:set|drop default) POSIX ACLs for file '.*': Operation not supported$/,
  /^tar: .*: (?:implausibly old time stamp|time stamp .* in the future)/,
];

/** An attribute or ACL that the file system does not have, that belongs to the host alone, or that names an id outside the sandbox. */
const leftAttribute =
  /^tar: (?:l?setxattr(?:at)?|acl_[a-z_]+): Cannot set .* for file '.*': (?:Operation not permitted|Operation not supported|Invalid argument)$/;

/** What cannot be set because the file system keeps no more attributes of one file, and has room for all else (setxattr(2)). */
const manyAttributes = /^tar: l?setxattr(?:at)?: Cannot set /;

/** write(2) writes a part first. */
const fullDisk = /: (?:No space left on device|Disk quota exceeded|Wrote only [0-9]+ of [0-9]+ bytes)$/;

/** The report after one more line of tar's standard error. A name has no newline, so it cannot pass for a message. */
export function reportLine(report: TarReport, line: string): TarReport {
  if (line === '' || harmless.some((pattern) => pattern.test(line))) return report;
  if (line.endsWith(': Cannot mknod: Operation not permitted')) return { ...report, devices: report.devices + 1 };
  if (leftAttribute.test(line)) return { ...report, attributes: report.attributes + 1 };
  const full = report.full || (fullDisk.test(line) && !manyAttributes.test(line));
  return { ...report, full, error: report.error ?? line, errors: report.errors + 1 };
}

/** The bytes of the uncompressed archive that a line says have been read; null: it says something else. */
export function readCheckpoint(line: string): number | null {
  const [, records] = /^tar: Read checkpoint ([0-9]{1,15})$/.exec(line) ?? [];
  return records === undefined ? null : Number(records) * recordBytes;
}

/** The size of tar's records. */
export const recordBytes = 10_240;
