import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SystemdContainer } from '../../rig/systemd.ts';
import { instance, template, until, writeInside } from '../../rig/systemd-template.ts';

const service = `isolate-refresh@${instance}.service`;
const path = `isolate-refresh@${instance}.path`;
const timer = `isolate-refresh@${instance}.timer`;
const size = 3;

let system: SystemdContainer;

/** The units that refresh one template, without the daemon. */
export function testRefreshUnits(container: () => SystemdContainer): void {
  describe('the units that refresh a template', () => {
    beforeAll(async () => {
      system = container();
      await configure(`count = 50\n[templates."${template}"]\ncount = ${String(size)}\n`);
    });
    afterAll(async () => {
      await system.must(['systemctl', 'disable', '--now', path, timer, service]);
    });

    test('the group and the state directories are there before any run', async () => {
      expect(await system.must(['stat', '-c', '%U %G %a %n', '/run/isolate', '/run/isolate/signal'])).toBe(
        'root root 755 /run/isolate\nroot root 700 /run/isolate/signal\n',
      );
      expect(await system.must(['getent', 'group', 'isolate'])).toMatch(/^isolate:x:[0-9]+:\n$/);
    });

    test('the instance that systemd-escape makes fills the pool to the size of the config file', async () => {
      expect(await system.must(['systemd-escape', template])).toBe(`${instance}\n`);
      await system.must(['systemctl', 'enable', '--now', path, timer, service], 120_000);
      expect(await pool()).toEqual({ fresh: size, leased: 0, retired: 0 });
      expect((await system.run(['systemctl', 'is-active', path, timer])).stdout).toBe('active\nactive\n');
    });

    test('the clones that a refresh makes wait on the shelf, not on the host', async () => {
      expect(await system.must(['cat', '/proc/1/mounts'])).not.toContain(`${template}_`);
    });

    test('a refresh shares the mount namespace of the host', async () => {
      const tell = ['[Service]', "ExecStartPost=/bin/sh -c 'readlink /proc/self/ns/mnt > /run/refreshed-in'", ''].join('\n');
      await writeInside(system, `/run/systemd/system/${service}.d/tell.conf`, tell);
      await system.must(['systemctl', 'daemon-reload']);
      await system.must(['systemctl', 'start', service]);
      expect(await system.must(['cat', '/run/refreshed-in'])).toBe(await system.must(['readlink', '/proc/1/ns/mnt']));
      await system.must(['rm', '-r', `/run/systemd/system/${service}.d`]);
      await system.must(['systemctl', 'daemon-reload']);
    });

    test('the path unit refills the pool after a run', async () => {
      const before = await clones();
      expect(await run('echo it runs')).toEqual({ status: 0, stdout: 'it runs\n', stderr: '' });
      await untilFull();
      const after = await clones();
      expect(after).toHaveLength(size);
      expect(after.filter((clone) => !before.includes(clone))).toHaveLength(1);
    });

    test('a run that ends while a refresh is under way is not lost', async () => {
      // The service stays active after its refresh has looked for the last time, until it is let go.
      const hold = ['[Service]', "ExecStartPost=/bin/sh -c 'touch /run/held; while [ ! -e /run/go ]; do sleep 0.02; done'", ''].join('\n');
      await writeInside(system, `/run/systemd/system/${service}.d/hold.conf`, hold);
      await system.must(['systemctl', 'daemon-reload']);
      expect((await run('exit 7')).status).toBe(7);
      await until('the service is held', async () => (await system.run(['test', '-e', '/run/held'])).status === 0);
      expect(await system.run(['systemctl', 'is-active', service])).toMatchObject({ stdout: 'activating\n' });
      expect((await run('exit 8')).status).toBe(8);
      expect((await pool()).fresh).toBeLessThan(size);
      await system.must(['touch', '/run/go']);
      await untilFull();
      await system.must(['rm', '-r', `/run/systemd/system/${service}.d`]);
      await system.must(['systemctl', 'daemon-reload']);
    });

    test('a refresh that fails does not run again by itself, and the next run mends it', async () => {
      await configure('count = "many"\n');
      expect((await run('exit 0')).status).toBe(0);
      await until('the service fails', async () => (await system.run(['systemctl', 'is-failed', service])).stdout === 'failed\n');
      expect(await system.must(['journalctl', '--no-pager', '-o', 'cat', '-u', service])).toContain(
        '/etc/isolate/config.toml is not valid: line 1, count: ',
      );
      expect((await system.run(['systemctl', 'is-active', path])).stdout).toBe('active\n');
      expect((await system.run(['systemctl', 'is-failed', service])).stdout).toBe('failed\n');
      await configure(`count = ${String(size)}\n`);
      expect((await run('exit 0')).status).toBe(0);
      await untilFull();
    });
  });
}

async function run(script: string) {
  return await system.run(['isolate', '-q', '-z', template, '--', '/bin/sh', '-c', script]);
}

async function configure(text: string): Promise<void> {
  await writeInside(system, '/etc/isolate/config.toml', text);
}

async function clones(): Promise<string[]> {
  const names = await system.must(['zfs', 'list', '-H', '-r', '-o', 'name', 'my-tank']);
  return names.split('\n').filter((name) => name.startsWith(`${template}_`));
}

async function pool() {
  const count = async (state: string) => {
    const listed = await system.must(['ls', '-A', `/run/isolate/pools/${instance}/${state}`]);
    return listed.split('\n').filter((name) => name !== '').length;
  };
  return { fresh: await count('fresh'), leased: await count('leased'), retired: await count('retired') };
}

async function untilFull(): Promise<void> {
  await until(
    'the pool is full',
    async () => {
      const { fresh, leased, retired } = await pool();
      const idle = (await system.run(['systemctl', 'is-active', service])).stdout === 'inactive\n';
      return idle && fresh === size && leased === 0 && retired === 0;
    },
    pool,
  );
}
