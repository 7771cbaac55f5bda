import { existsSync } from 'node:fs';

import { IsolateError } from '../../error.ts';
import { readSmallFile } from '../../host/read-small-file.ts';
import { findTool } from '../../host/tools.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { plainEnvironment } from '../../process/command.ts';
import { runAsBuilder, runInFilling } from './filling.ts';
import { noSpace } from '../no-space.ts';
import { type DistributionOptions, type Installer, installers } from './installers.ts';
import { targetInside } from './launches.ts';
import { cutLines } from './lines.ts';
import type { FillingPlace } from './place.ts';
import type { TemplateSource } from './source.ts';

type Distribution = Extract<TemplateSource, { kind: 'distribution' }>;

const origins = {
  debian: { name: 'Debian', keyring: '/usr/share/keyrings/debian-archive-keyring.gpg', keyPackage: 'debian-archive-keyring' },
  ubuntu: { name: 'Ubuntu', keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg', keyPackage: 'ubuntu-keyring' },
} as const;

const mostLines = 12;
const mostKeyBytes = 2 ** 20;

/** The variables of the caller that lead to a mirror. */
const proxyVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * Installs a release into the empty target with mmdebstrap(1) or else debootstrap(8), which check the signatures of the archive. `onStep`
 * gets their steps as they begin. Throws `missing-tool` also where the keys are missing, and `source-failed` with what the program said.
 */
export async function installDistribution(
  place: FillingPlace,
  source: Distribution,
  options: DistributionOptions & { readonly onStep?: (step: string) => void; readonly signal?: AbortSignal },
): Promise<void> {
  const { onStep, signal } = options;
  const installer = findInstaller(place);
  const command = installer.command(source.suite, options);
  const keys = readKeys(source, options);
  // apt(8) downloads as a user of its own, who has to reach the target.
  await runInFilling(place, { command: ['chmod', '0755', targetInside] });
  const said: string[] = [];
  const onLine = (line: string): void => {
    const [, step] = /^I: (.*)$/.exec(line) ?? [];
    // The last of a failing mmdebstrap is no step.
    if (step !== undefined) {
      if (!step.includes(' received signal ')) onStep?.(step);
    } else if (!/^W: |^\s*$/.test(line)) said.push(line);
    if (said.length > mostLines) said.shift();
  };
  const output = cutLines(onLine);
  const environment = { ...plainEnvironment, ...installer.environment, ...proxies() };
  const status = await runAsBuilder(
    place,
    { command, environment, onOutput: output.add, onErrorLine: onLine, ...(signal === undefined ? {} : { signal }) },
    { devices: installer.devices, ...(keys === null ? {} : { keys }) },
  );
  output.end();
  if (status !== 0) throw failed(installer.name, source, said, place.target.storage);
  await runInFilling(place, { command: ['sh', '-c', 'rm -rf dev/* && chmod 0755 dev'] });
}

function findInstaller({ facts }: FillingPlace): Installer {
  for (const installer of installers) {
    if (findTool(installer.name, facts.user.rights, callerEnvironment()['PATH']) !== null) return installer;
  }
  throw new IsolateError('missing-tool', 'mmdebstrap is not installed.', { hint: 'apt-get install mmdebstrap' });
}

/** The keys that were given; null: the program finds the distribution's own. Throws `missing-tool` where there are none. */
function readKeys({ distribution }: Distribution, { keyring, mirror }: DistributionOptions): Buffer | null {
  if (keyring !== undefined) return readKeyring(keyring);
  const { name, keyring: file, keyPackage } = origins[distribution];
  // The mirror of another archive may be signed with keys that apt has.
  if (existsSync(file) || mirror !== undefined) return null;
  throw new IsolateError('missing-tool', `The keys of ${name}'s archive are not installed (${file}).`, {
    hint: `they are in the package ${keyPackage} of ${name}; or name a file with them: --keyring FILE`,
  });
}

function readKeyring(path: string): Buffer {
  try {
    return readSmallFile(path, mostKeyBytes);
  } catch (cause) {
    throw new IsolateError('bad-source', `The keyring ${path} cannot be read.`, { cause });
  }
}

function proxies(): Readonly<Record<string, string>> {
  const environment = callerEnvironment();
  return Object.fromEntries(proxyVariables.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}

function failed(installer: string, { distribution, suite }: Distribution, said: readonly string[], storage: string): IsolateError {
  const text = said.join('\n');
  const what = `${installer} could not install ${distribution}:${suite}`;
  if (/No space left on device|Disk quota exceeded|enough free space/.test(text)) return noSpace(what, storage);
  const { keyPackage } = origins[distribution];
  const hint = /NO_PUBKEY|not signed/.test(text)
    ? `the keys for it are missing: apt-get install ${keyPackage}, or --keyring FILE`
    : /404 +Not Found|does not have a Release file|Invalid Release file|No such script/.test(text)
      ? `is there a release ${suite}? --mirror names another archive`
      : /Could not (?:connect|resolve)|Unable to connect|Temporary failure resolving/.test(text)
        ? 'is there a network? --mirror names another archive, and the variable http_proxy a proxy'
        : undefined;
  const cause = new Error(reasons(said).slice(-3).join('; ') || 'it said nothing');
  return new IsolateError('source-failed', `${what}.`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The errors of the programs that did the work; those of mmdebstrap only repeat that they failed. */
function reasons(said: readonly string[]): readonly string[] {
  const errors = said.filter((line) => line.startsWith('E: '));
  const first = errors.filter(
    (line) => !/^E: (?:mmdebstrap failed|Some index files failed|(?:setup failed: E: )?apt-get .* failed)/.test(line),
  );
  return [first, errors].find((lines) => lines.length > 0) ?? said;
}
