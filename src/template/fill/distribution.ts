import { existsSync } from 'node:fs';

import { IsolateError } from '../../error.ts';
import { findTool } from '../../host/tools.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { plainEnvironment, runAsBuilder, runInFilling } from './filling.ts';
import { builtInside, targetInside } from './launches.ts';
import type { FillingPlace } from './place.ts';
import type { TemplateSource } from './source.ts';

/** What of a distribution goes into a template. */
export interface DistributionOptions {
  /** An address of an archive; absent: the tool's own. */
  readonly mirror?: string;
  /** In addition to those of the variant. */
  readonly packages?: readonly string[];
  /** A set of packages that mmdebstrap(1) knows; absent: `minbase`. */
  readonly variant?: string;
  /** A file with the keys of the archive, by its absolute path; absent: the distribution's own. */
  readonly keyring?: string;
}

type Distribution = Extract<TemplateSource, { kind: 'distribution' }>;

const origins = {
  debian: { name: 'Debian', keyring: '/usr/share/keyrings/debian-archive-keyring.gpg', keyPackage: 'debian-archive-keyring' },
  ubuntu: { name: 'Ubuntu', keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg', keyPackage: 'ubuntu-keyring' },
} as const;

const mostLines = 12;

/** The variables of the caller that lead to a mirror. */
const proxyVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * Installs a release into the empty target with mmdebstrap(1), which checks the signatures of the archive. `onStep` gets its steps as
 * they begin. Throws `missing-tool` also where the keys are missing, and `source-failed` with what mmdebstrap said.
 */
export async function installDistribution(
  place: FillingPlace,
  source: Distribution,
  options: DistributionOptions & { readonly onStep?: (step: string) => void; readonly signal?: AbortSignal },
): Promise<void> {
  const { onStep, signal } = options;
  const command = mmdebstrapCommand(findMmdebstrap(place), source, options);
  refuseMissingKeys(source, options);
  // apt(8) downloads as a user of its own, who has to reach the target.
  await runInFilling(place, { command: ['chmod', '0755', targetInside] });
  const said: string[] = [];
  const status = await runAsBuilder(place, {
    command,
    environment: { ...plainEnvironment, ...proxies() },
    onErrorLine: (line) => {
      const [, step] = /^I: (.*)$/.exec(line) ?? [];
      if (step !== undefined) onStep?.(step);
      else if (!/^W: |^\s*$/.test(line)) said.push(line);
      if (said.length > mostLines) said.shift();
    },
    ...(signal === undefined ? {} : { signal }),
  });
  if (status !== 0) throw failed(source, said);
}

/** The command line, a pure function of what is wanted. */
export function mmdebstrapCommand(
  program: string,
  { suite }: Pick<Distribution, 'suite'>,
  { mirror, packages = [], variant = 'minbase', keyring }: DistributionOptions,
): readonly [string, ...string[]] {
  return [
    program,
    // As root of its user namespace; it then only makes a mount namespace.
    '--mode=unshare',
    '--format=directory',
    `--variant=${variant}`,
    ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    ...(keyring === undefined ? [] : [`--keyring=${keyring}`]),
    '--',
    suite,
    builtInside,
    ...(mirror === undefined ? [] : [mirror]),
  ];
}

function findMmdebstrap({ facts }: FillingPlace): string {
  const program = findTool('mmdebstrap', facts.user.rights, callerEnvironment()['PATH']);
  if (program !== null) return program;
  throw new IsolateError('missing-tool', 'mmdebstrap is not installed.', { hint: 'apt-get install mmdebstrap' });
}

function refuseMissingKeys({ distribution }: Distribution, { keyring, mirror }: DistributionOptions): void {
  const origin = origins[distribution];
  const file = keyring ?? origin.keyring;
  // The mirror of another archive may be signed with keys that apt has.
  if (existsSync(file) || (keyring === undefined && mirror !== undefined)) return;
  if (keyring !== undefined) throw new IsolateError('bad-source', `The keyring ${keyring} does not exist.`);
  throw new IsolateError('missing-tool', `The keys of ${origin.name}'s archive are not installed (${file}).`, {
    hint: `apt-get install ${origin.keyPackage}, or give a file with them: --keyring FILE`,
  });
}

function proxies(): Readonly<Record<string, string>> {
  const environment = callerEnvironment();
  return Object.fromEntries(proxyVariables.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}

function failed({ distribution, suite }: Distribution, said: readonly string[]): IsolateError {
  const text = said.join('\n');
  const { keyPackage } = origins[distribution];
  const hint = /NO_PUBKEY|not signed/.test(text)
    ? `the keys for it are missing: apt-get install ${keyPackage}, or --keyring FILE`
    : /404 +Not Found|does not have a Release file/.test(text)
      ? `is there a release ${suite}? --mirror names another archive`
      : undefined;
  const errors = said.filter((line) => line.startsWith('E: '));
  const cause = new Error((errors.length > 0 ? errors : said).slice(-3).join('; ') || 'it said nothing');
  return new IsolateError('source-failed', `mmdebstrap could not install ${distribution}:${suite}.`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
