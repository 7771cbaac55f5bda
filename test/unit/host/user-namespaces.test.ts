import { expect, test } from 'vitest';

import { answerUserNamespaces } from '../../../src/host/user-namespaces.ts';

test.each([
  [{ maximum: null, unprivilegedClone: null, apparmorRestriction: null }, 'root', 'unsupported'],
  [{ maximum: '0\n', unprivilegedClone: null, apparmorRestriction: null }, 'root', 'maximum-zero'],
  [{ maximum: '9\n', unprivilegedClone: '0\n', apparmorRestriction: '1\n' }, 'root', 'allowed'],
  [{ maximum: '9\n', unprivilegedClone: '0\n', apparmorRestriction: null }, 'user', 'clone-disabled'],
  [{ maximum: '9\n', unprivilegedClone: '1\n', apparmorRestriction: '1\n' }, 'user', 'apparmor-restricted'],
  [{ maximum: '9\n', unprivilegedClone: null, apparmorRestriction: '0\n' }, 'user', 'allowed'],
] as const)('%j for %s: %s', (settings, rights, answer) => {
  expect(answerUserNamespaces(settings, rights)).toBe(answer);
});
