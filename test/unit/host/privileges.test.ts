import { expect, test } from 'vitest';

import { parsePrivileges } from '../../../src/host/privileges.ts';

const status = (effective: string, bounding: string, flag: number): string =>
  `Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t${effective}\nCapBnd:\t${bounding}\nNoNewPrivs:\t${flag}\nSeccomp:\t0\n`;
const all = '000001ffffffffff';

test.each([
  ['an ordinary process of root', status(all, all, 0), null, []],
  ['a process with no_new_privs', status(all, all, 1), 'no_new_privs is set', []],
  [
    'root in a container of docker',
    status('00000000a80425fb', '00000000a80425fb', 0),
    'the bounding set lacks CAP_SYS_ADMIN',
    ['CAP_SYS_ADMIN'],
  ],
  [
    'a user without any',
    status('0000000000000000', '0000000000000000', 0),
    'the bounding set lacks CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN',
    ['CAP_SETGID', 'CAP_SETUID', 'CAP_SYS_CHROOT', 'CAP_SYS_ADMIN'],
  ],
  ['a kernel that tells nothing', '', null, []],
])('%s', (_, text, withheld, missing) => {
  expect(parsePrivileges(text)).toEqual({ withheld, missing });
});
