import type { FileSystemFlag } from '../launch/operations.ts';
import { frames, type FrameName } from './schema.ts';

/** What init prepares in a machine before the command, one after the other (schema.ts). */
export type Preparation =
  | { readonly kind: 'hostname'; readonly name: string }
  | { readonly kind: 'share'; readonly type: string; readonly tag: string; readonly options: string }
  | {
      readonly kind: 'bind';
      /** In the share. */
      readonly source: string;
      readonly target: string;
      readonly flags: readonly FileSystemFlag[];
      readonly create: 'directory' | 'file';
    }
  | {
      readonly kind: 'mount';
      readonly type: string;
      readonly target: string;
      readonly flags: readonly FileSystemFlag[];
      readonly options: string;
    }
  | { readonly kind: 'file'; readonly target: string; readonly content: string }
  | { readonly kind: 'link'; readonly directory: string; readonly name: string; readonly target: string }
  | { readonly kind: 'inside'; readonly source: string; readonly target: string; readonly flags: readonly FileSystemFlag[] }
  | {
      readonly kind: 'image';
      readonly file: string;
      readonly serial: string;
      readonly target: string;
      readonly flags: readonly FileSystemFlag[];
    }
  | { readonly kind: 'disk'; readonly serial: string; readonly tag: string }
  | { readonly kind: 'card'; readonly name: string }
  /** `broadcast` may be empty. */
  | { readonly kind: 'address'; readonly name: string; readonly address: string; readonly prefix: string; readonly broadcast: string }
  | { readonly kind: 'route'; readonly name: string; readonly destination: string; readonly prefix: string; readonly gateway: string }
  | { readonly kind: 'working-directory'; readonly path: string }
  | { readonly kind: 'user'; readonly user: string };

/** The frames of preparations, as the host's end of the machine sends them. */
export function encodeSetup(preparations: readonly Preparation[]): Uint8Array {
  return Buffer.concat(preparations.map((one) => encodeStrings(one.kind, stringsOf(one))));
}

/** One line for each, for people. */
export function describeSetup(preparations: readonly Preparation[]): string {
  return preparations
    .map(
      (one) =>
        `${one.kind} ${stringsOf(one)
          .map((text) => JSON.stringify(text))
          .join(' ')}\n`,
    )
    .join('');
}

function stringsOf(preparation: Preparation): readonly string[] {
  switch (preparation.kind) {
    case 'hostname':
      return [preparation.name];
    case 'share':
      return [preparation.type, preparation.tag, preparation.options];
    case 'bind':
      return [preparation.source, preparation.target, preparation.flags.join(','), preparation.create];
    case 'mount':
      return [preparation.type, preparation.target, preparation.flags.join(','), preparation.options];
    case 'file':
      return [preparation.target, preparation.content];
    case 'link':
      return [preparation.directory, preparation.name, preparation.target];
    case 'inside':
      return [preparation.source, preparation.target, preparation.flags.join(',')];
    case 'image':
      return [preparation.file, preparation.serial, preparation.target, preparation.flags.join(',')];
    case 'disk':
      return [preparation.serial, preparation.tag];
    case 'card':
      return [preparation.name];
    case 'address':
      return [preparation.name, preparation.address, preparation.prefix, preparation.broadcast];
    case 'route':
      return [preparation.name, preparation.destination, preparation.prefix, preparation.gateway];
    case 'working-directory':
      return [preparation.path];
    case 'user':
      return [preparation.user];
  }
}

function encodeStrings(name: FrameName, strings: readonly string[]): Buffer {
  const body = Buffer.from(strings.map((text) => `${text}\0`).join(''));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(((frames[name].kind << 24) | body.length) >>> 0);
  return Buffer.concat([header, body]);
}
