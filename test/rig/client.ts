import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { decodeMessage, encodeMessage, frameLength, headerBytes, type Item, type Message, values } from '../../src/wire/frame.ts';
import type { MessageName } from '../../src/wire/schema.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { launcherPath, type Wrapping, wrappedLaunch } from './launches.ts';

/** The daemon's end of one client's connection. */
export interface Talk {
  /** The next message; null when the client has closed. */
  readonly next: () => Promise<Message | null>;
  readonly send: (name: MessageName, items?: readonly Item[]) => void;
  readonly raw: (bytes: Uint8Array) => void;
  readonly end: () => void;
}

const socketFile = '/run/isolate/isolated.sock';

/** What does `answer` for every client, at the place of the daemon, until the test has ended. Tells how many have connected. */
export async function answerClients(answer: (talk: Talk) => Promise<void> | void): Promise<() => number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    void answer(openTalk(socket));
  });
  await mkdir('/run/isolate', { recursive: true, mode: 0o755 });
  await rm(socketFile, { force: true });
  await new Promise<void>((resolve) => server.listen(socketFile, resolve));
  await chmod(socketFile, 0o666);
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await rm(socketFile, { force: true });
  });
  return () => sockets.size;
}

/** Answers every client with the launch of its arguments, which are those of launch-main.ts: WRAPPING COMMAND [ARG...]. */
export async function answerWithLaunches(): Promise<void> {
  await answerClients(async (talk) => {
    const run = await talk.next();
    const [wrapping, ...command] = run === null ? [] : values(run, 'argument');
    const launch = wrappedLaunch(wrapping as Wrapping, command as [string, ...string[]]);
    talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
  });
}

function openTalk(socket: Socket): Talk {
  let bytes = Buffer.alloc(0);
  let ended = false;
  let wake = (): void => {};
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  socket.on('error', () => undefined);
  socket.on('end', onEnd).on('close', onEnd);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  const next = async (): Promise<Message | null> => {
    for (;;) {
      const length = bytes.length < headerBytes ? null : frameLength(bytes.subarray(0, headerBytes), 'client');
      if (length !== null && bytes.length >= length) {
        const message = decodeMessage(bytes.subarray(0, length), 'client');
        bytes = bytes.subarray(length);
        return message;
      }
      if (ended) return null;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    next,
    send: (name, items) => void socket.write(encodeMessage(name, items)),
    raw: (sent) => void socket.write(sent),
    end: () => void socket.destroy(),
  };
}

const nodesPlace = `#!/usr/bin/perl
open(my $file, "<&=", $ENV{ISOLATE_CALLER});
local $/;
my @strings = split(/\\0/, <$file>, -1);
my $count = $strings[1];
splice(@strings, 0, 2);
print "node:\\n", unpack("H*", join("", map { "$_\\0" } @strings[0 .. $count - 1])), "\\n";
exit 42;
`;

/** The client of a build whose Node prints its words in hexadecimal digits, each with a 00 behind it, or is another script. */
export async function installClient(node: string = nodesPlace): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'client-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const client = join(directory, 'dist/isolate');
  await mkdir(join(nodeOf(client), '..'), { recursive: true, mode: 0o755 });
  await writeFile(nodeOf(client), node, { mode: 0o755 });
  await mkdir(join(client, '..'));
  await copyFile(await launcherPath(), client);
  await writeFile(join(client, '../start.cjs'), '');
  return client;
}

/** The Node that such a client becomes. */
export function nodeOf(client: string): string {
  return join(client, `../../node_modules/node-linux-${process.arch}/bin/node`);
}
