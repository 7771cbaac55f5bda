/** One mount of a mount namespace, as /proc/PID/mountinfo lists it (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` of the file system, as stat(2) reports it. */
  readonly device: string;
  /** Directory of the file system that is mounted. */
  readonly root: string;
  readonly mountpoint: string;
  readonly options: readonly string[];
  /** Propagation: `shared:N`, `master:N`, `unbindable`; empty for private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Parses a mountinfo text; skips lines of another form, which newer kernels may add. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

function parseLine(line: string): MountEntry | null {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parent, device, root, mountpoint, options] = fields;
  const [type, source, superOptions] = separator === -1 ? [] : fields.slice(separator + 1);
  if (id === undefined || parent === undefined || device === undefined || root === undefined) return null;
  if (mountpoint === undefined || options === undefined || type === undefined || source === undefined) return null;
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescape(root),
    mountpoint: unescape(mountpoint),
    options: options.split(','),
    propagation: fields.slice(6, separator),
    type,
    source: unescape(source),
    superOptions: (superOptions ?? '').split(','),
  };
}

/** Escapes text as the kernel does in mountinfo, and as lxc.container.conf(5) and fstab(5) expect: blanks and backslashes in octal. */
export function escapeField(text: string): string {
  return text.replaceAll(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The inverse. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
