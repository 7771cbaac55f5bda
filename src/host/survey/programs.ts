import { runCommand } from '../../process/command.ts';
import { isAtLeast, parseRelease } from '../kernel-release.ts';
import { findTool } from '../tools.ts';
import { type Check, ok } from './check.ts';
import type { Rights } from '../rights.ts';

const limitMs = 5000;

/** How programs are found: as a run would find them. */
export interface ProgramSearch {
  readonly rights: Rights;
  readonly path: string | undefined;
}

/** The engines' programs with their versions, and the programs that map a user's subordinate ids. */
export async function checkPrograms(search: ProgramSearch): Promise<readonly Check[]> {
  return [
    checkNode(),
    await checkVersion('bwrap', 'bwrap', [0, 8], 'apt-get install bubblewrap', search),
    await checkVersion('lxc', 'lxc-execute', [5, 0], 'apt-get install lxc', search),
    await checkVersion('qemu', 'qemu-system-x86_64', [7, 2], 'apt-get install qemu-system-x86', search),
    checkIdMappers(search),
  ];
}

function checkNode(): Check {
  const { node } = process.versions;
  const fact = `Node ${node} at ${process.execPath}`;
  if (isAtLeast(parseRelease(node), 22, 22)) return ok('node', fact);
  return { id: 'node', state: 'too-old', fact, hint: 'scripts/setup in the checkout brings the pinned Node' };
}

async function checkVersion(
  id: string,
  program: string,
  least: readonly [number, number],
  hint: string,
  search: ProgramSearch,
): Promise<Check> {
  const file = findTool(program, search.rights, search.path);
  if (file === null) return { id, state: 'missing', fact: `${program} is not installed`, hint };
  const version = await readVersion(file);
  if (version === null) return { id, state: 'limited', fact: `${file} does not print its version` };
  const fact = `${file} ${version}`;
  return isAtLeast(parseRelease(version), ...least)
    ? ok(id, fact)
    : { id, state: 'too-old', fact: `${fact}; ${least.join('.')} or later is needed`, hint: 'upgrade to Debian 12 or later' };
}

/** The text after the last blank of the first line: both `bubblewrap 0.8.0` and `5.0.2` are common. */
async function readVersion(file: string): Promise<string | null> {
  try {
    const { stdout } = await runCommand({ file, args: ['--version'], timeoutMs: limitMs });
    const [line] = stdout.trim().split('\n');
    const version = line?.split(' ').at(-1) ?? '';
    return parseRelease(version) === null ? null : version;
  } catch {
    return null;
  }
}

function checkIdMappers(search: ProgramSearch): Check {
  const absent = ['newuidmap', 'newgidmap'].filter((name) => findTool(name, search.rights, search.path) === null);
  if (absent.length === 0) return ok('uidmap', 'newuidmap and newgidmap are installed');
  return {
    id: 'uidmap',
    state: search.rights === 'root' ? 'limited' : 'missing',
    fact: `${absent.join(' and ')} ${absent.length === 1 ? 'is' : 'are'} not installed: without root a sandbox has a single id`,
    hint: 'apt-get install uidmap',
  };
}
