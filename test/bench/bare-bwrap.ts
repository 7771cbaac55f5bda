import type { Launch } from '../../src/launch/launch.ts';
import { plan, type RunRequest } from '../../src/index.ts';
import type { Candidate } from './stopwatch.ts';

/** A command on a root, without its name. */
export type OnRoot = (root: string) => Omit<Candidate, 'name'>;

/**
 * What isolate has bubblewrap do for a request, done by a bubblewrap that is started as it is: with the options that isolate
 * gives it, the filter included, on the root itself and with the command instead of the stage.
 */
export async function bareBwrap(request: Omit<RunRequest, 'command'>): Promise<OnRoot> {
  const launch = await plan({ ...request, engine: 'bwrap', command: ['true'] });
  const words = readData(launch, 'options').split('\0').slice(0, -1);
  const rootAt = words.findIndex((word, index) => /^--(ro-)?bind$/.test(word) && words[index + 2] === '/') + 1;
  const sources = sourcesOf(launch);
  const own = words.map((word) => sources.get(word) ?? word);
  const descriptors = filesOf(launch);
  return (root) => ({ command: ['/usr/bin/bwrap', ...own.with(rootAt, root), '--', '/bin/true'], descriptors });
}

/** The content of a descriptor, as text. */
export function readData({ descriptors }: Launch, label: string): string {
  const found = descriptors.find((descriptor) => descriptor.kind === 'data' && descriptor.label === label);
  if (found?.kind !== 'data') throw new Error(`The launch has no ${label}.`);
  return new TextDecoder().decode(found.content);
}

/** The files among the descriptors, by number. */
export function filesOf({ descriptors }: Launch): Readonly<Record<number, string>> {
  return Object.fromEntries(
    descriptors.flatMap((descriptor) => (descriptor.kind === 'file' ? [[descriptor.number, descriptor.path]] : [])),
  );
}

/** What the launcher would have put where, for a bubblewrap that is started without it. */
function sourcesOf({ hostMounts, sandboxMounts }: Launch): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const mount of [...hostMounts, ...sandboxMounts]) {
    if (mount.kind === 'bind') sources.set(`${mount.root ?? ''}${mount.target}`, mount.source);
    if (mount.kind === 'copy') sources.set(mount.target, mount.source);
  }
  return sources;
}
