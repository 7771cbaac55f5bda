import { expect, test } from 'vitest';

import { parseCard } from '../../../src/spec/card.ts';

test('a card has what DHCP gives it, or addresses and routes of its own', () => {
  expect(parseCard('dhcp,mac=52:54:00:AA:bb:cc')).toEqual({ dhcp: true, mac: '52:54:00:aa:bb:cc', addresses: [], routes: [] });
  expect(
    parseCard(
      'address=10.9.0.2/16%10.9.255.255,address=10.9.1.2,address=2001:db8::2,route=10.8.0.0/16%10.9.0.1,route=2001:db9::%2001:db8::1',
    ),
  ).toEqual({
    dhcp: false,
    addresses: [
      { address: '10.9.0.2', prefix: 16, broadcast: '10.9.255.255' },
      { address: '10.9.1.2', prefix: 24 },
      { address: '2001:db8::2', prefix: 64 },
    ],
    routes: [
      { destination: '10.8.0.0', prefix: 16, gateway: '10.9.0.1' },
      { destination: '2001:db9::', prefix: 64, gateway: '2001:db8::1' },
    ],
  });
  expect(parseCard('mac=02:00:00:00:00:01')).toEqual({ dhcp: false, mac: '02:00:00:00:00:01', addresses: [], routes: [] });
});

test.each([
  ['address=10.0.0.2,dhcp', 'Cannot request DHCP with static routes/addresses.'],
  ['dhcp,address=10.0.0.2', 'Cannot set static addresses with DHCP.'],
  ['dhcp,route=10.0.0.0%10.0.0.1', 'Cannot set static routes with DHCP.'],
  ['route=10.0.0.0%10.0.0.1', 'Cannot set static routes without addresses.'],
  ['address=10.0.0.2,route=10.0.0.0/8', 'Missing gateway in route "10.0.0.0/8".'],
  ['address=10.0.0.300', 'Unable to parse address "10.0.0.300".'],
  ['address=10.0.0.2/33', 'Unable to parse address "10.0.0.2/33": a prefix is at most 32.'],
  ['address=2001:db8::1/129', 'Unable to parse address "2001:db8::1/129": a prefix is at most 128.'],
  ['address=2001:db8::1%10.0.0.1', 'Unable to parse address "2001:db8::1%10.0.0.1": its broadcast address is not an IPv4 address.'],
  ['address=10.0.0.2,route=10.1.0.0%2001:db8::1', 'Unable to parse address "2001:db8::1" in route "10.1.0.0%2001:db8::1".'],
  ['address=10.0.0.2/30', 'The network of 10.0.0.2/30 has no room: its prefix has to be from 4 to 29.'],
  ['address=10.0.0.2/3', 'The network of 10.0.0.2/3 has no room: its prefix has to be from 4 to 29.'],
  [
    'address=10.0.0.1/29,address=10.0.0.2,address=10.0.0.3,address=10.0.0.4,address=10.0.0.5',
    'The network of 10.0.0.1/29 has no room: its prefix has to be from 4 to 28.',
  ],
  ['address=2001:db8::1/128', 'The network of 2001:db8::1/128 has no room: its prefix has to be from 1 to 125.'],
  ['mac=01:00:00:00:00:01', 'Unable to parse the MAC address "01:00:00:00:00:01" of one card.'],
  ['mac=52:54:00:aa:bb', 'Unable to parse the MAC address "52:54:00:aa:bb" of one card.'],
  ['filter.ip', 'No assignment in filter parameter configuration: "filter.ip".'],
  ['', 'Unknown parameter "".'],
  ['dhcp=1', 'Unknown parameter "dhcp=1".'],
  ['speed=fast', 'Unknown parameter "speed=fast".'],
  [Array.from({ length: 51 }, () => 'dhcp').join(','), 'A network card has at most 50 items, and this has 51.'],
])('the card %s is refused with its own error', (text, message) => {
  expect(() => parseCard(text)).toThrow(expect.objectContaining({ code: 'usage', message }));
});

test.each(['source=default', 'filter=clean-traffic', 'filter.ip=10.0.0.2'])('%s is of a libvirt network, and refused as that', (text) => {
  expect(() => parseCard(text)).toThrow(
    expect.objectContaining({
      code: 'unsupported-option',
      message: `A network card of isolate has no ${text.split('=')[0] ?? ''}: its network is QEMU's own, in user space.`,
    }),
  );
});
