let left = false;

/** The working directory that relative paths of the caller start at; null where it was removed. */
export function workingDirectory(): string | null {
  if (left) return null;
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

/** Leaves a working directory that was removed, for packages that ask for it and don't expect that there is none. */
export function leaveRemovedDirectory(): void {
  if (workingDirectory() !== null) return;
  left = true;
  process.chdir('/');
}
