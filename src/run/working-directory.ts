let left = false;

/** The working directory for relative paths of the caller; null: it was removed. */
export function workingDirectory(): string | null {
  if (left) return null;
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

/** Leaves a removed working directory, because packages that ask for it do not expect that there is none. */
export function leaveRemovedDirectory(): void {
  if (workingDirectory() !== null) return;
  left = true;
  process.chdir('/');
}
