import fc from 'fast-check';

import type { Change, ChangeKind, FileKind, FileState } from '../../src/changes/change.ts';

/** What might become more than text in a page or on a terminal. */
export const hostileTexts = [
  '<script>alert(1)</script>',
  '</details></ul></main>',
  '"><img src=x onerror=alert(1)>',
  "' onclick='alert(1)",
  '&lt;b&gt;',
  '&#60;',
  '<!--',
  ']]>',
  '\x1b[31m',
  '\x9b31m',
  '\xe2\x80\xae',
  '\r\n',
  '\t',
  ' ',
  '\\',
  'javascript:alert(1)',
];

const anyName = fc.oneof(
  fc.constantFrom('etc', 'usr', 'share', 'a', 'b', ...hostileTexts.map((each) => each.replaceAll('/', ''))),
  fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll(/[\0/]/g, 'x')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map((text) => Buffer.from(text).toString('latin1').replaceAll(/[\0/]/g, 'x')),
);

const name = anyName.filter((each) => each !== '.' && each !== '..');

/** Any bytes that can be a path below a root. */
export const anyPath: fc.Arbitrary<string> = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));

const fileKind = fc.constantFrom<FileKind>('file', 'file', 'directory', 'link', 'block-device', 'character-device', 'pipe', 'socket');
const id = fc.oneof(fc.constantFrom(0, null), fc.nat(0xffff_ffff));

const anyState: fc.Arbitrary<FileState> = fc
  .record({
    kind: fileKind,
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    sizeBytes: fc.oneof(fc.nat(2000), fc.maxSafeNat()),
    modifiedNs: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    device: fc.record({ major: fc.nat(4095), minor: fc.nat(4095) }),
    inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    links: fc.nat(5),
    target: anyPath,
  })
  .map((state) => ({ ...state, target: state.kind === 'link' ? state.target : null }));

const attributeName = fc.oneof(
  fc.constantFrom('security.capability', 'system.posix_acl_access', 'system.posix_acl_default', 'user.<b>'),
  anyPath.map((path) => `user.${path}`),
);
const value = fc.option(fc.uint8Array({ maxLength: 24 }));
const anyAttributes = fc.uniqueArray(fc.record({ name: attributeName, before: value, after: value }), {
  maxLength: 3,
  selector: (attribute) => attribute.name,
});

const differences = ['content', 'type', 'mode', 'owner', 'group', 'attributes', 'acl'] as const satisfies readonly ChangeKind[];

/** Any change, whose parts need not fit each other. */
export const anyChange: fc.Arbitrary<Change> = fc
  .record({
    path: anyPath,
    what: fc.constantFrom('added', 'deleted', 'moved', 'changed'),
    before: anyState,
    after: anyState,
    from: anyPath,
    attributes: anyAttributes,
    kinds: fc.subarray([...differences], { minLength: 1 }),
  })
  .map(({ path, what, before, after, from, attributes, kinds }): Change => {
    const change = { path, attributes };
    if (what === 'added') return { ...change, kinds: ['added'], before: null, after };
    if (what === 'deleted') return { ...change, kinds: ['deleted'], before, after: null };
    if (what === 'moved') return { ...change, kinds: ['added', 'deleted', ...kinds], before, after, movedFrom: from };
    return { ...change, kinds, before, after };
  });
