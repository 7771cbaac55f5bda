import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';

import type { CommandResult } from '../../../src/process/command.ts';
import { readTokenGuid, refuseForeignToken } from '../../../src/template/dataset/resume-token.ts';
import { splitLabel } from '../../../src/template/label.ts';
import { parseDestination } from '../../../src/template/transfer/destination.ts';
import { parseHeader, printHeader, type StreamHeader } from '../../../src/template/transfer/header.ts';
import { chooseTransfer, type Offer, parseOffer } from '../../../src/template/transfer/offer.ts';
import { readHeader } from '../../../src/template/transfer/read-header.ts';
import { sealPayload, unsealPayload } from '../../../src/template/transfer/seal.ts';

const headers: readonly StreamHeader[] = [
  { name: 'debian', label: null, carried: { kind: 'tar' } },
  { name: 'rpool/ü', label: 'first', carried: { kind: 'zfs', part: 'whole' } },
  { name: '/srv/x', label: 'b', carried: { kind: 'zfs', part: 'changes', base: '18446744073709551615' } },
  { name: 'x', label: 'b', carried: { kind: 'zfs', part: 'rest' } },
];

test.each(headers)('the header of $name is read as it was written, however it is cut', async (header) => {
  const bytes = Buffer.concat([Buffer.from(printHeader(header)), Buffer.from('payload')]);
  for (const size of [1, 7, 1000]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
    const stream = Readable.from(chunks, { objectMode: false });
    expect([await readHeader(stream, 'it'), (await buffer(stream)).toString()]).toEqual([header, 'payload']);
  }
});

test.each([
  '',
  '[]',
  'null',
  '{}',
  '{"name":"x","label":null,"kind":"zip"}',
  '{"name":"x\\n","label":null,"kind":"tar"}',
  '{"name":"x","label":1,"kind":"tar"}',
  '{"name":"x","label":null,"kind":"zfs","part":"changes","base":"-x"}',
])('%j is no header', (text) => {
  expect(() => parseHeader(text, 'it')).toThrow('it has a header that this isolate does not know.');
});

test.each([
  ['', 'it is empty.'],
  ['isolate-temp', 'it is not what isolate template send writes.'],
  ['isolate-template 2\n{}\n', 'it is not what isolate template send writes.'],
  [`isolate-template 1\n${'x'.repeat(20_000)}`, 'it is not what isolate template send writes.'],
])('%.20j is no stream', async (text, message) => {
  await expect(readHeader(Readable.from([Buffer.from(text)], { objectMode: false }), 'it')).rejects.toThrow(message);
});

/** What comes out of a sealed payload after `change`, and whether it was whole. */
async function through(payload: string, change: (bytes: Buffer) => Buffer): Promise<readonly [string, string]> {
  const sealing = sealPayload();
  sealing.stream.end(payload);
  const unsealing = unsealPayload('it');
  const out: Buffer[] = [];
  unsealing.stream.on('data', (chunk: Buffer) => void out.push(chunk));
  const bytes = change(await buffer(sealing.stream));
  for (let at = 0; at < bytes.length; at += 50) unsealing.stream.write(bytes.subarray(at, at + 50));
  unsealing.stream.end();
  const verdict = await unsealing.whole.then(
    () => 'whole',
    (error: Error) => error.message,
  );
  return [Buffer.concat(out).toString(), verdict];
}

test('a seal comes off, and shows what was cut or changed', async () => {
  const payload = 'payload '.repeat(40);
  expect([await through(payload, (bytes) => bytes), await through('', (bytes) => bytes)]).toEqual([
    [payload, 'whole'],
    ['', 'whole'],
  ]);
  const early = 'it ended before the template was complete.';
  expect((await through(payload, (bytes) => bytes.subarray(0, -1)))[1]).toBe(early);
  expect((await through(payload, (bytes) => bytes.subarray(0, 10)))[1]).toBe(early);
  expect((await through(payload, (bytes) => bytes.fill(0x21, 3, 4)))[1]).toBe('it was damaged on its way: its checksum is wrong.');
});

