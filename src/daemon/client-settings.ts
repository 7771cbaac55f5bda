import { dirname, join } from 'node:path/posix';

import type { HostDefaults } from '../config/runs/host-defaults.ts';
import { IsolateError } from '../error.ts';
import type { PathFacts } from '../host/facts.ts';
import { type Message, values } from '../wire/frame.ts';
import { askClient } from './ask-client.ts';
import { askForSession } from './client-session.ts';
import type { ClientSettings } from './command-line.ts';
import type { Connection } from './connection.ts';
import type { Sessions } from './sessions.ts';

interface SettingsServices {
  readonly defaults: () => HostDefaults;
  readonly maintains: (template: string) => boolean;
  readonly sessions: Pick<Sessions, 'find'>;
}

/** The client is asked for its files, and looks with its own rights. What it says is used for its own run alone. */
export function clientSettings(
  run: Message,
  { peer, ask }: Pick<Connection, 'peer' | 'ask'>,
  { defaults, maintains, sessions }: SettingsServices,
): ClientSettings {
  const [cwd = '/'] = values(run, 'directory');
  return {
    caller: {
      uid: peer.uid,
      cwd,
      explains: false,
      ask: async (questions) => {
        const { paths, files, variables } = await askClient(questions(), ask);
        const readFile = (path: string): string => {
          const text = files.get(path);
          if (text === undefined) throw new Error(`The client cannot read ${path}.`);
          if (text.length > mostCharacters) throw leftToNode('Reading it would take too long.');
          return text;
        };
        return { environment: Object.fromEntries(variables), probePath: (path) => paths.get(path) ?? null, readFile };
      },
      // The program in Node tells of what is unusual.
      refuseMovable: async (path) => {
        const above = ancestors(dirname(path));
        const { paths, real } = await askClient({ paths: above, directory: dirname(path) }, ask);
        const isOwn = above.every((directory) => isOnlyChangedBy(peer.uid, paths.get(directory)));
        if (real !== dirname(path) || !isOwn) throw leftToNode('Another user may be able to change the settings.');
      },
      findHome: ({ HOME: home }) => {
        if (home?.startsWith('/') === true) return home;
        throw leftToNode('The home of the client is in its user database.');
      },
    },
    host: defaults,
    has: async (place, name) => {
      if (place.kind === 'dataset') {
        if (maintains(`${place.dataset}/${name}`)) return true;
        throw leftToNode('Only its storage knows whether a dataset exists.');
      }
      const path = join(place.path, name);
      const { paths, real } = await askClient({ paths: [path], directory: path }, ask);
      if (!paths.has(path)) return false;
      if (real === path) return true;
      throw leftToNode('A link may lead to the template.');
    },
    findSession: async (name) => {
      const record = (await askForSession(name, peer, ask)) ?? sessions.find(peer.uid, name);
      if (record === null) throw leftToNode('Only the program in Node finds sessions whose names are lost.');
      return record.root;
    },
  };
}

/** Nobody else is served while a file is parsed. */
const mostCharacters = 16_384;

function ancestors(path: string): readonly string[] {
  return path === '/' ? [path] : [...ancestors(dirname(path)), path];
}

/** With the sticky bit only the owner of an entry can change it, who is looked at too. */
function isOnlyChangedBy(uid: number, facts: PathFacts | undefined): boolean {
  if (facts === undefined || ![0, uid].includes(facts.uid)) return false;
  return (facts.mode & 0o022) === 0 || (facts.mode & 0o1000) !== 0;
}

function leftToNode(why: string): IsolateError {
  return new IsolateError('daemon-failed', why);
}
