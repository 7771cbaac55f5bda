import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Browser, type Screen } from '../rig/browser.ts';
import { isolate } from '../rig/isolate.ts';
import { useOwnState } from '../rig/own-store.ts';
import { contrasts, openAll, tooSmall, tooWide } from '../rig/page-questions.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { unquote } from '../rig/unquote.ts';

/** Names and texts that would like to be more than text, deep and long ones, and many. */
const script = String.raw`
  set -e
  make() { for name; do echo x > "$(printf "$name")"; done; }
  mkdir -p /srv/odd /opt/many /etc/cron.d /root/.ssh
  cd /srv/odd
  make '<script>document.title="run"<\\057script>' '<img src=x onerror=document.title="run">' '"><b onclick=alert(1)>' "it's" '&lt;b&gt;'
  make 'new\nline' 'tab\there' 'latin \351' '\033[31mred' 'right\342\200\256fdp.exe' '\330\271\330\261\330\250\331\212' ' space ' 'javascript:alert(1)'
  name=$(printf '%0255d' 0); make "$name"
  ln -s "/<script>x</script>/$name/$name" link
  cp /bin/busybox 'set<uid>'; chmod 4755 'set<uid>'
  directory=/srv/deep; for level in $(seq 60); do directory=$directory/level$level; done
  mkdir -p $directory; echo x > $directory/file
  for number in $(seq 600); do echo > /opt/many/file-$number; done
  printf '* * * * * root echo "<script>document.title=1</script>" %s\n' $name > '/etc/cron.d/<b>job'
  echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx ada@laptop' > /root/.ssh/authorized_keys
  echo 'mallory<b>:x:0:0:</script>:/:/bin/sh' >> /etc/passwd
  printf '</pre></details></script><script>document.title="run"</script>\n<!-- \033[31mred \342\200\256 reversed\n' >> /srv/hostile.conf
  sed -i 's/x$/y/' /srv/long
  for number in $(seq 9); do echo x > /etc/new-$number.conf; done
  rm /srv/removed; mv /srv/here /srv/there; chmod 666 /srv/open
  rmdir /srv/type; ln -s /etc /srv/type
`;

const phone: Screen = { width: 390, height: 844, isPhone: true };
const desktop: Screen = { width: 1280, height: 900 };
const pictures = join(import.meta.dirname, '../../.cache/screenshots');

const titleOf = ({ count, what }: { readonly count: number; readonly what: string }): string => `${count} ${what}`;

useOwnState();

let work: string;
let address: string;
let browser: Browser;
let json: {
  readonly findings: readonly { readonly count: number; readonly what: string; readonly items: readonly string[] }[];
  readonly changes: readonly { readonly path: string; readonly pathBytes?: string }[];
};
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'isolate-page-'));
  const template = await busyboxRootfs(join(work, 'template'));
  mkdirSync(join(template, 'srv/type'), { recursive: true });
  for (const name of ['removed', 'here', 'open', 'hostile.conf']) writeFileSync(join(template, 'srv', name), `${name}\n`.repeat(2000));
  writeFileSync(join(template, 'srv/long'), `short\n${'x'.repeat(9000)}\n${'x'.repeat(500)}\n`);
  const run = await isolate(['-q', '--keep=hostile', '-t', template, '--ephemeral', 'sh'], { input: script });
  expect(run).toMatchObject({ status: 0, stderr: expect.not.stringContaining('sh:') as string });
  const page = join(work, 'page.html');
  expect(await isolate(['diff', 'hostile', '--html', page])).toMatchObject({ status: 0, stderr: '' });
  json = JSON.parse((await isolate(['diff', 'hostile', '--json'])).stdout) as typeof json;
  address = pathToFileURL(page).href;
  mkdirSync(pictures, { recursive: true });
  browser = await Browser.start();
});
afterAll(async () => {
  await browser?.stop();
  rmSync(work, { recursive: true, force: true });
});

test('the page asks for nothing but itself, and a browser has nothing to say about it', async () => {
  await browser.visit(address, desktop);
  await browser.ask(openAll);
  expect({ requests: browser.requests, complaints: browser.complaints }).toEqual({ requests: [address], complaints: [] });
});

