import { IsolateError } from '../error.ts';

const nameCharacters = /^[A-Za-z0-9_.:-]+$/;

/** ZFS allows 255 bytes in all (ZFS_MAX_DATASET_NAME_LEN is 256 with its NUL); a clone's name is its template's, an underscore and up to 20 digits. */
const maximumDatasetLength = 255 - 1 - 20;

/** The longest network interface name: IFNAMSIZ less the terminating NUL. */
const maximumInterfaceLength = 15;

/** A dataset that can be a template with clones beside it: `POOL/NAME[/NAME]...`, with parts of `[A-Za-z0-9_.:-]`. Throws `bad-name`. */
export function parseDataset(text: string): string {
  const refuse = (reason: string, hint?: string): never => {
    throw new IsolateError(
      'bad-name',
      `${JSON.stringify(text)} is not a dataset that isolate can use: ${reason}.`,
      hint === undefined ? {} : { hint },
    );
  };
  if (text.startsWith('/') || text.startsWith('./')) {
    refuse('it looks like a directory', '-t runs on a directory, -z on a clone of a dataset');
  }
  if (/[@#]/.test(text)) {
    refuse(
      'it names a snapshot or bookmark',
      `name the dataset, ${JSON.stringify(text.replace(/[@#].*/s, ''))}: a run gets a clone of its newest snapshot`,
    );
  }
  if (text.length > maximumDatasetLength) {
    refuse(`it is longer than ${maximumDatasetLength} characters`);
  }
  for (const part of text.split('/')) {
    const reason = whyNotName(part);
    if (reason !== null) {
      refuse(reason);
    }
  }
  if (!/^[A-Za-z]/.test(text)) {
    refuse('the name of a pool begins with a letter');
  }
  if (!text.includes('/')) {
    refuse(
      'it is a whole pool, and clones are made beside their template',
      `put the template into a dataset of the pool, as in ${text}/template`,
    );
  }
  return text;
}

/** The name of a network interface of the host (a bridge). Throws `bad-name`. */
export function parseInterfaceName(option: string, text: string): string {
  const reason = text.length > maximumInterfaceLength ? `it is longer than ${maximumInterfaceLength} characters` : whyNotName(text);
  if (reason !== null) {
    throw new IsolateError('bad-name', `${option} ${JSON.stringify(text)} is not an interface name: ${reason}.`);
  }
  return text;
}

/** The longest name that sethostname(2) accepts. */
const maximumHostnameLength = 64;

/** A name that a sandbox can have as its host name: labels of letters, digits and `-`, with dots between them. Throws `bad-name`. */
export function parseHostname(option: string, text: string): string {
  const reason =
    text.length > maximumHostnameLength
      ? `it is longer than ${maximumHostnameLength} characters`
      : /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text)
        ? null
        : 'only letters, digits and "-" are allowed, with dots between the parts';
  if (reason !== null) throw new IsolateError('bad-name', `${option} ${JSON.stringify(text)} is not a host name: ${reason}.`);
  return text;
}

/** `NAME|UID[:GROUP|GID]`; names are those of useradd(8), and a little more. `what` takes it in the error. Throws `usage`. */
export function parseUser(what: string, text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?(?::[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255})?$/.test(text)) return text;
  throw new IsolateError('usage', `${what} takes a name or number, optionally with a colon and a group, not ${JSON.stringify(text)}.`);
}

function whyNotName(name: string): string | null {
  if (name === '') {
    return 'a part of it is empty';
  }
  if (!nameCharacters.test(name)) {
    return 'only letters, digits and "_.:-" are allowed';
  }
  if (name.startsWith('-')) {
    return 'a part of it begins with "-"';
  }
  return name === '.' || name.includes('..') ? 'a part of it is "." or contains ".."' : null;
}

/** The name of a session: fit for a file name, a word of a shell and the part before a colon. Throws `bad-name`. */
export function parseSessionName(text: string): string {
  if (isSessionName(text)) return text;
  throw new IsolateError('bad-name', `${JSON.stringify(text)} is not a session name.`, {
    hint: 'use up to 64 letters, digits, "_", "." and "-", and begin with a letter or a digit',
  });
}

export function isSessionName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text);
}

/** Whether a text can be the release of a kernel, as uname(2) says it; it is one part of a path. */
export function isKernelRelease(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,99}$/.test(text);
}
