import { rootName } from '../spec/root-ref.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** The longest name sethostname(2) takes. */
const longest = 64;

/** The host name of a sandbox: the requested one, or the last part of the dataset or directory, as far as a host name allows it. */
export function hostnameFor({ root, hostname }: Pick<SandboxSpec, 'root' | 'hostname'>): string {
  if (hostname !== undefined) return hostname;
  const last =
    rootName(root)
      .split('/')
      .findLast((part) => part !== '') ?? '';
  const name = last
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, longest)
    .replace(/[-.]+$/, '');
  return name === '' ? 'isolate' : name;
}

/** The /etc/hosts for a template that has none. */
export const defaultHosts = '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n';

/** The line of /etc/hosts for a name; one with dots is known by its first part too, as Debian writes it (hosts(5)). */
export function hostsLine(name: string): string {
  const [first = name] = name.split('.');
  return `127.0.1.1 ${first === name ? name : `${name} ${first}`}\n`;
}
