/* A hook that changes the root of a session: ROOTFS=DIR node change-session.ts WORK; WORK/steps.json has the steps. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { applySteps, type TreeStep } from './random-tree.ts';
import { walkBoth } from './tree-walk.ts';

const [, , work = ''] = process.argv;
const root = process.env['ROOTFS'] ?? '';
const before = join(work, 'before');
const { steps } = JSON.parse(readFileSync(join(work, 'steps.json'), 'utf8')) as { readonly steps: readonly TreeStep[] };
mkdirSync(before);
// What the root is at the beginning, with the owners that the storage gave it.
execFileSync('cp', ['-a', `${root}/.`, before]);
applySteps(join(root, 'srv'), steps);
writeFileSync(join(work, 'expected.json'), JSON.stringify(walkBoth(before, root)));
