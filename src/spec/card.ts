import { IsolateError } from '../error.ts';
import { isIPv4, isIPv6 } from './ip.ts';
import type { Card, CardAddress, CardRoute } from './spec.ts';

/** The most items of one card. */
const mostItems = 50;

/**
 * A network card from `ITEM[,ITEM...]`: `dhcp`; or `address=IP[/PREFIX][%BROADCAST]` and `route=IP[/PREFIX]%GATEWAY`, each as often as
 * needed; and `mac=MAC`. Throws `usage`, and `unsupported-option` for what only a libvirt network has.
 */
export function parseCard(text: string): Card {
  const items = text.split(',');
  if (items.length > mostItems) throw mistake(`A network card has at most ${mostItems} items, and this has ${items.length}.`);
  const card = items.reduce<Card>(addItem, { dhcp: false, addresses: [], routes: [] });
  if (card.routes.length > 0 && card.addresses.length === 0) throw mistake('Cannot set static routes without addresses.');
  checkRoom(card.addresses, isIPv4, 4, 32);
  checkRoom(card.addresses, isIPv6, 1, 128);
  return card;
}

function addItem(card: Card, item: string): Card {
  const [, name = item, value] = /^([^=]*)=(.*)$/s.exec(item) ?? [];
  const hasOwn = card.addresses.length > 0 || card.routes.length > 0;
  if (item === 'dhcp') {
    if (hasOwn) throw mistake('Cannot request DHCP with static routes/addresses.');
    return { ...card, dhcp: true };
  }
  if (name === 'mac' && value !== undefined) return { ...card, mac: parseMac(value) };
  if (name === 'address' && value !== undefined) {
    if (card.dhcp) throw mistake('Cannot set static addresses with DHCP.');
    return { ...card, addresses: [...card.addresses, parseAddress(value)] };
  }
  if (name === 'route' && value !== undefined) {
    if (card.dhcp) throw mistake('Cannot set static routes with DHCP.');
    return { ...card, routes: [...card.routes, parseRoute(value)] };
  }
  if (name === 'source' || /^filter(?:\.|$)/.test(name)) {
    if (value === undefined) throw mistake(`No assignment in filter parameter configuration: ${JSON.stringify(item)}.`);
    throw new IsolateError('unsupported-option', `A network card of isolate has no ${name}: its network is QEMU's own, in user space.`, {
      hint: `leave ${name}= out`,
    });
  }
  throw mistake(`Unknown parameter ${JSON.stringify(item)}.`);
}

function mistake(message: string): IsolateError {
  return new IsolateError('usage', message, {
    hint: 'write --network dhcp, or --network address=IP/PREFIX,route=IP/PREFIX%GATEWAY; mac=MAC may stand in both',
  });
}

/** The network of the first address has room for all of them, and for a gateway and a name server. */
function checkRoom(addresses: readonly CardAddress[], isOfKind: (text: string) => boolean, least: number, bits: number): void {
  const [first, ...others] = addresses.filter(({ address }) => isOfKind(address));
  if (first === undefined) return;
  const most = bits - Math.ceil(Math.log2(others.length + 1 + 4));
  if (first.prefix >= least && first.prefix <= most) return;
  throw mistake(`The network of ${first.address}/${first.prefix} has no room: its prefix has to be from ${least} to ${most}.`);
}

/** Of one device; the second bit of the first byte says who gave it, and is the caller's affair. */
function parseMac(text: string): string {
  const mac = text.toLowerCase();
  if (/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0) return mac;
  throw mistake(`Unable to parse the MAC address ${JSON.stringify(text)} of one card.`);
}

function parseAddress(text: string): CardAddress {
  const [, whole = text, broadcast] = /^([^%]*)%(.*)$/s.exec(text) ?? [];
  const { ip, prefix } = parsePrefix(text, whole);
  if (broadcast === undefined) return { address: ip, prefix };
  if (!isIPv4(ip) || !isIPv4(broadcast))
    throw mistake(`Unable to parse address ${JSON.stringify(text)}: its broadcast address is not an IPv4 address.`);
  return { address: ip, prefix, broadcast };
}

function parseRoute(text: string): CardRoute {
  const [, whole, gateway = ''] = /^([^%]*)%(.*)$/s.exec(text) ?? [];
  if (whole === undefined) throw mistake(`Missing gateway in route ${JSON.stringify(text)}.`);
  const { ip, prefix } = parsePrefix(text, whole);
  if (!isSameKind(ip, gateway)) throw mistake(`Unable to parse address ${JSON.stringify(gateway)} in route ${JSON.stringify(text)}.`);
  return { destination: ip, prefix, gateway };
}

/** Without a prefix it is 24, or 64 for IPv6. */
function parsePrefix(whole: string, text: string): { readonly ip: string; readonly prefix: number } {
  const [, ip = text, digits] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? [];
  if (!isIPv4(ip) && !isIPv6(ip)) throw mistake(`Unable to parse address ${JSON.stringify(whole)}.`);
  const [usual, most] = isIPv4(ip) ? [24, 32] : [64, 128];
  const prefix = digits === undefined ? usual : Number(digits);
  if (prefix > most) throw mistake(`Unable to parse address ${JSON.stringify(whole)}: a prefix is at most ${most}.`);
  return { ip, prefix };
}

function isSameKind(one: string, other: string): boolean {
  return isIPv4(one) ? isIPv4(other) : isIPv6(other);
}
