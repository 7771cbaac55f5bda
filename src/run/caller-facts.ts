import { readSandboxIds } from '../config/ids.ts';
import type { Facts } from '../host/facts.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { probeFacts, readPrivileges } from '../host/probe.ts';
import { rightsOf } from '../host/rights.ts';
import { callerEnvironment } from '../process/caller-environment.ts';

/** The facts about this process's caller. Throws `bad-config`. */
export async function callerFacts(): Promise<Facts> {
  const environment = callerEnvironment();
  const uid = process.getuid?.() ?? 0;
  return await probeFacts({
    environment,
    searchPath: environment['PATH'],
    uid,
    gid: process.getgid?.() ?? 0,
    sandboxIds: rightsOf(uid) === 'root' ? await readSandboxIds() : null,
    privileges: readPrivileges(),
    files: findOwnFiles(),
  });
}
