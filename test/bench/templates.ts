import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { isolatePath } from '../rig/isolate.ts';
import { debianRootfs } from '../rig/rootfs.ts';
import type { Ground } from './ground.ts';
import { measure } from './measure.ts';
import { type Findings, tableOf } from './report.ts';
import type { Candidate } from './stopwatch.ts';

const names = {
  mmdebstrap: 'mmdebstrap --variant=minbase bookworm DIR',
  debian: 'isolate template create DIR --from debian:bookworm',
  tar: 'tar --extract of a minimal Debian, gzip',
  archive: 'isolate template create DIR --from FILE.tar.gz',
  pipe: 'tar --create | tar --extract of the same',
  directory: 'isolate template create DIR --from DIRECTORY',
} as const;

/** `isolate template create` beside the programs that fill the same directory. */
export async function measureTemplates(ground: Ground, rounds: number): Promise<Findings> {
  const parent = mkdtempSync(join(ground.scratch, 'templates-'));
  const tree = await debianRootfs();
  const archive = join(parent, 'debian.tar.gz');
  spawnSync('tar', ['--create', '--gzip', `--file=${archive}`, `--directory=${tree}`, '.']);
  const target = join(parent, 'made');
  // The same place each time, so that every candidate finds nothing there.
  const into = (command: readonly [string, ...string[]]) => (): Omit<Candidate, 'name'> => {
    rmSync(target, { recursive: true, force: true });
    spawnSync('sync');
    return { command };
  };
  const create = (from: string) => into([isolatePath, 'template', 'create', '--quiet', target, '--from', from]);
  const extract = `mkdir "$1" && tar --extract --file="$2" --directory="$1" ${attributes}`;
  const copy = `mkdir "$1" && tar --create --file=- --directory="$2" ${attributes} . | tar --extract --file=- --directory="$1" ${attributes}`;
  mkdirSync(parent, { recursive: true });
  const summaries = await measure(
    ground.stopwatch,
    {
      [names.mmdebstrap]: into(['mmdebstrap', '--quiet', '--variant=minbase', 'bookworm', target]),
      [names.debian]: create('debian:bookworm'),
      [names.tar]: into(['sh', '-c', extract, 'sh', target, archive]),
      [names.archive]: create(archive),
      [names.pipe]: into(['sh', '-c', copy, 'sh', target, tree]),
      [names.directory]: create(tree),
    },
    { rounds },
  );
  rmSync(parent, { recursive: true, force: true });
  type Name = keyof typeof summaries;
  const ratio = (one: Name, other: Name): number => summaries[one].medianMs / summaries[other].medianMs;
  return {
    tables: [tableOf('making a template', summaries)],
    goals: [
      { name: 'create --from debian:bookworm / mmdebstrap', value: ratio(names.debian, names.mmdebstrap), most: 1.1 },
      { name: 'create --from FILE.tar.gz / tar', value: ratio(names.archive, names.tar), most: 1.2 },
    ],
  };
}

const attributes = "--numeric-owner --xattrs --xattrs-include='*' --acls";
