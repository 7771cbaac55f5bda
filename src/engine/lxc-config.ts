import { IsolateError } from '../error.ts';
import { escapeField } from '../host/mountinfo.ts';

/** One line of a container's configuration. (lxc.container.conf(5)) */
export type LxcSetting = readonly [key: string, value: string];

/** One line of an fstab inside the configuration; `target` is relative to the rootfs. */
export interface LxcMountEntry {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/**
 * The configuration as the bytes that LXC reads. Every value is quoted; LXC removes one pair of quotes, so that blanks at its ends and
 * quotes in it stay. Throws `cannot-enforce` for what the format cannot express, such as a control character: a newline could add a hook
 * that runs on the host as root.
 */
export function encodeLxcConfig(settings: readonly LxcSetting[]): Uint8Array {
  return new TextEncoder().encode(settings.map(formatSetting).join(''));
}

/** The value of `lxc.mount.entry`; separators of fields and options are written in octal (getmntent(3)). */
export function formatMountEntry({ source, target, type, options }: LxcMountEntry): string {
  return [source, target, type, options.join(',')].map(escapeField).join(' ');
}

function formatSetting([key, value]: LxcSetting): string {
  if (!/^lxc(\.[a-z0-9_]+)+$/.test(key)) throw refusal(`The key ${JSON.stringify(key)}`);
  // An empty value would clear the key.
  if (value === '') throw refusal(`An empty value of ${key}`);
  if (hasForbiddenCharacter(value)) throw refusal(`The value ${JSON.stringify(value)} of ${key}`);
  return `${key} = "${value}"\n`;
}

/** Lone surrogates have no bytes in UTF-8 and would be replaced. */
function hasForbiddenCharacter(value: string): boolean {
  return !value.isWellFormed() || /\p{Cc}/u.test(value);
}

function refusal(what: string): IsolateError {
  return new IsolateError('cannot-enforce', `${what} cannot be written in an LXC configuration.`, {
    hint: 'use -e bwrap, which takes any value',
  });
}
