/** The part of a kernel or module version on which features depend. */
export interface Release {
  readonly major: number;
  readonly minor: number;
}

/** Parses the beginning of `uname -r` or of a module's version ("6.18.44-fc", "2.2.2-1"); null: it has none. */
export function parseRelease(text: string): Release | null {
  const match = /^(\d{1,6})\.(\d{1,6})/.exec(text);
  if (match === null) return null;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Whether `release` is `major.minor` or later; false for an unknown release. */
export function isAtLeast(release: Release | null, major: number, minor: number): boolean {
  if (release === null) return false;
  return release.major > major || (release.major === major && release.minor >= minor);
}
