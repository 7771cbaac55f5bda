import type { SystemdContainer } from './systemd.ts';

/** The hyphen and the slash are what systemd-escape(1) is for. */
export const template = 'my-tank/busy-box';
export const instance = String.raw`my\x2dtank-busy\x2dbox`;

/** Programs of the template's, with the libraries they need. */
const files = ['/bin/id', '/bin/sleep', '/bin/touch'];
const libraries = ['libtinfo.so.6', 'libc.so.6', 'libselinux.so.1', 'libpcre2-8.so.0'];

/** Makes a pool in a file, and on it a dataset with a shell, id, sleep and touch, and a snapshot. */
export async function makeTemplate(system: SystemdContainer, dataset: string): Promise<void> {
  await system.must(['mkdir', '-p', '/var/run/zfs', '/var/lib/zfs', '/etc/isolate']);
  await system.must(['systemd-run', '--quiet', '--unit=zfs-daemon', 'zfs-fuse', '--no-daemon']);
  await until('zpool', async () => (await system.run(['zpool', 'list'])).status === 0);
  await system.must(['truncate', '-s', '1G', '/pool.img']);
  await system.must(['zpool', 'create', dataset.split('/')[0] ?? '', '/pool.img']);
  await system.must(['zfs', 'create', dataset]);
  const script = [
    `cd /${dataset}`,
    'mkdir bin dev etc home lib lib64 proc root run sys tmp usr var',
    'cp -a /bin/bash bin/sh',
    `cp ${files.join(' ')} bin/`,
    `cp -L ${libraries.map((name) => `/lib/x86_64-linux-gnu/${name}`).join(' ')} lib/`,
    'cp -L /lib64/ld-linux-x86-64.so.2 lib64/',
  ];
  await system.must(['sh', '-c', script.join(' && ')]);
  await system.must(['zfs', 'snapshot', `${dataset}@1`]);
}

/** Writes a file in the container, and the directory it lies in. */
export async function writeInside(system: SystemdContainer, file: string, text: string): Promise<void> {
  await system.must(['sh', '-c', 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"', 'sh', file, text]);
}

/** Looks again and again until `condition` holds; fails after a minute with what `describe` tells. */
export async function until(what: string, condition: () => Promise<boolean>, describe?: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() < deadline) continue;
    throw new Error(`not within a minute: ${what}; ${JSON.stringify(await describe?.())}`);
  }
}
