import { statSync } from 'node:fs';
import { canIdmap } from '../host/path-facts.ts';
import { lookBeneath } from '../host/resolve-beneath.ts';
import type { Outcome } from '../launch/outcome.ts';
import { run } from '../run/run.ts';
import { noIsolation } from '../run/notices.ts';
import type { RunEvent } from '../run/run-event.ts';
import type { TemplateContext } from './context.ts';
import { refuseReachable } from './keep-private.ts';
import type { OpenTree } from './store.ts';

/** A command that maintains a template. */
export interface Maintenance {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What the template is called; its host name is made from that. */
  readonly name: string;
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Runs a command in a template's own tree, as its root, with the host's network; its changes stay. What the template sets for runs does
 * not count. In a sandbox, unless root's files on this storage belong to the host's root and cannot be mounted idmapped: then only the
 * chroot engine can change them. Throws `cannot-enforce` where other users could run what it leaves, and what runs throw.
 */
export async function maintain(tree: OpenTree, context: TemplateContext, maintenance: Maintenance): Promise<Outcome> {
  const { command, environment, name, onEvent } = maintenance;
  const { user } = context.facts;
  const isSandboxed = user.rights === 'user' || tree.ownership.kind === 'shifted' || canIdmap(tree.path, statSync(tree.path));
  refuseReachable({ kind: 'directory', path: tree.path }, user);
  const request = {
    command,
    template: tree.path,
    workingDirectory: '/',
    // Also where nobody has a name.
    user: '0:0',
    ...(environment === undefined ? {} : { environment }),
    ...(isSandboxed ? { engine: 'bwrap', shareNetwork: true, hostname: hostnameOf(name) } : { engine: 'chroot' }),
  };
  // Of what weakens a run only this: that the changes stay and that there is a network is why it was started.
  if (!isSandboxed) onEvent?.({ kind: 'warning', message: noIsolation('chroot') });
  return await run(request, { forwardSignals: true, withoutDefaults: true, ...(onEvent === undefined ? {} : { onEvent }) });
}

/** The shell of a template: bash if it has one. */
export function findShell({ path }: OpenTree): string {
  return ['/bin/bash', '/usr/bin/bash'].find((file) => lookBeneath(path, file).kind === 'other') ?? '/bin/sh';
}

function hostnameOf(name: string): string {
  const label = name
    .slice(name.lastIndexOf('/') + 1)
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-$/, '');
  return label === '' ? 'template' : label;
}
