import fc from 'fast-check';
import { isIP } from 'node:net';
import { expect, test } from 'vitest';

import { isIPv4, isIPv6 } from '../../../src/spec/ip.ts';

test('what is an address is what Node takes for one', () => {
  const odd = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '::',
    '::1',
    ':::',
    '1::2::3',
    '::ffff:1.2.3.4',
    '::1.2.3',
    'fe80::1%eth0',
    '[::1]',
    '::1]/x[',
  ];
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom(...odd),
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdefF.:%]')) }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect([text, isIPv4(text), isIPv6(text)]).toEqual([text, isIP(text) === 4, isIP(text) === 6 && !text.includes('%')]);
    }),
    { numRuns: 2000 },
  );
});
