import { describe, expect, test } from 'vitest';

import { lxcEngine } from '../../../src/engine/lxc.ts';
import type { Facts } from '../../../src/host/facts.ts';
import { chooseBridge, lxcPaths } from '../../../src/host/lxc-paths.ts';
import type { SandboxSpec } from '../../../src/spec/spec.ts';
import { layeredRootfs, naturalRootfs, naturalTree, plainSpec, rootFacts, userFacts, wholeFindings } from '../../golden/facts.ts';

const overlay = { kind: 'directory', path: '/srv/debian', write: 'clone' } as const;
const bridged = { shareNetwork: true, bridge: 'lxcbr0' };
const withPaths = (...paths: string[]): Facts => ({
  ...rootFacts,
  paths: {
    ...rootFacts.paths,
    ...Object.fromEntries(paths.map((path) => [path, { kind: 'directory', uid: 0, gid: 0, mode: 0o755, idmappable: false }])),
  },
});

function problems(spec: Partial<SandboxSpec>, facts: Facts = rootFacts): string[] {
  return lxcEngine.check({ ...plainSpec, engine: 'lxc', ...spec }, facts).map(({ code, message }) => `${code}: ${message}`);
}

function plan(spec: Partial<SandboxSpec>, rootfs = naturalRootfs) {
  const input = {
    rootfs,
    facts: rootFacts,
    runId: '0123456789abcdef',
    idSlot: 0,
    sandboxDirectory: '/run/isolate/sandbox',
  };
  return lxcEngine.plan({ ...input, findings: wholeFindings, spec: { ...plainSpec, engine: 'lxc', ...spec } });
}

describe('the lxc engine', () => {
  test('accepts a plain run', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ root: overlay }, userFacts)).toEqual([]);
  });

  test('names what is missing', () => {
    expect(problems({}, { ...rootFacts, tools: { ...rootFacts.tools, 'lxc-execute': null } })).toEqual([
      'missing-tool: LXC (lxc-execute) is not installed.',
    ]);
    expect(problems({}, { ...rootFacts, userNamespaces: false })).toHaveLength(1);
    expect(problems({ limits: { pids: 1 } }, { ...rootFacts, cgroups: { cpu: null, memory: null, pids: null, others: [] } })).toHaveLength(
      1,
    );
  });

  test('needs subordinate ids where the caller is not root', () => {
    const message = 'cannot-enforce: The lxc engine needs subordinate ids, and you have none or no newuidmap to use them.';
    expect(problems({}, { ...userFacts, user: { ...userFacts.user, subordinateUids: [] } })).toEqual([message]);
    const withoutTools = { ...userFacts, tools: { ...userFacts.tools, newgidmap: null } };
    expect(problems({ root: overlay }, withoutTools)).toEqual([message]);
    // The daemon writes the maps of its clones itself.
    expect(problems({}, withoutTools)).toEqual([]);
  });

  test('needs a bridge that exists, root, and no overlay for a network', () => {
    expect(problems(bridged)).toEqual(['cannot-enforce: There is no network bridge named lxcbr0 on this host.']);
    expect(problems(bridged, withPaths('/sys/class/net/lxcbr0/bridge'))).toEqual([]);
    expect(problems({ ...bridged, root: overlay }, withPaths('/sys/class/net/lxcbr0/bridge'))).toEqual([
      'unsupported-option: The lxc engine cannot connect a throw-away overlay to a bridge.',
    ]);
    expect(problems(bridged, { ...userFacts, paths: withPaths('/sys/class/net/lxcbr0/bridge').paths })[0]).toBe(
      'not-permitted: Only root can connect a sandbox to a bridge.',
    );
  });

  test('takes br_vm where no bridge is named, else the bridge that LXC itself makes', () => {
    const unnamed = { shareNetwork: true, tun: false };
    const link = (...bridges: string[]) => {
      const facts = withPaths(...bridges.map((name) => `/sys/class/net/${name}/bridge`));
      return [...problems(unnamed, facts), chooseBridge({}, facts)];
    };
    expect([link('lxcbr0'), link('br_vm', 'lxcbr0'), link('br_vm'), link()]).toEqual([
      ['lxcbr0'],
      ['br_vm'],
      ['br_vm'],
      ['cannot-enforce: There is no network bridge named br_vm or lxcbr0 on this host.', 'br_vm'],
    ]);
  });

  test.each(['', '.', '..', '../eth0', 'a b', 'a\nlxc.hook.start=x', 'x'.repeat(16)])('refuses %j as the name of a bridge', (bridge) => {
    expect(problems({ shareNetwork: true, bridge }, withPaths(`/sys/class/net/${bridge}/bridge`))).toEqual([
      `bad-name: ${JSON.stringify(bridge)} is not a valid name for a network interface.`,
    ]);
  });

  test('needs the tunnel device for a tunnel', () => {
    const tunnel = { tun: true };
    expect(problems(tunnel)).toEqual(['cannot-enforce: /dev/net/tun does not exist on this host.']);
    expect(problems(tunnel, withPaths('/dev/net/tun'))).toEqual([]);
  });

  test.each(['/proc', '/proc/sys', '/sys', '/sys/fs', '/dev', '/dev/'])('refuses a bind to %s, which LXC would hide', (target) => {
    expect(problems({ binds: [{ source: '/etc/hosts', target, readOnly: true }] })).toEqual([
      `bad-bind: The lxc engine cannot bind anything to ${target}.`,
    ]);
  });

  test('runs nothing with ids of the host', () => {
    expect(problems({ uidBase: 0 })).toHaveLength(1);
    expect(() => plan({}, { parts: [{ ...naturalTree, idmappable: false }] })).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
  });

  test('connects nothing nested to a bridge, even unchecked', () => {
    expect(() => plan(bridged, layeredRootfs)).toThrow(expect.objectContaining({ code: 'unsupported-option' }));
  });

  test('lets no value add a line to the configuration', () => {
    expect(() => plan({ workingDirectory: '/a\nlxc.hook.start = /bin/sh' })).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
  });
});

test('the host is asked about the bridge and the tunnel device only where they are wanted', () => {
  const paths = (spec: Partial<SandboxSpec>): readonly string[] => lxcPaths({ ...plainSpec, ...spec });
  expect(paths({ bridge: 'b0' })).toEqual([]);
  expect(paths({ shareNetwork: true, bridge: 'b0', tun: true })).toEqual(['/sys/class/net/b0/bridge', '/dev/net/tun']);
  expect(paths({ shareNetwork: true })).toEqual(['/sys/class/net/br_vm/bridge', '/sys/class/net/lxcbr0/bridge']);
});

test('a directory that a configuration of LXC cannot hold is refused before anything is leased', () => {
  expect(lxcEngine.check({ ...plainSpec, workingDirectory: '/a\nlxc.hook.pre-start = /bin/id' }, rootFacts)).toEqual([
    {
      code: 'cannot-enforce',
      message: String.raw`The value "/a\nlxc.hook.pre-start = /bin/id" of lxc.init.cwd cannot be written in an LXC configuration.`,
      hint: 'use -e bwrap, which takes any value',
    },
  ]);
});