test.each([
  [undefined, { kind: 'standard-output' }],
  ['-', { kind: 'standard-output' }],
  ['./a:b', { kind: 'file', path: './a:b' }],
  ['/a', { kind: 'file', path: '/a' }],
  ['host:x', { kind: 'host', host: 'host', template: 'x' }],
  ['me@host:rpool/x', { kind: 'host', host: 'me@host', template: 'rpool/x' }],
  ['me@[::1]:/srv/x', { kind: 'host', host: 'me@::1', template: '/srv/x' }],
])('%j is a destination', (text, destination) => {
  expect(parseDestination(text)).toEqual(destination);
});

test.each(['x', 'host:', '-oX=y:z', 'a@-oX=y:z', 'a b:c', ''])('%j is no destination', (text) => {
  expect(() => parseDestination(text)).toThrow('cannot be sent to');
});

test.each([
  ['debian', { template: 'debian', label: null }],
  ['debian@a', { template: 'debian', label: 'a' }],
  ['/a@b/c', { template: '/a@b/c', label: null }],
  ['./c@d@e', { template: './c@d', label: 'e' }],
])('%j names a snapshot or not', (text, split) => {
  expect(splitLabel(text)).toEqual(split);
});

const [one, two, three] = ['1', '2', '3'].map((guid) => ({ label: `s${guid}`, guid }));
const own = [one!, two!, three!];
const none: Offer = { storage: 'zfs', exists: false, snapshots: [], resumeToken: null };

test.each([
  [none, { kind: 'whole' }],
  [
    { ...none, resumeToken: '1-a-b' },
    { kind: 'rest', token: '1-a-b' },
  ],
  [
    { ...none, exists: true, snapshots: [one!, two!] },
    { kind: 'changes', base: two },
  ],
  [{ ...none, exists: true, snapshots: own }, { kind: 'nothing' }],
  [{ ...none, storage: 'directory' as const }, { kind: 'tar' }],
])('%j is answered with what it lacks', (offer, choice) => {
  expect(chooseTransfer(three!, own, offer, 'it')).toEqual(choice);
});

test('a template that is another one is refused', () => {
  for (const offer of [
    { ...none, exists: true },
    { ...none, storage: 'directory' as const, exists: true },
  ])
    expect(() => chooseTransfer(three!, own, offer, 'it')).toThrow('There is already a template it');
});

test.each([
  '',
  '{}',
  '[]',
  JSON.stringify({ ...none, resumeToken: '-t x' }),
  JSON.stringify({ ...none, snapshots: [{ label: 'x', guid: '-' }] }),
])('%j is no offer', (text) => {
  expect(() => parseOffer(text, 'far')).toThrow('isolate on far gave an answer that this isolate does not know.');
});

/** As zfs(8) prints the token of a transfer, whose names are the receiver's words. */
function printToken(toguid: string, toname = 'rpool/x@s'): string {
  return [
    'resume token contents:',
    'nvlist version: 0',
    '\tobject = 0x2',
    '\toffset = 0x1a0000',
    '\tbytes = 0x1a2f88',
    `\ttoguid = ${toguid}`,
    `\ttoname = ${toname}`,
    'full send of rpool/x@s estimated size is 8.05M',
    'total estimated size is 6.43M',
    '',
  ].join('\n');
}

test.each([
  [printToken('0xff'), '255'],
  [printToken('0xffffffffffffffff'), '18446744073709551615'],
  [printToken('0xff', 'x\n\ttoguid = 0x1'), null],
  [printToken('x'), null],
  ['cannot resume send: resume token is corrupt', null],
])('what zfs prints of a token says which snapshot it continues: %j', (printed, guid) => {
  expect(readTokenGuid(printed)).toBe(guid);
});

test('a receiver cannot ask for the rest of another dataset than the one that is sent to it', async () => {
  const zfs = (): Promise<CommandResult> => Promise.resolve({ exitCode: 0, stdout: printToken('0xff', 'rpool/secret@s'), stderr: '' });
  const context = { dataset: 'rpool/x', commands: { ...unused, zfs } };
  await expect(refuseForeignToken(context, '1-a-b', ['1', '2'])).rejects.toThrow(
    'What was interrupted is not a transfer of this state of rpool/x.',
  );
  await refuseForeignToken(context, '1-a-b', ['1', '255']);
});

function unexpected(): never {
  throw new Error('Nothing else is asked.');
}

const unused = { zpool: unexpected, zfsMany: unexpected, mountTable: unexpected, mountSnapshot: unexpected, umount: unexpected };
