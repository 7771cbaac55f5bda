import { expect, test } from 'vitest';

import { findUserName } from '../../../src/host/passwd.ts';

const text = 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/sh\n+::::::\n';

test('a user is found by uid', () => {
  expect([findUserName(text, 1000), findUserName(text, 0)]).toEqual(['ada', 'root']);
});

test('a uid that the file does not have is nobody', () => {
  expect([findUserName(text, 1), findUserName('', 0)]).toEqual([null, null]);
});
