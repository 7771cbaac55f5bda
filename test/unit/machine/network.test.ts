import fc from 'fast-check';
import { BlockList } from 'node:net';
import { expect, test } from 'vitest';

import { planNetwork } from '../../../src/machine/network.ts';
import { parseCard } from '../../../src/spec/card.ts';

const plan = (...cards: readonly string[]) => planNetwork(cards.map(parseCard));
const lo = { kind: 'card', name: 'lo' };

test('without a card there are the machine itself and nobody to ask for names', () => {
  expect(plan()).toEqual({ cards: [], preparations: [lo], nameServer: null });
});

test('cards with DHCP get networks of their own, and the first the way out', () => {
  expect(plan('dhcp', 'dhcp,mac=52:54:00:aa:bb:cc')).toEqual({
    cards: [
      { network: { subnet: '10.0.2.0/24', address: '10.0.2.15', gateway: '10.0.2.2', nameServer: '10.0.2.3' } },
      { mac: '52:54:00:aa:bb:cc', network: { subnet: '10.0.3.0/24', address: '10.0.3.15', gateway: '10.0.3.2', nameServer: '10.0.3.3' } },
    ],
    preparations: [
      lo,
      { kind: 'card', name: 'eth0' },
      { kind: 'address', name: 'eth0', address: '10.0.2.15', prefix: '24', broadcast: '' },
      { kind: 'route', name: 'eth0', destination: '0.0.0.0', prefix: '0', gateway: '10.0.2.2' },
      { kind: 'card', name: 'eth1' },
      { kind: 'address', name: 'eth1', address: '10.0.3.15', prefix: '24', broadcast: '' },
    ],
    nameServer: '10.0.2.3',
  });
});

test('a card with an address is in the network of that, in which the gateway of its route is', () => {
  expect(plan('address=10.9.1.1/16%10.9.255.255,route=0.0.0.0/0%10.9.0.1')).toEqual({
    cards: [{ network: { subnet: '10.9.0.0/16', address: '10.9.1.1', gateway: '10.9.0.1', nameServer: '10.9.0.2' } }],
    preparations: [
      lo,
      { kind: 'card', name: 'eth0' },
      { kind: 'address', name: 'eth0', address: '10.9.1.1', prefix: '16', broadcast: '10.9.255.255' },
      { kind: 'route', name: 'eth0', destination: '0.0.0.0', prefix: '0', gateway: '10.9.0.1' },
    ],
    nameServer: '10.9.0.2',
  });
});

test('a card without addresses stays down', () => {
  expect(plan('mac=52:54:00:aa:bb:cc').preparations).toEqual([lo]);
});

test('a card with an IPv6 address is in the network of that too, in which the gateway of its route is', () => {
  const usual = { subnet: '10.0.2.0/24', address: '10.0.2.15', gateway: '10.0.2.2', nameServer: '10.0.2.3' };
  expect(plan('address=2001:db8::2/64,route=::/0%2001:db8::9')).toEqual({
    cards: [
      {
        network: { ...usual, ipv6: { subnet: '2001:db8::/64', address: '2001:db8::2', gateway: '2001:db8::9', nameServer: '2001:db8::1' } },
      },
    ],
    preparations: [
      lo,
      { kind: 'card', name: 'eth0' },
      { kind: 'address', name: 'eth0', address: '2001:db8::2', prefix: '64', broadcast: '' },
      { kind: 'route', name: 'eth0', destination: '::', prefix: '0', gateway: '2001:db8::9' },
    ],
    nameServer: '2001:db8::1',
  });
  expect(plan('address=2001:db8:1:2:3:4:5:1/112,address=10.9.0.2').cards).toEqual([
    {
      network: {
        subnet: '10.9.0.0/24',
        address: '10.9.0.2',
        gateway: '10.9.0.1',
        nameServer: '10.9.0.3',
        ipv6: {
          subnet: '2001:db8:1:2:3:4:5:0/112',
          address: '2001:db8:1:2:3:4:5:1',
          gateway: '2001:db8:1:2:3:4:5:2',
          nameServer: '2001:db8:1:2:3:4:5:3',
        },
      },
    },
  ]);
});

test('gateway and name server are in the network of any address, and neither is anybody else', () => {
  const octet = fc.integer({ min: 1, max: 254 });
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), fc.integer({ min: 8, max: 29 }), (octets, prefix) => {
      const address = octets.join('.');
      const [card] = plan(`address=${address}/${prefix}`).cards;
      const { subnet = '', gateway = '', nameServer = '' } = card?.network ?? {};
      const [start = '', length] = subnet.split('/');
      const within = new BlockList();
      within.addSubnet(start, prefix);
      expect([length, within.check(address), within.check(gateway), within.check(nameServer)]).toEqual([String(prefix), true, true, true]);
      expect(new Set([start, address, gateway, nameServer]).size).toBe(address === start ? 3 : 4);
    }),
  );
});
