import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { EndOperation } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { encodeMessage } from '../../src/wire/frame.ts';
import { answerClients, installClient } from '../rig/client.ts';
import { finished } from '../rig/isolate.ts';
import { bareLaunch } from '../rig/launches.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'decider-'));
  chmodSync(directory, 0o755);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** In Node's place: sends what lies in a file where it is asked to decide, and does `script` then. */
async function deciding(messages: readonly Buffer[], script: string): Promise<string> {
  writeFileSync(join(directory, 'messages'), Buffer.concat(messages));
  return await installClient(`#!/usr/bin/perl
$| = 1;
if (!defined $ENV{ISOLATE_CLIENT}) { print "all\\n"; exit 9; }
sub answer {
  open(my $socket, ">&=", $ENV{ISOLATE_CLIENT});
  open(my $file, "<", "${directory}/messages");
  local $/;
  syswrite($socket, <$file>);
}
${script}
`);
}

const launch = (...atEnd: readonly EndOperation[]): Buffer =>
  encodeMessage('launch', [
    { name: 'record', value: encodeLaunchRecord(bareLaunch(['/bin/sh', '-c', 'echo run; exit 3'], { atEnd }), { supervised: false }) },
  ]);
// Perl calls no handler of a signal that comes right before it sleeps, until it has slept.
const wait = 'print "ready\\n"; while (1) { select undef, undef, undef, 0.05; }';
const leave = 'answer(); kill 9, $$;';
const start = (client: string, words: readonly string[] = []): ChildProcess =>
  spawn(client, words, { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });

describe('a client whose run is decided by Node', () => {
  it('carries out the launch that it gets, and ends with its status', async () => {
    const child = start(await deciding([launch()], leave), ['a']);
    expect(await finished(child)).toEqual({ status: 3, signal: null, stdout: 'run\n', stderr: '' });
  });

  it('ends as Node does that tells what is wrong', async () => {
    const child = start(await deciding([], 'print STDERR "wrong\\n"; exit 125;'), ['a']);
    expect(await finished(child)).toEqual({ status: 125, signal: null, stdout: '', stderr: 'wrong\n' });
  });

  it('ends with 137 where Node is killed', async () => {
    expect(await finished(start(await deciding([], 'kill 9, $$; sleep 1000;'), ['a']))).toMatchObject({ status: 137, signal: null });
  });

  it('takes Node with it where it is killed', async () => {
    const child = start(await deciding([], 'print "$$\\n"; sleep 1000;'), ['a']);
    const [pid] = (await once(child.stdout!, 'data')) as [Buffer];
    child.kill('SIGKILL');
    await expect.poll(() => spawnSync('kill', ['-0', pid.toString().trim()]).status).toBe(1);
  });

  it('leaves the run to Node in its own place where that says so', async () => {
    const child = start(await deciding([encodeMessage('fallback')], leave), ['a']);
    expect(await finished(child)).toEqual({ status: 9, signal: null, stdout: 'all\n', stderr: '' });
  });

  it('is also decided so if the daemon does not know the run that a command is to join', async () => {
    const connections = await answerClients(async (talk) => {
      await talk.next();
      talk.send('fallback');
    });
    const client = await deciding([launch()], leave);
    expect(await finished(start(client, ['exec', 'a', 'b']))).toEqual({ status: 3, signal: null, stdout: 'run\n', stderr: '' });
    expect(await finished(start(client, ['a']))).toEqual({ status: 9, signal: null, stdout: 'all\n', stderr: '' });
    expect(connections()).toBe(2);
  });

  it.each([['doctor'], ['-t', '/', '--ephemeral', 'a'], ['--post-hook', 'a'], ['-c', './a', 'b'], ['-c/a', 'b']])(
    'has Node do all of %s %s',
    async (...words) => {
      expect(await finished(start(await deciding([launch()], leave), words))).toMatchObject({ status: 9, stdout: 'all\n' });
    },
  );

  it("has Node do all of another user's run, unless it is on a directory itself", async () => {
    const client = await deciding([launch()], leave);
    const asUser = (...words: readonly string[]): ChildProcess =>
      spawn('setpriv', ['--reuid=54615', '--regid=54615', '--clear-groups', '--', client, ...words], {
        env: {},
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    expect(await finished(asUser('a'))).toMatchObject({ status: 9, stdout: 'all\n' });
    expect(await finished(asUser('-t/', 'a'))).toMatchObject({ status: 3, stdout: 'run\n' });
  });

  it('lets the command have words that say more before it', async () => {
    expect(await finished(start(await deciding([launch()], leave), ['--', 'doctor', '--ephemeral']))).toMatchObject({ status: 3 });
    expect(await finished(start(await deciding([launch()], leave), ['sh', '-c', './a']))).toMatchObject({ status: 3 });
  });

  it('gets the status of a Node whose end nobody but it waits for, also where its caller ignores SIGCHLD', async () => {
    const client = await deciding([], 'exit 125;');
    const { status } = spawnSync('perl', ['-e', '$SIG{CHLD} = "IGNORE"; exec @ARGV', client, 'a'], { env: {} });
    expect(status).toBe(125);
  });

  it('tells Node of a signal, which says what becomes of the run', async () => {
    const child = start(await deciding([], `$SIG{TERM} = sub { print STDERR "no run\\n"; exit 125 }; ${wait}`), ['a']);
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    expect(await finished(child)).toEqual({ status: 125, signal: null, stdout: '', stderr: 'no run\n' });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'starts no command where Node decided before it saw %s, and gives back',
    async (signal) => {
      const claim = join(directory, 'claim');
      writeFileSync(claim, '');
      const client = await deciding([launch({ kind: 'unlink', path: claim })], `$SIG{${signal.slice(3)}} = sub { ${leave} }; ${wait}`);
      const child = start(client, ['a']);
      await once(child.stdout!, 'data');
      child.kill(signal);
      expect(await finished(child)).toEqual({
        status: 125,
        signal: null,
        stdout: '',
        stderr: `isolate: ${signal} arrived before the command started.\n`,
      });
      expect(existsSync(claim)).toBe(false);
    },
  );

  it('goes on after a SIGINT that is to be ignored', async () => {
    const report = encodeMessage('report', [{ name: 'ignored-signal', value: 2 }]);
    const child = start(await deciding([report, launch()], `$SIG{INT} = sub { ${leave} }; ${wait}`), ['a']);
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect(await finished(child)).toEqual({ status: 3, signal: null, stdout: 'run\n', stderr: '' });
  });
});
