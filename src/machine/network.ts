import type { Card } from '../spec/spec.ts';
import type { MachineCard, Subnet, UserNetwork } from './machine.ts';
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
    cards: wired.map(({ card: { mac }, network }) => ({ ...(mac === undefined ? {} : { mac }), network })),
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
  const own = ownSubnet(card, ipv4);
  const inIPv6 = ownSubnet(card, ipv6);
  const network = { ...(own ?? usualNetwork(index)), ...(inIPv6 === null ? {} : { ipv6: inIPv6 }) };
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

/** The network of the first address of this kind, which has room (spec/card.ts); null: there is none. */
function ownSubnet({ addresses, routes }: Card, { bits, has, read, write }: Family): Subnet | null {
  const own = addresses.filter(({ address }) => has(address));
  const [first] = own;
  if (first === undefined) return null;
  const { address, prefix } = first;
  const size = 1n << BigInt(bits - prefix);
  const start = (read(address) / size) * size;
  const taken = new Set(own.map((one) => read(one.address)));
  const free = (number = start + 1n): bigint => (taken.has(number) ? free(number + 1n) : number);
  const isFree = (number: bigint): boolean => number > start && number < start + size - 1n && !taken.has(number);
  const gateway = routes.flatMap((route) => (has(route.gateway) ? [read(route.gateway)] : [])).find(isFree) ?? free();
  taken.add(gateway);
  return { subnet: `${write(start)}/${prefix}`, address, gateway: write(gateway), nameServer: write(free()) };
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

/** One kind of IP: its addresses are numbers of so many bits. */
interface Family {
  readonly bits: number;
  readonly has: (address: string) => boolean;
  readonly read: (address: string) => bigint;
  readonly write: (number: bigint) => string;
}

const ipv4: Family = {
  bits: 32,
  has: (address) => address.includes('.') && !address.includes(':'),
  read: (address) => join(address.split('.').map(Number), 8n),
  write: (number) => split(number, 4, 8n).join('.'),
};

const ipv6: Family = {
  bits: 128,
  has: (address) => address.includes(':'),
  read: (address) => {
    const [head = [], tail = []] = normalize(address)
      .split('::')
      .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))));
    return join([...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail], 16n);
  },
  write: (number) =>
    normalize(
      split(number, 8, 16n)
        .map((group) => group.toString(16))
        .join(':'),
    ),
};

/** As RFC 5952 writes it. */
function normalize(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((number, part) => (number << bits) | BigInt(part), 0n);
}

function split(number: bigint, count: number, bits: bigint): readonly number[] {
  return Array.from({ length: count }, (_, index) => Number((number >> (bits * BigInt(count - 1 - index))) & ((1n << bits) - 1n)));
}
