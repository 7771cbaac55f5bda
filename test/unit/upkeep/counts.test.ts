import { expect, test } from 'vitest';

import { refresh, watch } from '../../../src/index.ts';

test.each([0, 1001, 1.5, -1])('a pool of %d clones is refused before anything is looked at', async (count) => {
  const refused = { code: 'usage', message: `count takes a whole number from 1 to 1000, not "${count}".` };
  await expect(refresh({ template: 'tank/none', count })).rejects.toMatchObject(refused);
  const { signal } = new AbortController();
  await expect(watch({ pools: [{ template: 'tank/none', count }], signal })).rejects.toMatchObject(refused);
});
