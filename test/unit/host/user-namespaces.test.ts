import { expect, test } from 'vitest';

import { answerUserNamespaces } from '../../../src/host/user-namespaces.ts';

test.each([
  [{ maximum: null, unprivilegedClone: null, apparmorRestriction: null }, 0, 'unsupported'],
  [{ maximum: '0\n', unprivilegedClone: null, apparmorRestriction: null }, 0, 'maximum-zero'],
  [{ maximum: '9\n', unprivilegedClone: '0\n', apparmorRestriction: '1\n' }, 0, 'allowed'],
  [{ maximum: '9\n', unprivilegedClone: '0\n', apparmorRestriction: null }, 1000, 'clone-disabled'],
  [{ maximum: '9\n', unprivilegedClone: '1\n', apparmorRestriction: '1\n' }, 1000, 'apparmor-restricted'],
  [{ maximum: '9\n', unprivilegedClone: null, apparmorRestriction: '0\n' }, 1000, 'allowed'],
] as const)('%j for uid %i: %s', (settings, uid, answer) => {
  expect(answerUserNamespaces(settings, uid)).toBe(answer);
});
