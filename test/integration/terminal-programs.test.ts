import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { startTmux, type Tmux } from '../rig/tmux.ts';
import { useWay, ways } from '../rig/ways.ts';

let tree: string;
/** The host's directory that is /work inside. */
let work: string;
let tmux: Tmux;
let before: string;

/** A root whose programs are the host's own. */
beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'isolate-programs-'));
  work = await mkdtemp(join(tmpdir(), 'isolate-work-'));
  await chmod(work, 0o777);
  await Promise.all(
    ['usr', 'etc/alternatives', 'proc', 'dev', 'tmp', 'home', 'work'].map((name) => mkdir(join(tree, name), { recursive: true })),
  );
  await Promise.all(['bin', 'sbin', 'lib', 'lib64'].map((name) => symlink(`usr/${name}`, join(tree, name))));
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n');
  await writeFile(join(tree, 'lines'), Array.from({ length: 1000 }, (_, index) => `line ${index + 1}\n`).join(''));
});
afterAll(async () => {
  await rm(tree, { recursive: true, force: true });
  await rm(work, { recursive: true, force: true });
});

/** What stty(1) says in the host's shell, which has to be at its prompt, but for the size. */
async function modes(): Promise<string> {
  const file = join(work, 'stty');
  const word = randomBytes(4).toString('hex');
  line(`stty -a > ${file}; clear; echo noted''${word}`);
  await tmux.see(new RegExp(`^noted${word}$`, 'm'));
  await tmux.prompt();
  return (await readFile(file, 'utf8')).replace(/rows \d+; columns \d+;/, '');
}

function line(text: string): void {
  tmux.type(text);
  tmux.press('Enter');
}

/** What a process was started by; empty when it has ended. */
function firstWord(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '';
  } catch {
    return '';
  }
}

/** The one process that was started by this name in the namespace of the tests. */
function pidOf(name: string): number {
  const found = readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) => firstWord(pid).endsWith(name));
  expect(found).toHaveLength(1);
  return Number(found[0]);
}

/** Waits until the one process of this name sleeps. */
async function isWaiting(name: string): Promise<void> {
  const status = `/proc/${pidOf(name)}/status`;
  await expect.poll(() => /^State:\t(.)/m.exec(readFileSync(status, 'utf8'))?.[1]).toBe('S');
}

