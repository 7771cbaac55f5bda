import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A kernel as this host's distribution has it, with all of its modules. */
export interface DistributionKernel {
  readonly image: string;
  readonly release: string;
  /** The directory with the modules of each release. */
  readonly modules: string;
}

export async function debianKernel(): Promise<DistributionKernel> {
  const { stdout } = await promisify(execFile)(join(import.meta.dirname, '../../scripts/debian-kernel'));
  const directory = stdout.trim();
  const image = readdirSync(join(directory, 'boot')).find((name) => name.startsWith('vmlinuz-')) ?? '';
  return { image: join(directory, 'boot', image), release: image.slice('vmlinuz-'.length), modules: join(directory, 'lib/modules') };
}
