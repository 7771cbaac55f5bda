import type { Card } from '../spec/spec.ts';
import type { MachineCard, UserNetwork } from './machine.ts';
import type { Preparation } from './setup.ts';

/** The cards of a machine, and what its init does with them. */
export interface NetworkPlan {
  readonly cards: readonly MachineCard[];
  readonly preparations: readonly Preparation[];
  /** Where the machine asks for names; null: none of its cards reaches a network. */
  readonly nameServer: string | null;
}

/**
 * Gives each card a network in user space that its addresses are in, so that they reach the host. What DHCP would tell is known before, so
 * the machine needs none.
 */
export function planNetwork(cards: readonly Card[]): NetworkPlan {
  const first = cards.findIndex(({ dhcp }) => dhcp);
  const wired = cards.map((card, index) => wire(card, index));
  return {
    cards: wired.map(({ network }, index) => ({ ...macOf(cards[index]), network })),
    preparations: [
      // The kernel gives it its addresses.
      { kind: 'card', name: 'lo' },
      ...wired.flatMap(({ card, network }, index) => prepareCard(`eth${index}`, card, index === first ? network.gateway : null)),
    ],
    nameServer: wired.map(nameServerOf).find((server) => server !== null) ?? null,
  };
}

interface Wired {
  readonly card: Card;
  readonly network: UserNetwork;
  /** The card has an address in it. */
  readonly reaches: boolean;
}

function wire(card: Card, index: number): Wired {
  const own = ownNetwork(card);
  const ipv6 = ownIPv6Network(card);
  const network = { ...(own ?? usualNetwork(index)), ...(ipv6 === null ? {} : { ipv6 }) };
  if (!card.dhcp) return { card, network, reaches: own !== null };
  return { card: { ...card, addresses: [{ address: network.address, prefix: 24 }] }, network, reaches: true };
}

function nameServerOf({ network, reaches }: Wired): string | null {
  return reaches ? network.nameServer : (network.ipv6?.nameServer ?? null);
}

/** As QEMU has it by itself, but each card has another. */
function usualNetwork(index: number): UserNetwork {
  const subnet = `10.0.${2 + index}`;
  return { subnet: `${subnet}.0/24`, address: `${subnet}.15`, gateway: `${subnet}.2`, nameServer: `${subnet}.3` };
}

/** The network of the first IPv4 address, which has room (spec/card.ts); null: there is none. */
function ownNetwork({ addresses, routes }: Card): UserNetwork | null {
  const first = addresses.find(({ address }) => address.includes('.'));
  if (first === undefined) return null;
  const { address, prefix } = first;
  const size = 2 ** (32 - prefix);
  const start = Math.floor(toNumber(address) / size) * size;
  const isWithin = (text: string): boolean => text.includes('.') && toNumber(text) > start && toNumber(text) < start + size - 1;
  const taken = new Set(addresses.map((one) => one.address));
  const free = (): string => {
    for (let number = start + 1; ; number += 1) {
      const text = toText(number);
      if (taken.has(text)) continue;
      taken.add(text);
      return text;
    }
  };
  const given = routes.map((route) => route.gateway).find((gateway) => isWithin(gateway) && !taken.has(gateway));
  if (given !== undefined) taken.add(given);
  const gateway = given ?? free();
  return { subnet: `${toText(start)}/${prefix}`, address, gateway, nameServer: free() };
}

/** The same for the first IPv6 address. */
function ownIPv6Network({ addresses, routes }: Card): NonNullable<UserNetwork['ipv6']> | null {
  const first = addresses.find(({ address }) => address.includes(':'));
  if (first === undefined) return null;
  const taken = new Set(addresses.filter(({ address }) => address.includes(':')).map(({ address }) => toBits(address)));
  const free = (wanted: bigint): bigint => (taken.has(wanted) ? free(wanted + 1n) : wanted);
  const start = (toBits(first.address) >> BigInt(128 - first.prefix)) << BigInt(128 - first.prefix);
  const isWithin = (bits: bigint): boolean => bits >> BigInt(128 - first.prefix) === start >> BigInt(128 - first.prefix);
  const given = routes
    .filter(({ gateway }) => gateway.includes(':'))
    .map(({ gateway }) => toBits(gateway))
    .find((bits) => isWithin(bits) && !taken.has(bits));
  const gateway = given ?? free(start + 1n);
  taken.add(gateway);
  return { subnet: `${toIPv6(start)}/${first.prefix}`, gateway: toIPv6(gateway), nameServer: toIPv6(free(start + 1n)) };
}

function prepareCard(name: string, { addresses, routes }: Card, gateway: string | null): Preparation[] {
  if (addresses.length === 0) return [];
  return [
    { kind: 'card', name },
    ...addresses.map(({ address, prefix, broadcast = '' }): Preparation => ({
      kind: 'address',
      name,
      address,
      prefix: String(prefix),
      broadcast,
    })),
    ...(gateway === null ? [] : [{ kind: 'route', name, destination: '0.0.0.0', prefix: '0', gateway } as const]),
    ...routes.map(({ destination, prefix, gateway: by }): Preparation => ({
      kind: 'route',
      name,
      destination,
      prefix: String(prefix),
      gateway: by,
    })),
  ];
}

function macOf(card: Card | undefined): Pick<MachineCard, 'mac'> {
  return card?.mac === undefined ? {} : { mac: card.mac };
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.');
}

/** An IPv6 address as a number. */
function toBits(address: string): bigint {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...(first ?? []), ...Array.from({ length: 8 - (first?.length ?? 0) - (last?.length ?? 0) }, () => '0'), ...(last ?? [])];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function toIPv6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(16 * (7 - index))) & 0xff_ffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
