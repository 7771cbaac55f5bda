import { expect, test } from 'vitest';

import { parseLabel } from '../../../src/template/label.ts';
import { directoryLayout, parseBeside } from '../../../src/template/directory/layout.ts';

const holder = '1.2.01234567-89ab-cdef-0123-456789abcdef';

test.each(['x.old-0123456789abcdef', `x.move.${holder}`, `x.swap-1.${holder}`, `x.lock.${holder}`])(
  'a snapshot cannot be called %s, because the next change would remove it',
  (label) => {
    expect(() => parseLabel(label)).toThrow('is not a label for a snapshot: what is unfinished has names that end so.');
  },
);

test.each(['x.old-1', 'v1.new-2', '2026-11-28-193000', 'a:b_c'])('a snapshot called %s is told from what is unfinished', (label) => {
  const entry = directoryLayout('/srv/a@b').snapshot(parseLabel(label));
  expect(parseBeside(entry.slice('/srv/'.length))).toEqual({ kind: 'snapshot', of: 'a@b', label });
});
