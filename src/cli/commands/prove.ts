import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { IsolateError } from '../../error.ts';
import { buildHint } from '../../host/own-files.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { runCommand } from '../../process/command.ts';
import { proofCases } from '../../prove/cases.ts';
import { judgeProof } from '../../prove/judge.ts';
import type { ProofSetting } from '../../prove/promise.ts';
import { parseProofResults, type ProofResult } from '../../prove/report.ts';
import { makeBareRoot } from '../../run/bare-root.ts';
import { decide } from '../../run/decide.ts';
import type { Prepared } from '../../run/prepared.ts';
import { ownStateDirectory } from '../../run/place.ts';
import { rootName } from '../../spec/root-ref.ts';
import type { Limits } from '../../spec/spec.ts';
import { print } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderProof, renderProofJson } from '../render-proof.ts';
import { findOwnTemplate } from '../find-own-template.ts';
import { optionValues } from '../run-request.ts';
import type { SettingsSource } from '../settings-source.ts';
import { settleRun } from '../settle-run.ts';
import { namesRoot } from '../../spec/options/values.ts';
import type { Rights } from '../../host/rights.ts';

/** In a memory file system of the sandbox, so that the probe leaves no trace in the root. */
const probeInside = '/dev/isolate-probe';
/** The attacks that are harmless without a sandbox; those that type into terminals would type into the host's. */
const harmlessOutside = proofCases(process.arch)
  .map(({ id }) => id)
  .filter((id) => !/^terminal\/(?:type|take)/.test(id));
/** Larger limits are not tried, because the host would suffer. */
const largest = { pids: 4096, memoryBytes: 2 ** 30 };
const timeoutMs = 180_000;

/**
 * `isolate doctor --prove`: attacks a sandbox with the given options from inside, and as a positive control makes the same attacks
 * without a sandbox. The root is empty if none is named. Status 0 if every promise held, else 1.
 */
export async function proveVerb(parsed: ParsedArguments, settings: SettingsSource): Promise<number> {
  if (parsed.words.length > 0) {
    throw new IsolateError('usage', `doctor --prove runs its own command, not ${JSON.stringify(parsed.words[0])}.`);
  }
  if (namesRoot(optionValues(parsed))) return await prove(parsed, settings);
  const path = makeBareRoot(ownStateDirectory({ user: { uid: process.getuid?.() ?? 0 } }));
  return await prove({ ...parsed, values: new Map([...parsed.values, ['template', path]]) }, settings, 'an empty root');
}

async function prove(parsed: ParsedArguments, settings: SettingsSource, called?: string): Promise<number> {
  const { request } = await settleRun(parsed, settings, findOwnTemplate);
  const decision = await decide({ ...request, command: [probeInside] });
  const { spec, engine, facts } = decision;
  if (!engine.capabilities.isolates) {
    throw new IsolateError('unsupported-option', `The engine ${engine.name} isolates nothing, so there is nothing to prove.`);
  }
  const probe = join(dirname(facts.files.launcher), 'isolate-probe');
  if (!existsSync(probe)) throw new IsolateError('missing-tool', `${probe} is missing.`, { hint: buildHint });
  const token = randomBytes(16).toString('hex');
  // A file of the host that none of the caller's binds shows at the same path.
  const file = join('/var/tmp', `isolate-proof-${token}`);
  writeFileSync(file, 'of the host\n', { flag: 'wx', mode: 0o644 });
  try {
    const limits = limitWords(spec.limits);
    const outside = await probeOutside(probe, file, [...limits, ...harmlessOutside], facts.user.rights);
    const inside = await probeSandbox(parsed, probe, file, limits);
    const findings = judgeProof(proofCases(process.arch), settingOf(decision), inside, outside);
    const subject = `${engine.name}, ${facts.user.rights === 'root' ? 'root' : 'plain user'}, ${called ?? rootName(spec.root)}`;
    print(parsed.flags.has('json') ? renderProofJson(subject, findings) : renderProof(subject, findings));
    return findings.some(({ state }) => state === 'broken') ? 1 : 0;
  } finally {
    rmSync(file, { force: true });
  }
}

/** Root's attacks run in a mount namespace of their own, so their mounts vanish with them. */
async function probeOutside(probe: string, file: string, words: readonly string[], rights: Rights): Promise<readonly ProofResult[]> {
  const mounts = rights === 'root' ? ['/usr/bin/unshare', '--mount', '--propagation', 'private', '--'] : [];
  return await amidBait(probe, [...mounts, probe], file, words);
}

/** isolate itself, as the caller would start it with these options without a daemon, with the bait of a careless caller around it. */
async function probeSandbox(
  parsed: ParsedArguments,
  probe: string,
  file: string,
  words: readonly string[],
): Promise<readonly ProofResult[]> {
  const options = [...formatOptions(parsed), `--bind=${probe.replaceAll(/[\\:]/g, String.raw`\$&`)}:${probeInside}:ro`];
  const isolate = [join(dirname(probe), 'isolate-node'), 'run', '--quiet', ...options, '--', probeInside];
  return await amidBait(probe, isolate, file, words);
}

function limitWords({ pids, memoryBytes }: Limits): string[] {
  return [
    ...(pids === undefined || pids > largest.pids ? [] : [`pids=${pids}`]),
    ...(memoryBytes === undefined || memoryBytes > largest.memoryBytes ? [] : [`memory=${Math.ceil(memoryBytes / 2 ** 20)}`]),
  ];
}

function formatOptions({ flags, values, lists }: ParsedArguments): string[] {
  const ours = new Set(['prove', 'json', 'quiet', 'trace']);
  return [
    // Not the template's own, of which nothing is known here.
    ...(values.has('chdir') ? [] : ['--chdir=/']),
    ...[...flags].filter((name) => !ours.has(name)).map((name) => `--${name}`),
    ...[...values].map(([name, value]) => `--${name}=${value}`),
    ...[...lists].flatMap(([name, list]) => list.map((value) => `--${name}=${value}`)),
  ];
}

/** Runs a command that ends with the probe's name. The token is split in two, so that no argument contains the whole of it. */
async function amidBait(
  probe: string,
  command: readonly string[],
  file: string,
  words: readonly string[],
): Promise<readonly ProofResult[]> {
  const token = [randomBytes(6), randomBytes(6)].map((half) => half.toString('hex')).join('.');
  const bait = [`token=${token}`, `file=${file}`, 'pid=@', 'port=@', 'shm=@'];
  const { stdout, stderr, exitCode } = await runCommand({
    file: probe,
    args: ['--amid', token, ...command, ...bait, ...words],
    timeoutMs,
    env: Object.fromEntries(Object.entries(callerEnvironment()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  });
  const results = parseProofResults(stdout);
  if (results.length > 0) return results;
  throw new IsolateError('engine-failed', `The probe did not run (status ${exitCode}): ${stderr.trim()}`);
}

function settingOf({ spec, engine }: Prepared): ProofSetting {
  const { capabilities } = engine;
  return {
    isolates: capabilities.isolates,
    filter: spec.seccomp ? capabilities.seccomp : 'none',
    network: !spec.shareNetwork ? 'own' : capabilities.features.includes('bridge') ? 'bridge' : 'host',
    devices: spec.passthrough.includes('gpu'),
    tunnel: spec.tun,
    workingDirectory: spec.workingDirectory ?? '/',
    limits: { pids: spec.limits.pids !== undefined, memory: spec.limits.memoryBytes !== undefined },
  };
}
