import type { HostFacts } from '../host/facts.ts';
import { IsolateError } from '../error.ts';
import { readPrivileges } from '../host/probe.ts';
import type { RunCaller } from '../run/run-caller.ts';
import { type Message, values } from '../wire/frame.ts';
import { askClient } from './ask-client.ts';
import type { Connection } from './connection.ts';

/**
 * The client as the caller of a run. The client is asked about its files and environment, and looks with its own rights. The daemon opens
 * no path that a client names, not even those in its PATH, so a run that needs tools from there is left to the program in Node. The
 * mounts are those of this process: the client saw the same ones when it asked, and may since have moved to a namespace whose mounts take
 * long to list.
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
    // This process cannot tell what other users may write.
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
          // The program in Node refuses control characters and quotes the given name.
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
