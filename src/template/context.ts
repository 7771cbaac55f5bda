import { readSandboxIds } from '../config/ids.ts';
import type { Facts } from '../host/facts.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { probeFacts, readPrivileges } from '../host/probe.ts';
import { rightsOf } from '../host/rights.ts';
import { type HolderId, readOwnHolder } from '../pool/holder.ts';
import { callerEnvironment } from '../process/caller-environment.ts';

/** What the stores of templates need to know of their caller. */
export interface TemplateContext {
  readonly facts: Facts;
  /** The process that changes templates. */
  readonly holder: HolderId;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Ends the long steps of a change, which then leaves everything as it was; absent: nothing does. */
  readonly signal?: AbortSignal;
  /** Called between the steps of every change, so that tests can end the process there. */
  readonly checkpoint: (step: string) => void;
}

/** The context of this process. Throws `bad-config`. */
export async function callerContext(): Promise<TemplateContext> {
  const environment = callerEnvironment();
  const uid = process.getuid?.() ?? 0;
  const facts = await probeFacts({
    environment,
    searchPath: environment['PATH'],
    uid,
    gid: process.getgid?.() ?? 0,
    sandboxIds: rightsOf(uid) === 'root' ? await readSandboxIds() : null,
    privileges: readPrivileges(),
    files: findOwnFiles(),
  });
  return { facts, holder: readOwnHolder(), clock: Date.now, checkpoint: () => {} };
}
