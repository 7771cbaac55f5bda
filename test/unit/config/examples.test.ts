import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';

const top = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(top, file), 'utf8');
const parse = async (text: string): Promise<Config> => await parseConfig([{ path: 'config.toml', text }]);

const allKeys: Omit<Config, 'count' | 'files'> = {
  template: 'debian',
  engine: 'bwrap',
  store: 'rpool/isolate',
  templates: new Map([
    ['rpool/isolate/debian', { count: 20, users: [], groups: ['isolate'], engines: null }],
    ['rpool/isolate/build', { count: null, users: ['ada', '1001'], groups: ['builders'], engines: ['bwrap'] }],
  ]),
  limits: {
    leases: 64,
    leasesPerMinute: 600,
    waiting: 32,
    sessions: 16,
    cpuPercent: 400,
    memoryBytes: 8 * 2 ** 30,
    pids: 4096,
    users: new Map([['ada', { leases: 128 }]]),
  },
  ids: { uids: { start: 1_000_000_000, count: 6_553_600 }, gids: { start: 1_000_000_000, count: 6_553_600 } },
};

test('the example of docs/daemon.md says what it seems to say', async () => {
  const [, example = ''] = /^```toml\n([^]*?)^```/m.exec(read('docs/daemon.md')) ?? [];
  expect(await parse(example)).toEqual({ ...allKeys, count: 5, files: ['config.toml'] });
});

test('every example of docs can be read', async () => {
  const examples = ['docs/daemon.md', 'docs/install.md'].flatMap((file) =>
    [...read(file).matchAll(/^```toml\n([^]*?)^```/gm)].map(([, text = '']) => text),
  );
  expect(examples.length).toBeGreaterThan(1);
  for (const text of examples) await parse(text);
});

test('units/config.toml changes nothing as it is, and is valid with all its lines in force', async () => {
  const text = read('units/config.toml');
  expect(await parse(text)).toEqual({ ...(await parse('')), files: ['config.toml'] });
  expect(await parse(text.replaceAll(/^#(?! )/gm, ''))).toEqual({ ...allKeys, count: 10, files: ['config.toml'] });
});

test('the defaults that docs and the file to begin with name are the real ones', async () => {
  const { limits } = await parse('');
  const page = read('docs/daemon.md');
  expect(page).toMatch(new RegExp(String.raw`\| \x60limits\.leases\x60 \|.*\| ${limits.leases} \|`));
  expect(page).toMatch(new RegExp(String.raw`\| \x60limits\.leases_per_minute\x60 \|.*\| ${limits.leasesPerMinute} \|`));
  expect(page).toMatch(new RegExp(String.raw`\| \x60limits\.waiting\x60 \|.*\| ${limits.waiting} \|`));
});
