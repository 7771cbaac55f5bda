import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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
  umoci: 'umoci unpack of the same as an image of two layers, gzip',
  image: 'isolate template create DIR --from oci-archive:FILE',
} as const;

/** `isolate template create` beside the programs that fill the same directory. */
export async function measureTemplates(ground: Ground, rounds: number): Promise<Findings> {
  const parent = mkdtempSync(join(ground.scratch, 'templates-'));
  const tree = await debianRootfs();
  const archive = join(parent, 'debian.tar.gz');
  spawnSync('tar', ['--create', '--gzip', `--file=${archive}`, `--directory=${tree}`, '.']);
  const { layout, image } = makeImage(parent, tree);
  const target = join(parent, 'made');
  // The same place each time, so that every candidate finds nothing there.
  const into = (command: readonly [string, ...string[]]) => (): Omit<Candidate, 'name'> => {
    rmSync(target, { recursive: true, force: true });
    return { command };
  };
  const create = (from: string) => into([isolatePath, 'template', 'create', '--quiet', target, '--from', from]);
  const extract = `mkdir "$1" && tar --extract --file="$2" --directory="$1" ${attributes}`;
  const copy = `mkdir "$1" && tar --create --file=- --directory="$2" ${attributes} . | tar --extract --file=- --directory="$1" ${attributes}`;
  const summaries = await measure(
    ground.stopwatch,
    {
      [names.mmdebstrap]: into(['mmdebstrap', '--quiet', '--variant=minbase', 'bookworm', target]),
      [names.debian]: create('debian:bookworm'),
      [names.tar]: into(['sh', '-c', extract, 'sh', target, archive]),
      [names.archive]: create(archive),
      [names.pipe]: into(['sh', '-c', copy, 'sh', target, tree]),
      [names.directory]: create(tree),
      [names.umoci]: into(['umoci', 'unpack', '--image', `${layout}:debian`, target]),
      [names.image]: create(`oci-archive:${image}`),
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
      { name: 'create --from oci-archive:FILE / umoci unpack', value: ratio(names.image, names.umoci), most: 1.2 },
    ],
  };
}

const attributes = "--numeric-owner --xattrs --xattrs-include='*' --acls";

/** An image of a tree, with a second layer that removes, replaces and adds some of it; as a layout, and as an archive of that. */
function makeImage(parent: string, tree: string): { readonly layout: string; readonly image: string } {
  const [layout, image, bundle] = ['layout', 'image.tar', 'bundle'].map((name) => join(parent, name)) as [string, string, string];
  const script = `umoci init --layout "$1"; umoci new --image "$1:debian"; umoci unpack --image "$1:debian" "$3"
    cp -a "$4/." "$3/rootfs"; umoci repack --refresh-bundle --image "$1:debian" "$3"
    cd "$3/rootfs"; rm -rf usr/share/doc; cp -a usr/share usr/again; umoci repack --image "$1:debian" "$3"
    umoci gc --layout "$1"; tar --create --file="$2" --directory="$1" .; rm -rf "$3"`;
  const { status, stderr } = spawnSync('sh', ['-euc', script, 'sh', layout, image, bundle, tree], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`umoci made no image: ${stderr}`);
  return { layout, image };
}
