import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect } from 'vitest';

import { printHeader } from '../../src/template/transfer/header.ts';
import { sealPayload } from '../../src/template/transfer/seal.ts';
import { isolate } from './isolate.ts';
import { startRegistry } from './registry.ts';
import { makeStormTrees, type StormPlace } from './storm-place.ts';
import { isWhole, type Storm, type StormVerb } from './template-storm.ts';

const everywhere = [
  'create from a directory',
  'create from a tar archive',
  'create from an image',
  'create with a label',
  'update',
  'exec',
  'exec with a snapshot',
  'shell',
  'snapshot',
  'rollback',
  'rename',
  'remove',
  'default',
  'receive a tar archive',
  'pull',
  'pull over one that is there',
  'send to a file',
  'push to an archive',
  'push to a registry',
] as const;

const onDatasets = ['receive a stream', 'receive changes'] as const;
type Title = (typeof everywhere)[number] | (typeof onDatasets)[number];

/** Those with the most steps. */
const chosen: readonly Title[] = [
  'create from an image',
  'update',
  'rollback',
  'rename',
  'remove',
  'pull over one that is there',
  'receive changes',
];

/** The verbs that change something, by storage. */
export const stormVerbs: Readonly<Record<StormPlace['kind'], readonly Title[]>> = {
  directory: everywhere.filter((title) => isWhole || chosen.includes(title)),
  dataset: [...everywhere, ...onDatasets].filter((title) => isWhole || chosen.includes(title)),
};

export interface PreparedStorm extends Storm {
  readonly verb: (title: Title) => StormVerb;
  readonly end: () => void;
}

/** Everything that verbs take in. `directory` is private. */
export async function prepareStorm(
  directory: string,
  makePlace: (trees: readonly [string, string]) => Promise<StormPlace>,
): Promise<PreparedStorm> {
  // What is left there is the storm's.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/tmp']);
  const registry = await startRegistry();
  const trees = makeStormTrees(directory);
  const [older, newer] = trees;
  const place = await makePlace(trees);
  const out = join(directory, 'out');
  const inputs = join(directory, 'inputs');
  mkdirSync(inputs);
  const image = (tag: string): string => `docker://${registry.address}/team/app:${tag}`;
  const must = async (...words: readonly string[]): Promise<void> => {
    expect(await isolate(['template', ...words], { environment: { HOME: directory } })).toMatchObject({ status: 0 });
  };
  await place.reset();
  execFileSync('tar', ['-cf', join(inputs, 'root.tar'), '-C', newer, '.']);
  for (const tree of [older, newer]) await must('push', '-q', '--insecure', tree, image(tree === older ? 'older' : 'newer'));
  await must('push', '-q', newer, `oci-archive:${join(inputs, 'image.tar')}`);
  await must('send', '-q', '--tar', place.address('box'), join(inputs, 'tar.template'));
  if (place.kind === 'dataset') {
    await must('send', '-q', place.address('box'), join(inputs, 'zfs.template'));
    await writeChanges(place.address('box'), join(inputs, 'changes.template'));
  }
  const [box, made] = [place.address('box'), place.address('made')];
  const tag = async (): Promise<unknown> =>
    (
      await fetch(`http://${registry.address}/v2/team/app/manifests/storm`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
    ).headers.get('docker-content-digest');
  const words: Readonly<Record<Title, readonly string[]>> = {
    'create from a directory': ['create', made, '--from', newer],
    'create from a tar archive': ['create', made, '--from', join(inputs, 'root.tar')],
    'create from an image': ['create', made, '--from', `oci-archive:${join(inputs, 'image.tar')}`],
    'create with a label': ['create', made, '--from', newer, '--label', 'begun', '--default'],
    update: ['update', box],
    exec: ['exec', box, 'mv', '/next', '/many/1'],
    'exec with a snapshot': ['exec', '--snapshot', box, 'mv', '/next', '/many/1'],
    shell: ['shell', box, 'mv', '/next', '/many/1'],
    snapshot: ['snapshot', box, 'kept'],
    rollback: ['rollback', box, 'first'],
    rename: ['rename', box, place.address('moved')],
    remove: ['remove', box],
    default: ['default', box],
    'receive a tar archive': ['receive', made, join(inputs, 'tar.template')],
    'receive a stream': ['receive', made, join(inputs, 'zfs.template')],
    'receive changes': ['receive', place.address('behind'), join(inputs, 'changes.template')],
    pull: ['pull', '--insecure', made, image('newer')],
    'pull over one that is there': ['pull', '--insecure', box, image('older')],
    'send to a file': ['send', box, join(out, 'sent.template')],
    'push to an archive': ['push', box, `oci-archive:${join(out, 'pushed.tar')}`],
    'push to a registry': ['push', '--insecure', box, image('storm')],
  };
  return {
    place,
    out,
    verb: (title) => ({
      title,
      words: ['template', ...words[title]],
      onlyReads: /^(?:default|send|push)/.test(title),
      ...(title === 'push to a registry' ? { outside: tag, prepare: () => must('push', '-q', '--insecure', older, image('storm')) } : {}),
    }),
    end: () => {
      registry.end();
      execFileSync('umount', ['/var/tmp']);
    },
  };
}

/** A stream of what a dataset has more than its snapshot `first`, as another host gets it. */
async function writeChanges(dataset: string, path: string): Promise<void> {
  const base = execFileSync('zfs', ['get', '-H', '-p', '-o', 'value', 'guid', `${dataset}@first`], { encoding: 'utf8' }).trim();
  const file = createWriteStream(path);
  file.write(printHeader({ name: 'box', label: 'second', carried: { kind: 'zfs', part: 'changes', base } }));
  const sending = spawn('zfs', ['send', '-i', `${dataset}@first`, `${dataset}@second`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await pipeline(sending.stdout, sealPayload().stream, file);
}
