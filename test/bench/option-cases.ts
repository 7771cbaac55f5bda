import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RunRequest } from '../../src/index.ts';
import type { Member } from '../rig/members.ts';
import { copyRootfs } from '../rig/rootfs.ts';
import { bareBwrap, type OnRoot } from './bare-bwrap.ts';
import { bareLxc } from './bare-lxc.ts';
import type { Ground } from './ground.ts';

/** One option as it is measured. */
export interface OptionCase {
  readonly option: string;
  /** isolate's arguments before the command. */
  readonly words: readonly string[];
  readonly descriptors?: Readonly<Record<number, string>>;
  /** What it is compared with, on a root that nothing ran on before. */
  readonly bare: OnRoot;
  /** So many times as long as that a run may take, in the median. */
  readonly most: number;
}

/** An option that changes a run on a clone: how isolate is given it, and how the library is. */
interface CloneOption {
  readonly words: readonly string[];
  readonly request?: Omit<RunRequest, 'command'>;
  readonly descriptors?: Readonly<Record<number, string>>;
}

/** Every option, for clones of a template, and for a directory of root's or of the user; `overlay` is one of such a directory. */
export async function optionCases(ground: Ground, template: string, overlay: string, user?: Member): Promise<OptionCase[]> {
  const home = user?.home ?? ground.scratch;
  const file = join(home, 'variables');
  writeFileSync(file, 'ONE=1\nTWO=2\n', { mode: 0o644 });
  const clone = ['-z', template];
  const cases: OptionCase[] = [];
  for (const [option, { words, request = {}, ...rest }] of Object.entries({
    ...cloneOptions(file),
    ...(user === undefined ? idOptions : {}),
  })) {
    const bare = await bareBwrap({ template: ground.directory, ...request });
    cases.push({ option, words: [...clone, ...words], bare, most: 1.5, ...rest });
  }
  const directory = user === undefined ? ground.directory : await copyRootfs(ground.directory, join(home, 'template'));
  const on = await bareBwrap({ template: ground.directory });
  const lxc = await bareLxc(ground);
  return [
    ...cases,
    { option: '-e lxc', words: [...clone, '-e', 'lxc'], bare: () => lxc(ground.clone), most: 1.3 },
    { option: '-t DIR', words: ['-t', directory], bare: () => on(directory), most: 1.5 },
    { option: '-t DIR --ephemeral', words: ['-t', directory, '--ephemeral'], bare: () => on(overlay), most: 2 },
  ];
}

/** The ids of the template are the only ones that its clones on zfs-fuse can have, and only root can name any for a clone. */
const idOptions: Readonly<Record<string, CloneOption>> = {
  '-u': { words: ['-u', '1879048192'] },
  '-g': { words: ['-g', '1879048192'] },
};

function cloneOptions(file: string): Readonly<Record<string, CloneOption>> {
  return {
    'no option': { words: [] },
    '-n': { words: ['-n'], request: { shareNetwork: true } },
    '--memory': { words: ['--memory', '64M'] },
    '--cpu': { words: ['--cpu', '50'] },
    '--pids': { words: ['--pids', '50'] },
    '--timeout': { words: ['--timeout', '60'] },
    '--read-only': { words: ['--read-only'], request: { readOnly: true } },
    '-d': { words: ['-d', '/usr/share:/mnt:ro'], request: { binds: ['/usr/share:/mnt:ro'] } },
    '-v': { words: ['-v', 'ONE=1'] },
    '--env-file': { words: ['--env-file', file] },
    '-p': { words: ['-p', '/bin'], request: { workingDirectory: '/bin' } },
    '-i': { words: ['-i'] },
    '--status-fd': { words: ['--status-fd', '9'], descriptors: { 9: '/dev/null' } },
    '--json': { words: ['--json'] },
    '--no-seccomp': { words: ['--no-seccomp'], request: { seccomp: false } },
    '--trace': { words: ['--trace'] },
  };
}
