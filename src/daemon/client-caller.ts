import type { HostFacts } from '../host/facts.ts';
import { IsolateError } from '../error.ts';
import { readPrivileges } from '../host/probe.ts';
import type { RunCaller } from '../run/run-caller.ts';
import { type Message, values } from '../wire/frame.ts';
import { askClient } from './ask-client.ts';
import type { Connection } from './connection.ts';

/**
 * The client as the caller of a run. What the run has to know of its files and environment the client is asked for, which
 * looks with its own rights: the daemon opens no path that a client names, those of its PATH included, so a run with tools of
 * its own there is the program in Node's. The mounts that count are those of this process: the client saw the same when it
 * asked, and may have moved since to a namespace whose mounts take long to list.
 */
export function clientCaller(run: Message, { peer, ask }: Pick<Connection, 'peer' | 'ask'>, host: HostFacts): RunCaller {
  const [cwd = '/'] = values(run, 'directory');
  const environment = values(run, 'variable').map(parseVariable);
  const { uid, gid, rights, pid } = peer;
  return {
    host,
    uid,
    gid,
    cwd,
    privileges: readPrivileges(String(pid)),
    // What other users may write this process cannot tell.
    cgroupFile: rights === 'root' ? `/proc/${pid}/cgroup` : null,
    ask: async (questions) => {
      const told = await askClient(questions(), ask);
      return {
        environment: Object.fromEntries([...environment, ...told.variables]),
        readFile: (path) => {
          const text = told.files.get(path);
          if (text === undefined) throw new Error(`The client cannot read ${path}.`);
          return text;
        },
        probePath: (path) => told.paths.get(path) ?? null,
        findDirectory: (path) => {
          // What has control characters the program in Node refuses by the name that was given.
          if (told.real === null || /[\0-\x1f\x7f]/.test(told.real))
            throw new IsolateError('template-missing', `The client cannot enter ${path}.`);
          return told.real;
        },
      };
    },
  };
}

function parseVariable(text: string): readonly [string, string] {
  const end = text.indexOf('=');
  return [text.slice(0, end), text.slice(end + 1)];
}
