import { IsolateError } from '../error.ts';
import { parseHostPath } from './parse-path.ts';
import { type Disk, type Image, type ImageFormat, imageFormats } from './spec.ts';

/** The disks of `TAG=FILE[,format=FORMAT][,ro]`, in order. Throws `usage`. */
export function parseDisks(given: readonly string[], cwd: string | null): readonly Disk[] {
  const disks = given.map((text) => parseDisk(text, cwd));
  const twice = disks.find(({ tag }, index) => disks.findIndex((other) => other.tag === tag) < index);
  if (twice !== undefined) throw new IsolateError('usage', `Two disks have the tag ${JSON.stringify(twice.tag)}.`);
  return disks;
}

function parseDisk(text: string, cwd: string | null): Disk {
  const hint = 'write --disk TAG=FILE, with ,format=raw or ,format=qcow2 and ,ro behind it where needed';
  const [, tag = '', source = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (source === '') throw new IsolateError('usage', `Missing disk source string on ${JSON.stringify(text)}.`, { hint });
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(tag)) {
    throw new IsolateError('usage', `${JSON.stringify(tag)} cannot be the tag of a disk.`, {
      hint: 'a tag has up to 64 letters, digits, dots, dashes and underscores',
    });
  }
  const { path, readOnly, format } = parseImageSource(text, source);
  return { tag, readOnly, ...resolveImage(path, format, cwd) };
}

/** What stands behind the path of a source. */
interface SourceOptions {
  readonly path: string;
  readonly readOnly: boolean;
  /** Absent: the name of the file says it. */
  readonly format?: ImageFormat;
}

/** `PATH[,format=FORMAT][,ro|,rw]`, in any order; `whole` is for messages. Throws `usage`. */
export function parseImageSource(whole: string, source: string): SourceOptions {
  const found = /^(.*),(?:(ro|rw)|format=([^,]*))$/s.exec(source);
  if (found === null) return { path: source, readOnly: false };
  const [, path = '', mode, name] = found;
  const rest = parseImageSource(whole, path);
  if (mode !== undefined) return { ...rest, readOnly: mode === 'ro' };
  const format = imageFormats.find((known) => known === name);
  if (format === undefined) {
    throw new IsolateError('usage', `Unknown disk image format: ${JSON.stringify(name)} in ${JSON.stringify(whole)}.`, {
      hint: `it is ${imageFormats.join(' or ')}`,
    });
  }
  return { ...rest, format };
}

/** The image in a file; its name tells the format where that is not given. Throws `bad-bind`. */
export function resolveImage(path: string, format: ImageFormat | undefined, cwd: string | null): Image {
  const file = parseHostPath('bad-bind', 'The image', path, cwd);
  return { file, format: format ?? (file.endsWith('.qcow2') ? 'qcow2' : 'raw') };
}
