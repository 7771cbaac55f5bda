import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';

import type { FillingPlace } from '../fill/place.ts';
import { type Member, parseMember, tidy } from './archive-list.ts';
import type { ImageFiles } from './image-files.ts';
import { bad } from './json.ts';
import { outputOf } from './program-output.ts';

const mostMembers = 100_000;
const longestChain = 8;
const tar = ['tar', '--file=-', '--numeric-owner', '--quoting-style=escape'] as const;

/**
 * The files in an uncompressed archive that is open as `descriptor`, named `name`: tar(1) reads them one by one, in the filling sandbox,
 * and passes over the others. A link leads to another file of the archive.
 */
export async function filesInArchive(place: FillingPlace, descriptor: number, name: string, signal?: AbortSignal): Promise<ImageFiles> {
  const options = signal === undefined ? {} : { signal };
  const run = (...words: readonly string[]): Readable =>
    withInput(descriptor, (input) =>
      outputOf(place, { command: [...tar, ...words], input, ...options }, (said) => bad(`${name} cannot be read as an archive: ${said}.`)),
    );
  const members = await listMembers(run('--list', '--verbose'), name);
  const open = (path: string): Readable => run('--extract', '--to-stdout', '--occurrence=1', '--', find(members, path, name));
  return {
    name,
    read: async (path, most) => {
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of open(path)) {
        chunks.push(chunk as Buffer);
        length += (chunk as Buffer).length;
        if (length > most) throw bad(`${path} in ${name} is longer than ${most} bytes.`);
      }
      return Buffer.concat(chunks);
    },
    open: (path) => Promise.resolve(open(path)),
  };
}

/** Opened once more, so that each program begins at the beginning; the file may have no name any more. */
function withInput(descriptor: number, start: (input: number) => Readable): Readable {
  const input = openSync(`/proc/self/fd/${descriptor}`, 'r');
  const output = start(input);
  output.once('close', () => closeSync(input));
  return output;
}

async function listMembers(list: Readable, name: string): Promise<ReadonlyMap<string, Listed>> {
  const members = new Map<string, Listed>();
  let rest = '';
  for await (const chunk of list.setEncoding('utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const found = parseMember(line);
      if (found !== null && !members.has(tidy(found.name))) members.set(tidy(found.name), found);
    }
    if (members.size > mostMembers || rest.length > 100_000) throw bad(`${name} has more files than any image.`);
  }
  return members;
}

interface Listed {
  /** As it stands in the archive. */
  readonly name: string;
  readonly member: Member;
}

function find(members: ReadonlyMap<string, Listed>, path: string, name: string): string {
  let at = path;
  for (let steps = 0; steps < longestChain; steps += 1) {
    const found = members.get(at);
    if (found === undefined) throw bad(`${name} has no ${at}, so it is not a whole image.`);
    if (found.member.kind === 'file') return found.name;
    if (found.member.kind === 'other') throw bad(`${at} in ${name} is not a regular file.`);
    at = tidy(found.member.target);
  }
  throw bad(`${path} in ${name} is a link to a link to a link.`);
}