test('its policy would not let anything be loaded', async () => {
  await browser.visit(address, desktop);
  const refused = `new Promise((resolve) => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => resolve([violatedDirective, blockedURI]));
    new Image().src = 'http://127.0.0.1/x';
  })`;
  expect(await browser.ask(refused)).toEqual(['img-src', 'http://127.0.0.1/x']);
  // So the test above would have seen it.
  await expect.poll(() => browser.complaints).toEqual([expect.stringContaining('Content Security Policy')]);
});

test('no name and no text becomes an element or runs', async () => {
  await browser.visit(address, desktop);
  const count = (selector: string) => browser.ask(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
  expect(await browser.ask('document.title')).toBe('Changes of session hostile');
  expect([await count('script'), await count('img'), await count('[onclick]'), await count('a:not([href^="#"])')]).toEqual([1, 0, 0, 0]);
});

test('every finding and every change is there under its name', async () => {
  await browser.visit(address, phone);
  const titles = await browser.ask<string[]>(`Array.from(document.querySelectorAll('h4'), (title) => title.firstChild.data)`);
  expect(titles).toEqual(json.findings.map(titleOf));
  const text = await browser.ask<string>(`document.getElementById('report').textContent`);
  expect(json.findings.flatMap(({ items }) => items).filter((item) => !text.includes(item))).toEqual([]);
  const names = await browser.ask<string[][]>(`Array.from(document.querySelectorAll('.tree li[class]'), (item) => {
    const names = [];
    for (let each = item; each; each = each.parentElement.closest('.tree li')) names.unshift(each.querySelector('.n').textContent);
    return names;
  })`);
  const bytesOf = (name: string): string => unquote(Buffer.from(name.replace(/\/$/, '')).toString('latin1'));
  const paths = json.changes.map(({ path, pathBytes }) => Buffer.from(pathBytes ?? path, pathBytes === undefined ? 'utf8' : 'base64'));
  expect(paths.length).toBe(700);
  expect(names.map((each) => each.map(bytesOf).join('/'))).toEqual(paths.map((path) => path.toString('latin1')));
});

test.each([320, 390, 1280])('nothing is wider than a screen of %i pixels', async (width) => {
  await browser.visit(address, { ...phone, width });
  expect(await browser.ask('document.documentElement.scrollWidth')).toBe(width);
  await browser.ask(openAll);
  expect(await browser.ask(tooWide(width))).toEqual([]);
});

test('what is touched is at least 40 pixels high', async () => {
  await browser.visit(address, phone);
  await browser.ask(openAll);
  expect(await browser.ask(tooSmall(40))).toEqual([]);
});

describe.each(['light', 'dark'] as const)('in %s colours', (scheme) => {
  test('the contrast of every text is at least 4.5', async () => {
    await browser.visit(address, { ...desktop, scheme });
    await browser.ask(openAll);
    const [count, low] = await browser.ask<[number, unknown[]]>(contrasts(4.5));
    expect(low).toEqual([]);
    expect(count).toBeGreaterThan(json.changes.length);
  });

  test.each(['phone', 'desktop'])('a %s shows it, in pictures to look at', async (name) => {
    await browser.visit(address, { ...(name === 'phone' ? phone : desktop), scheme });
    await browser.photograph(join(pictures, `${name}-${scheme}.png`));
    await browser.ask(`for (const part of document.querySelectorAll('.M > details')) part.open = true`);
    await browser.ask(`document.getElementById('changes').scrollIntoView()`);
    const file = join(pictures, `${name}-${scheme}-changes.png`);
    await browser.photograph(file);
    expect(readFileSync(file).toString('latin1', 1, 4)).toBe('PNG');
  });
});

describe('its parts', () => {
  const many = `[...document.querySelectorAll('.tree > li')].find((item) => item.querySelector('.n').textContent === 'opt/')`;
  const summary = `${many}.querySelector('summary')`;
  /** Whether it is open when it has been toggled by what `act` does. */
  const toggled = async (act: () => Promise<void>): Promise<boolean> => {
    const part = `${many}.querySelector('details')`;
    const event = browser.ask<boolean>(
      `new Promise((done) => ${part}.addEventListener('toggle', () => done(${part}.open), { once: true }))`,
    );
    await act();
    return await event;
  };
  const found = () => browser.ask(`document.getElementById('found').textContent`);

  test('open and close by keyboard and by mouse', async () => {
    await browser.visit(address, desktop);
    await browser.ask(`${summary}.focus()`);
    expect(await toggled(() => browser.press('Enter'))).toBe(true);
    expect(await toggled(() => browser.press('Space'))).toBe(false);
    expect(await toggled(() => browser.click(summary))).toBe(true);
    expect(await toggled(() => browser.click(`document.getElementById('collapse')`))).toBe(false);
    expect(await toggled(() => browser.click(`document.getElementById('expand')`))).toBe(true);
  });

  test('open for what a finding leads to', async () => {
    await browser.visit(address, phone);
    const link = `[...document.querySelectorAll('.items a')].find((each) => each.textContent.startsWith('/opt/many'))`;
    expect(await toggled(() => browser.click(link))).toBe(true);
    const isSeen = `(() => { const { top } = document.querySelector(':target').getBoundingClientRect(); return top >= 0 && top < innerHeight; })()`;
    await expect.poll(() => browser.ask(isSeen)).toBe(true);
  });

  test('are chosen by what is typed and by kind', async () => {
    await browser.visit(address, desktop);
    await browser.ask(`document.getElementById('query').focus()`);
    await browser.type('MANY/file-10');
    await expect.poll(found).toBe(`11 of ${json.changes.length} changes`);
    const seen = `[...document.querySelectorAll('.tree li[class]')].filter((item) => item.checkVisibility()).length`;
    expect(await browser.ask(seen)).toBe(12);
    await browser.click(`document.querySelector('label:has([value=A])')`);
    await expect.poll(found).toBe(`0 of ${json.changes.length} changes`);
  });
});

test('readers of screens are told its headings, its regions and what is open', async () => {
  await browser.visit(address, desktop);
  const { nodes } = (await browser.send('Accessibility.getFullAXTree')) as unknown as { readonly nodes: readonly AccessibleNode[] };
  const seen = nodes.filter(({ ignored }) => !ignored);
  const withRole = (...roles: readonly string[]) => seen.filter(({ role }) => roles.includes(role?.value ?? ''));
  const property = (node: AccessibleNode, name: string) => node.properties?.find((each) => each.name === name)?.value.value;
  const nameOf = ({ name }: AccessibleNode) => name?.value;
  const headings = withRole('heading').map((node) => `${String(property(node, 'level'))} ${nameOf(node)}`);
  expect(headings.filter((heading) => !heading.startsWith('4'))).toEqual([
    '1 Changes of session hostile',
    '2 What it means',
    '2 Changes',
    '3 High risk 5 findings',
    '3 Medium risk 3 findings',
    '3 Low risk 3 findings',
    '3 No risk 1 finding',
  ]);
  // What is without risk is closed.
  expect(headings.filter((heading) => heading.startsWith('4'))).toEqual(
    json.findings.slice(0, -1).map((finding) => `4 ${titleOf(finding)}`),
  );
  const regions = withRole('banner', 'navigation', 'main', 'region', 'search', 'contentinfo');
  expect(regions.map((node) => `${node.role?.value} ${nameOf(node)}`.trim())).toEqual([
    'banner',
    'main',
    'contentinfo',
    'navigation Parts of this page',
    'region What it means',
    'region Changes',
    ...['High risk 5 findings', 'Medium risk 3 findings', 'Low risk 3 findings', 'No risk 1 finding'].map((title) => `region ${title}`),
    'search',
  ]);
  const controls = withRole('checkbox', 'searchbox', 'button').map(nameOf);
  expect(controls.join(', ')).toBe('Expand all, Collapse all, Path contains, added, changed, deleted, moved, replaced');
  const parts = withRole('DisclosureTriangle').map((node) => [nameOf(node), property(node, 'expanded')]);
  expect(parts.filter(([name]) => /^(?:etc|opt)\//.test(String(name)))).toEqual([
    ['etc/ 12 changes', true],
    ['opt/ 601 changes', false],
  ]);
});

interface AccessibleNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value: unknown } }[];
}

test('on paper the report is whole, and there is nothing to click', async () => {
  await browser.visit(address, { ...desktop, medium: 'print', scheme: 'dark' });
  const seen = (selector: string) =>
    browser.ask(`[...document.querySelectorAll('${selector}')].filter((element) => element.checkVisibility()).length`);
  expect([await seen('form'), await seen('nav'), await seen('.items summary')]).toEqual([0, 0, 0]);
  expect(await seen('#low .items li li')).toBeGreaterThan(0);
  expect(await browser.ask('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
  await browser.photograph(join(pictures, 'paper.png'));
});
