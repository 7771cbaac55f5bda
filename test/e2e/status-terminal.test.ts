import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { documentAnswer, type QueryDaemon, startQueryDaemon } from '../rig/query-daemon.ts';
import { startTmux, type Tmux } from '../rig/tmux.ts';

const run = { runId: '0', pid: 7, uid: 0, user: 'root', sinceMs: 0, template: 'tank/a', clone: '1', engine: 'bwrap', command: ['first'] };
const file = join(tmpdir(), `stty-${randomBytes(4).toString('hex')}`);

let daemon: QueryDaemon;
let tmux: Tmux;
let before: string;

beforeEach(async () => {
  daemon = await startQueryDaemon();
  daemon.answer = () => documentAnswer({ runs: [run] });
  tmux = await startTmux({ I: daemon.command().join(' '), TZ: 'UTC' });
  before = await modes();
});
afterEach(async () => {
  tmux.end();
  await daemon.end();
  rmSync(file, { force: true });
});

/** What stty(1) says in the shell, which has to be at its prompt, but for the size. */
async function modes(): Promise<string> {
  const word = randomBytes(4).toString('hex');
  line(`stty -a > ${file}; clear; echo noted''${word}`);
  await tmux.see(new RegExp(`^noted${word}$`, 'm'));
  await tmux.prompt();
  return readFileSync(file, 'utf8').replace(/rows \d+; columns \d+;/, '');
}

function line(text: string): void {
  tmux.type(text);
  tmux.press('Enter');
}

/** The isolate that watches, by its arguments. */
function watcher(): number {
  const found = readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) => /^isolate ps --watch\0*$/.test(readText(`/proc/${pid}/cmdline`)));
  expect(found).toHaveLength(1);
  return Number(found[0]);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function watch(): Promise<void> {
  line('echo before; $I ps --watch');
  await tmux.see(/isolate ps {2}[-0-9]+ [:0-9]+ {2}q: quit\n\nRUN.*\n.*root.* first\n/);
}

/** What was on the screen is there again, and the terminal is as it was. */
async function expectGivenBack(): Promise<void> {
  await tmux.see(/^before$/m);
  expect(tmux.screen()).not.toContain('q: quit');
  line('echo "status $?"');
  await tmux.see(/^status 0$/m);
  await tmux.prompt();
  expect(await modes()).toBe(before);
}

test('the view shows changes and the time, and ends with q', async () => {
  await watch();
  const seen = /isolate ps {2}[-0-9]+ ([:0-9]+)/.exec(tmux.screen())?.[1] ?? '';
  daemon.answer = () => documentAnswer({ runs: [{ ...run, command: ['second'] }, run] });
  await tmux.see(/ second\n.*root.* first\n/);
  daemon.answer = () => documentAnswer({ runs: [run] });
  await tmux.see(/RUN.*\n.*root.* first\n\n/);
  expect(tmux.screen()).not.toContain('second');
  // Each second, though nothing changes.
  await tmux.see(new RegExp(`isolate ps {2}[-0-9]+ (?!${seen})`));
  tmux.type('q');
  await tmux.prompt();
  await expectGivenBack();
});

test('the view ends with Ctrl-C', async () => {
  await watch();
  tmux.press('C-c');
  await tmux.prompt();
  await expectGivenBack();
});

test('the view ends with SIGTERM', async () => {
  await watch();
  process.kill(watcher(), 'SIGTERM');
  await tmux.prompt();
  await expectGivenBack();
});

test('Ctrl-Z gives the terminal to the shell, and fg takes it back', async () => {
  await watch();
  tmux.press('C-z');
  await tmux.see(/Stopped/);
  await tmux.prompt();
  expect({ showsKeys: tmux.screen().includes('q: quit'), modes: await modes() }).toEqual({ showsKeys: false, modes: before });
  line('fg');
  await tmux.see(/q: quit\n\nRUN.*\n.*root.* first\n/);
  tmux.type('q');
  await tmux.prompt();
  expect(await modes()).toBe(before);
});

test('lines are cut to the window when its size changes', async () => {
  const wide = { ...run, command: ['x'.repeat(500)] };
  daemon.answer = () => documentAnswer({ runs: Array.from({ length: 40 }, () => wide) });
  line('$I ps --watch');
  // 24 rows: a title, a blank, the titles, 20 runs.
  await tmux.see(/^RUN.*\n(?:.*root.*x{5,}>\n){20}\(20 more lines\)/m);
  expect(
    tmux
      .screen()
      .split('\n')
      .map((text) => text.length),
  ).toContain(80);
  tmux.resize(60, 10);
  await tmux.see(/^RUN.*\n(?:.*root.*x>\n){6}\(34 more lines\)/m);
  tmux.resize(100, 50);
  await tmux.see(/^RUN.*\n(?:0 +root [^x\n]*x{20,}>\n){40}\n*$/m);
  tmux.type('q');
  await tmux.prompt();
});

test('the view waits for a daemon that is restarted', async () => {
  await watch();
  const refuse = { code: 'daemon-failed', message: 'It is ending.' };
  daemon.answer = () => ({
    name: 'refuse',
    items: [
      { name: 'status', value: 1 },
      { name: 'text', value: '' },
      { name: 'json', value: JSON.stringify(refuse) },
    ],
  });
  await tmux.see(/q: quit\n\nisolate: It is ending\.\nas of [-0-9]+ [:0-9]+:\n\nRUN.*\n.*root.* first\n/);
  daemon.answer = () => documentAnswer({ runs: [{ ...run, command: ['second'] }] });
  await tmux.see(/q: quit\n\nRUN.*\n.*root.* second\n/);
  tmux.type('q');
  await tmux.prompt();
});

test('without --watch lines are cut to the terminal, and not cut elsewhere', async () => {
  daemon.answer = () => documentAnswer({ runs: [{ ...run, command: ['x'.repeat(500)] }] });
  line('clear; $I ps');
  await tmux.see(/^RUN.*\n.*root.*x>\nhost\$/m);
  await tmux.prompt();
  line(`$I ps > ${file}; clear; echo done''now`);
  await tmux.see(/^donenow$/m);
  expect(readFileSync(file, 'utf8').split('\n')[1]).toMatch(/ x{500}$/);
});

test('if no keys can be read, the view names the one that ends it', async () => {
  line('$I ps --watch < /dev/null');
  await tmux.see(/isolate ps {2}[-0-9]+ [:0-9]+ {2}Ctrl-C: quit\n\nRUN/);
  tmux.press('C-c');
  await tmux.prompt();
});

test('a terminal that cannot move its cursor gets a table for each change', async () => {
  line('TERM=dumb $I ps --watch');
  await tmux.see(/^RUN.*\n.*root.* first\n/m);
  daemon.answer = () => documentAnswer({ runs: [{ ...run, command: ['second'] }] });
  await tmux.see(/^RUN.*\n.*root.* first\n\nRUN.*\n.*root.* second\n/m);
  tmux.press('C-c');
  await tmux.see(/^\^Chost\$$/m);
});
