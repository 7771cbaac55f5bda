import type { Prepared } from './prepared.ts';
import { disksOf } from '../spec/bind.ts';
import { isDirectoryClone, isOverlaid, isThrownAway, rootName } from '../spec/root-ref.ts';
import type { Passthrough, FirmSpec } from '../spec/spec.ts';

const givenAway: Record<Passthrough, string> = {
  x11: 'The sandbox can talk to the X server and, unless the server restricts untrusted clients, watch and type into other windows.',
  pulse: 'The sandbox can play and record sound.',
  wayland: 'The sandbox can open windows and do whatever else the Wayland compositor allows.',
  gpu: 'The sandbox can use the GPU and exploit bugs in its driver.',
};

/** One sentence for everything that weakens a run's isolation or makes changes stay. */
export function describeGivenAway({ spec, engine, facts }: Prepared): string[] {
  const { name, capabilities } = engine;
  const warnings: string[] = [];
  if (!capabilities.isolates) warnings.push(noIsolation(name));
  if (!isThrownAway(spec.root) && !spec.readOnlyRoot) {
    warnings.push(`Changes to ${rootName(spec.root)} are permanent.`);
  }
  const written = disksOf(spec).flatMap(({ file, readOnly }) => (readOnly ? [] : [file]));
  if (written.length > 0) warnings.push(`Changes to ${written.join(', ')} are permanent.`);
  const unseen = facts.mountsBelow.filter((mount) => !isHidden(mount, spec, capabilities.mountpoints));
  // An overlay of another user is refused, and a directory itself shows them.
  const isCopied = isDirectoryClone(spec.root) && !isOverlaid(spec.root);
  if ((facts.user.rights === 'root' || isCopied) && capabilities.isolates && unseen.length > 0) {
    warnings.push(`The sandbox does not see what is mounted at ${unseen.join(', ')}.`);
  }
  if (capabilities.isolates && spec.shareNetwork && !capabilities.features.includes('bridge')) {
    warnings.push(
      capabilities.kernel === 'own'
        ? 'The machine reaches what this host reaches, including services on its localhost.'
        : 'The sandbox shares the network of this host, including services on localhost and abstract sockets.',
    );
  }
  if (!spec.seccomp) warnings.push('The system-call filter is off.');
  else if (spec.socketcall) warnings.push('The sandbox can create sockets of any address family through socketcall in i386 programs.');
  return [...warnings, ...spec.passthrough.map((kind) => givenAway[kind])];
}

/** A sentence on an engine that isolates nothing. */
export function noIsolation(engine: string): string {
  return `The ${engine} engine isolates nothing: the command has the rights of this host's root.`;
}

/** The engine mounts over it anyway. */
function isHidden(mount: string, { root }: FirmSpec, mountpoints: readonly string[]): boolean {
  return root.kind === 'directory' && mountpoints.some((place) => `${mount}/`.startsWith(`${root.path}${place}/`));
}
