import { appendFile, chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { type ConfigSource, createConfigSource } from '../../../src/config/source.ts';
import { IsolateError } from '../../../src/error.ts';

let top: string;
let etc: string;
let path: string;
let directory: string;
let source: ConfigSource | null;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'isolate-source-'));
  etc = join(top, 'etc/isolate');
  path = join(etc, 'config.toml');
  directory = join(etc, 'config.d');
  source = null;
});
afterEach(async () => {
  source?.close();
  await rm(top, { recursive: true });
});

/** A source whose news can be waited for. */
async function start(watch: boolean) {
  const news: (number | null | string)[] = [];
  let wake = (): void => {};
  const tell = (what: number | null | string): void => {
    news.push(what);
    wake();
  };
  const own = await createConfigSource({ path, directory, watch, onFailure: (error) => tell(error.message.replace(`${etc}/`, '')) });
  source = own;
  const end = own.onChange((config) => tell(config.count));
  /** What is told next. */
  const next = async (): Promise<number | null | string> => {
    while (news.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return news.shift() ?? null;
  };
  return { source: own, news, next, end };
}

test('rereading reports a change once', async () => {
  const { source, news, end } = await start(false);
  expect(source.current().count).toBeNull();
  await mkdir(etc, { recursive: true });
  await writeFile(path, 'count = 1\n');
  expect(news).toEqual([]);
  expect(await source.reload()).toBe(source.current());
  expect(source.current()).toMatchObject({ count: 1, files: [path] });
  await source.reload();
  expect(news).toEqual([1]);
  end();
  await writeFile(path, 'count = 2\n');
  await source.reload();
  expect(source.current().count).toBe(2);
  expect(news).toEqual([1]);
});

test('with an invalid file the previous settings stay, and a corrected one takes effect', async () => {
  await mkdir(etc, { recursive: true });
  await writeFile(path, 'count = 1\n');
  const { source, news } = await start(false);
  const before = source.current();
  await writeFile(path, 'count = 2\nsize = 3\n');
  const error = await source.reload();
  expect(error).toBeInstanceOf(IsolateError);
  expect(error).toMatchObject({ code: 'bad-config', message: `${path} is not valid: line 2, size: there is no such key.` });
  expect(source.current()).toBe(before);
  const problem = source.problem();
  expect(problem).toEqual({ error, sinceMs: expect.any(Number) as number });
  await chmod(path, 0o666);
  const other = await source.reload();
  expect(other).toMatchObject({ code: 'bad-config' });
  expect(source.problem()).toEqual({ error: other, sinceMs: problem?.sinceMs });
  expect(source.current()).toBe(before);
  await chmod(path, 0o644);
  await writeFile(path, 'count = 3\n');
  expect(await source.reload()).toMatchObject({ count: 3 });
  expect(news).toEqual([3]);
  expect(source.problem()).toBeNull();
});

test('settings that are invalid at first take effect as soon as they are valid, even if they are empty', async () => {
  await mkdir(etc, { recursive: true });
  await writeFile(path, 'count = 0\n');
  const { source, news } = await start(false);
  expect({ hasHeld: source.hasHeld(), files: source.current().files, message: source.problem()?.error.message }).toEqual({
    hasHeld: false,
    files: [],
    message: `${path} is not valid: line 1, count: must be a whole number from 1 to 1000, not 0.`,
  });
  await rm(path);
  await source.reload();
  expect({ hasHeld: source.hasHeld(), problem: source.problem(), news }).toEqual({
    hasHeld: true,
    problem: null,
    news: ['config.toml is not valid: line 1, count: must be a whole number from 1 to 1000, not 0.', null],
  });
});

test('concurrent reloads all get the current settings, in order', async () => {
  await mkdir(etc, { recursive: true });
  await writeFile(path, 'count = 1\n');
  const { source, news } = await start(false);
  const results: Promise<Config | IsolateError>[] = [];
  for (let count = 2; count < 30; count += 1) {
    await writeFile(`${path}.new`, `count = ${count}\n`);
    await rename(`${path}.new`, path);
    results.push(source.reload());
  }
  await Promise.all(results);
  expect(source.current().count).toBe(29);
  expect(news).toEqual((news as number[]).toSorted((a, b) => a - b));
});

test('every way in which files change is noticed', async () => {
  const { news } = await start(true);
  const changes: readonly (readonly [what: string, change: () => Promise<unknown>, told: number | null | string])[] = [
    ['directories that were not there', async () => mkdir(etc, { recursive: true }).then(() => writeFile(path, 'count = 1\n')), 1],
    ['writing in place', async () => writeFile(path, 'count = 2\n'), 2],
    ['replacing by rename', async () => writeFile(join(etc, '.tmp'), 'count = 3\n').then(() => rename(join(etc, '.tmp'), path)), 3],
    ['writing the new file in place', async () => appendFile(path, '# x\n').then(() => writeFile(path, 'count = 4\n')), 4],
    [
      'a broken file',
      async () => writeFile(path, 'count = 0\n'),
      'config.toml is not valid: line 1, count: must be a whole number from 1 to 1000, not 0.',
    ],
    ['mending it', async () => writeFile(path, 'count = 5\n'), 5],
    ['a first drop-in', async () => mkdir(directory).then(() => writeFile(join(directory, 'a.toml'), 'count = 6\n')), 6],
    ['writing the drop-in', async () => writeFile(join(directory, 'a.toml'), 'count = 7\n'), 7],
    ['modes', async () => chmod(path, 0o666), 'Refusing config.toml: users other than root can write to it, and it grants privileges.'],
    ['modes back', async () => chmod(path, 0o644).then(() => writeFile(join(directory, 'a.toml'), 'count = 8\n')), 8],
    ['removing the drop-in', async () => rm(join(directory, 'a.toml')), 5],
    [
      'a link to elsewhere',
      async () => {
        await mkdir(join(top, 'elsewhere'));
        await writeFile(join(top, 'elsewhere/a.toml'), 'count = 9\n');
        await symlink(join(top, 'elsewhere/a.toml'), join(directory, 'a.toml'));
      },
      9,
    ],
    ['writing the target of the link', async () => writeFile(join(top, 'elsewhere/a.toml'), 'count = 10\n'), 10],
    [
      'another directory in the place',
      async () => {
        await mkdir(join(top, 'new'));
        await writeFile(join(top, 'new/config.toml'), 'count = 11\n');
        await rename(etc, join(top, 'old'));
        await rename(join(top, 'new'), etc);
      },
      11,
    ],
    ['writing in the other directory', async () => writeFile(path, 'count = 12\n'), 12],
    ['removing everything', async () => rm(join(top, 'etc'), { recursive: true }), null],
    ['making it again', async () => mkdir(etc, { recursive: true }).then(() => writeFile(path, 'count = 13\n')), 13],
  ];
  for (const [what, change, told] of changes) {
    await change();
    // What was seen between the two steps of a change comes first.
    await expect.poll(() => news.splice(0), { message: what }).toContainEqual(told);
  }
});

test('the last of a burst of changes takes effect, and closing ends the watch', async () => {
  await mkdir(etc, { recursive: true });
  await writeFile(path, 'count = 1\n');
  const before = countWatches();
  const { source, news, next } = await start(true);
  expect(countWatches()).toBeGreaterThan(before);
  for (let count = 2; count <= 200; count += 1) await writeFile(path, `count = ${count}\n`);
  let told = await next();
  while (told !== 200) told = await next();
  expect(news).toEqual([]);
  source.close();
  await writeFile(path, 'count = 300\n');
  await source.reload();
  expect(await next()).toBe(300);
  expect(countWatches()).toBe(before);
});

/** Watches of inotify(7) that this process has. */
function countWatches(): number {
  const descriptors = readdirSync('/proc/self/fdinfo').flatMap((name) => {
    try {
      return [readFileSync(`/proc/self/fdinfo/${name}`, 'utf8')];
    } catch {
      // Closed since, as the one of the directory itself.
      return [];
    }
  });
  return descriptors.join('').match(/^inotify wd:/gm)?.length ?? 0;
}