describe.each(ways)('on a terminal, by %s', (name) => {
  const way = useWay(name, () => tree);
  beforeEach(async () => {
    const binds = `-d /usr:/usr:ro -d /etc/alternatives:/etc/alternatives:ro -d ${work}:/work`;
    tmux = await startTmux({ NO_COLOR: '1', I: `${isolatePath} -q ${way.root.join(' ')} ${binds} -v TERM=screen -v PS1=guest_ --` });
    before = await modes();
    await rm(join(work, 'go'), { force: true });
    await rm(join(work, 'gone'), { force: true });
    await rm(join(work, 'written'), { force: true });
  });
  afterEach(() => tmux?.end());

  it('bash has job control', async () => {
    line('$I bash --norc --noprofile');
    await tmux.see(/^guest_/m);
    // While the shell still starts it, Ctrl-Z would be the shell's, which ignores it.
    line(`bash -c "echo be''gun; exec -a dozer sleep 100"`);
    await tmux.see(/^begun$/m);
    tmux.press('C-z');
    await tmux.see(/Stopped +bash -c/);
    line('jobs; fg');
    await tmux.see(/fg\n.*Stopped +bash -c.*\nbash -c .*\n/);
    // The shell says so before it gives it the terminal.
    await isWaiting('dozer');
    tmux.press('C-c');
    await tmux.see(/\^C\nguest_/);
    line('exit 7');
    await tmux.prompt();
    line('echo status $?');
    await tmux.see(/status 7/);
    expect(await modes()).toBe(before);
  });

  it('vim edits a file, and sees its window change', async () => {
    line('$I vi -n -u NONE /work/written');
    await tmux.see(/"\/work\/written"/);
    tmux.type('ihello');
    tmux.press('Escape');
    tmux.resize(100, 40);
    // Drawn for the new window: what vim shows below is not wiped away by that.
    await tmux.see(/(?:^~\s*\n){36}/m);
    // The smallest vim of Debian 13 has no :echo.
    tmux.type(':set lines? columns?');
    tmux.press('Enter');
    await tmux.see(/lines=40\s+columns=100\b/);
    tmux.type(':wq');
    tmux.press('Enter');
    await tmux.prompt();
    expect({ content: await readFile(join(work, 'written'), 'utf8'), modes: await modes() }).toEqual({ content: 'hello\n', modes: before });
  });

  it('vim handles Ctrl-C itself', async () => {
    line('$I vi -n -u NONE /lines');
    await tmux.see(/^line 20$/m);
    await isWaiting('vi');
    tmux.press('C-c');
    await tmux.see(/to exit/);
    tmux.type(':q');
    tmux.press('Enter');
    await tmux.prompt();
    expect(await modes()).toBe(before);
  });

  it('vim is stopped by Ctrl-Z together with isolate, and drawn again by fg', async () => {
    line('$I vi -n -u NONE /lines');
    await tmux.see(/^line 20$/m);
    tmux.press('C-z');
    await tmux.see(/Stopped/);
    await tmux.prompt();
    const stopped = await modes();
    line('jobs');
    await tmux.see(/Stopped/);
    line('fg');
    await tmux.see(/^line 20$/m);
    tmux.type(':q');
    tmux.press('Enter');
    await tmux.prompt();
    expect({ stopped, modes: await modes() }).toEqual({ stopped: before, modes: before });
  });

  it('vim in the background is stopped before it draws, and edits by fg', async () => {
    line('$I vi -n -u NONE /lines & wait %1');
    await tmux.see(/Stopped/);
    await tmux.prompt();
    const stopped = await modes();
    line('fg');
    await tmux.see(/^line 20$/m);
    tmux.type(':q');
    tmux.press('Enter');
    await tmux.prompt();
    expect({ stopped, modes: await modes() }).toEqual({ stopped: before, modes: before });
  });

  it('less shows pages, reads keys at once and follows the window', async () => {
    line('$I less /lines');
    await tmux.see(/^line 23\n/m);
    tmux.type('G');
    await tmux.see(/^line 1000\n\(END\)/m);
    // What comes while less works, a key or the new size, it may lose by itself.
    await isWaiting('less');
    tmux.resize(80, 40);
    await tmux.see(/(?:^~\n){10}/m);
    await isWaiting('less');
    tmux.type('g');
    await tmux.see(/^line 39\n/m);
    tmux.type('q');
    await tmux.prompt();
    expect(await modes()).toBe(before);
  });

  it('top draws itself again and again, and ends by q', async () => {
    line('$I top -d 1');
    await tmux.see(/PID +USER/);
    await tmux.see(/ top$/m);
    tmux.type('q');
    await tmux.prompt();
    expect(await modes()).toBe(before);
  });

  it('a pager behind isolate keeps the keyboard, also when isolate has ended', async () => {
    line('$I seq 1 5000 | less');
    await tmux.see(/^23\n/m);
    tmux.type('G');
    await tmux.see(/^5000\n/m);
    tmux.type('g');
    await tmux.see(/^1\n2\n/m);
    tmux.type('q');
    await tmux.prompt();
    expect(await modes()).toBe(before);
  });

  it('a program of the host keeps its modes when isolate ends in the background', async () => {
    line(`$I sh -c 'while [ ! -e /work/go ]; do sleep 0.1; done' < /dev/null && touch ${work}/gone &`);
    line(`less ${tree}/lines`);
    await tmux.see(/^line 23\n/m);
    await writeFile(join(work, 'go'), '');
    await appears(join(work, 'gone'));
    tmux.type('G');
    await tmux.see(/^line 1000\n/m);
    tmux.type('q');
    await tmux.prompt();
    expect(await modes()).toBe(before);
  });

  // Without hooks one process runs the command, which can do no more about the modes than any program that is killed so.
  it.each(name === 'node' ? ['vi', 'isolate-launch'] : ['vi'])('the modes are the same after kill -9 of %s', async (victim) => {
    line(`${victim === 'vi' ? '' : 'POST_SPAWN_HOOK=true '}$I vi -n -u NONE /lines`);
    await tmux.see(/^line 20$/m);
    process.kill(pidOf(victim), 'SIGKILL');
    await tmux.see(/host\$/);
    expect(await modes()).toBe(before);
  });
});

async function appears(path: string): Promise<void> {
  while ((await readFile(path).catch(() => null)) === null) await new Promise((resolve) => setTimeout(resolve, 20));
}
