import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';

import { isMounted, makeClone, makePlace, startShelf } from '../rig/shelf.ts';

const { EBUSY, EINVAL, ENODEV, ENOENT, ENXIO } = constants.errno;

describe('the shelf', () => {
  it('has a clone that the host does not see, and gives it back as it was', async () => {
    const { shelf, clones } = makePlace();
    const path = makeClone(clones, '1');
    const { child, ask } = await startShelf(shelf);
    expect({ look: await ask('look'), take: await ask(`take ${path}`), drop: await ask(`drop ${path}`) }).toEqual({
      look: -1,
      take: ENXIO,
      drop: 0,
    });
    expect({ put: await ask(`put ${path}`), mounted: isMounted(path) }).toEqual({ put: 0, mounted: false });
    const root = `/proc/${child.pid}/fd/${await ask('look')}`;
    expect(readFileSync(`${root}${path}/file`, 'utf8')).toBe('1');
    writeFileSync(`${root}${path}/made`, '');
    expect({ take: await ask(`take ${path}`), mounted: isMounted(path), left: readdirSync(`${root}${clones}`) }).toEqual({
      take: 0,
      mounted: true,
      left: [],
    });
    expect(readdirSync(path).toSorted()).toEqual(['file', 'made']);
  });

  it('outlives those who put clones on it, and is one for all', async () => {
    const { shelf, clones } = makePlace();
    const paths = Array.from({ length: 12 }, (_, index) => makeClone(clones, String(index)));
    const keepers = await Promise.all(paths.map(() => startShelf(shelf)));
    expect(await Promise.all(keepers.map(({ ask }, index) => ask(`put ${paths[index]}`)))).toEqual(paths.map(() => 0));
    for (const { child } of keepers) child.kill('SIGKILL');
    await Promise.all(keepers.map(async ({ child }) => child.signalCode ?? once(child, 'exit')));
    const { child, ask } = await startShelf(shelf);
    expect(readdirSync(`/proc/${child.pid}/fd/${await ask('look')}${clones}`)).toHaveLength(paths.length);
    expect(paths.filter((path) => isMounted(path))).toEqual([]);
  });

  it('is seen from a copy of the mount namespace, which has not its binding', async () => {
    const { shelf, clones } = makePlace();
    const path = makeClone(clones, '1');
    expect(await (await startShelf(shelf)).ask(`put ${path}`)).toBe(0);
    const { ask } = await startShelf(shelf, ['unshare', '--mount', '--propagation', 'private']);
    expect(await ask(`take ${path}`)).toBe(0);
    expect(isMounted(path)).toBe(false);
  });

  it('leaves where it is what is in use, and what is no mount', async () => {
    const { shelf, clones } = makePlace();
    const path = makeClone(clones, '1');
    const holder = spawn('sleep', ['60'], { cwd: path, stdio: 'ignore' });
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder, 'spawn');
    const { child, ask } = await startShelf(shelf);
    expect({ put: await ask(`put ${path}`), mounted: isMounted(path) }).toEqual({ put: EBUSY, mounted: true });
    expect(existsSync(`/proc/${child.pid}/fd/${await ask('look')}${path}`)).toBe(false);
    expect(await Promise.all([`put ${clones}`, `put ${clones}/none`, 'put clone', 'paint /'].map(ask))).toEqual([
      ENODEV,
      ENOENT,
      EINVAL,
      EINVAL,
    ]);
  });

  it('keeps a clone that is in use when it is to be dropped, and forgets it otherwise', async () => {
    const { shelf, clones } = makePlace();
    const path = makeClone(clones, '1');
    const { child, ask } = await startShelf(shelf);
    await ask(`put ${path}`);
    const root = `/proc/${child.pid}/fd/${await ask('look')}`;
    const holder = spawn('sleep', ['60'], { cwd: `${root}${path}`, stdio: 'ignore' });
    await once(holder, 'spawn');
    expect(await ask(`drop ${path}`)).toBe(EBUSY);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect({ first: await ask(`drop ${path}`), again: await ask(`drop ${path}`), take: await ask(`take ${path}`) }).toEqual({
      first: 0,
      again: 0,
      take: ENOENT,
    });
    expect(readdirSync(`${root}${clones}`)).toEqual([]);
  });

  it('adds two mounts to the host, however many clones it has', async () => {
    const { shelf, clones } = makePlace();
    const count = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;
    const before = count();
    const { ask } = await startShelf(shelf);
    for (let number = 0; number < 40; number += 1) expect(await ask(`put ${makeClone(clones, String(number))}`)).toBe(0);
    expect(count()).toBe(before + 2);
  });
});
