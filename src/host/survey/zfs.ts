import { runCommand } from '../../process/command.ts';
import { hasSystemd } from '../daemon-start.ts';
import { parseRelease, isAtLeast } from '../kernel-release.ts';
import { readText } from '../read-text.ts';
import { findTool } from '../tools.ts';
import { type Check, ok } from './check.ts';
import type { ProgramSearch } from './programs.ts';

const limitMs = 5000;
const install = 'apt-get install zfsutils-linux zfs-dkms (contrib), or zfs-fuse';

/** Which ZFS there is, and whether it answers. */
export async function checkZfs(search: ProgramSearch): Promise<Check> {
  const zpool = findTool('zpool', search.rights, search.path);
  if (zpool === null) return { id: 'zfs', state: 'missing', fact: 'the zfs and zpool commands are not installed', hint: install };
  const version = readText('/sys/module/zfs/version')?.trim() ?? null;
  const problem = await askPools(zpool);
  if (problem !== null && search.rights === 'user' && /permission denied/i.test(problem)) {
    return { id: 'zfs', state: 'limited', fact: 'only root may use ZFS here; the daemon does so for the group isolate' };
  }
  if (version !== null) return judgeModule(version, problem);
  const daemon = findTool('zfs-fuse', search.rights, search.path);
  if (daemon === null) {
    return {
      id: 'zfs',
      state: 'missing',
      fact: 'the zfs kernel module is not loaded',
      hint: 'apt-get install zfs-dkms (contrib), then modprobe zfs',
    };
  }
  if (problem !== null)
    return {
      id: 'zfs',
      state: 'missing',
      fact: `zfs-fuse does not run: ${problem}`,
      hint: hasSystemd() ? 'systemctl start zfs-fuse' : 'start zfs-fuse, as root',
    };
  return {
    id: 'zfs',
    state: 'limited',
    fact: 'zfs-fuse runs: root inside cannot change owners, so apt-get does not work in clones',
    hint: 'apt-get install zfsutils-linux zfs-dkms (contrib); or use -t DIR --ephemeral, where apt-get works',
  };
}

function judgeModule(version: string, problem: string | null): Check {
  const fact = `OpenZFS ${version} in the kernel`;
  const release = parseRelease(version);
  if (problem !== null) return { id: 'zfs', state: 'limited', fact: `${fact}, but zpool fails: ${problem}` };
  if (!isAtLeast(release, 2, 1))
    return { id: 'zfs', state: 'too-old', fact: `${fact}; 2.1 or later is needed`, hint: 'upgrade to Debian 12 or later' };
  if (!isAtLeast(release, 2, 2)) {
    return {
      id: 'zfs',
      state: 'limited',
      fact: `${fact}; idmapped mounts came with 2.2, so clones are made with shifted owners`,
      hint: 'apt-get install -t bookworm-backports zfs-dkms',
    };
  }
  return ok('zfs', fact);
}

/** Null if the pools can be listed, else what the tool says. */
async function askPools(zpool: string): Promise<string | null> {
  try {
    const { exitCode, stderr } = await runCommand({ file: zpool, args: ['list', '-H', '-o', 'name'], timeoutMs: limitMs });
    return exitCode === 0 ? null : (stderr.trim().split('\n')[0] ?? `status ${exitCode}`);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
