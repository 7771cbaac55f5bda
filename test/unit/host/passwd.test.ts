import { expect, test } from 'vitest';

import { findUid, findUserName } from '../../../src/host/passwd.ts';

const text = 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/sh\n+::::::\n';

test('a name is found by uid and a uid by name', () => {
  expect([findUserName(text, 1000), findUid(text, 'ada'), findUid(text, 'root')]).toEqual(['ada', 1000, 0]);
});

test('what the file does not have is null', () => {
  expect([findUserName(text, 1), findUid(text, 'bob'), findUid(text, '+'), findUid('', 'x')]).toEqual([null, null, null, null]);
});
