import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { refuseReachable } from '../../../src/template/keep-private.ts';

test.each(['root', 'user'] as const)(
  "a link in a private directory does not hide that the template is in everybody's reach (%s)",
  async (rights) => {
    const directory = await mkdtemp(join(tmpdir(), 'isolate-linked-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const [open, closed] = [join(directory, 'open'), join(directory, 'closed')];
    await chmod(directory, 0o755);
    await mkdir(open, { mode: 0o755 });
    await mkdir(closed, { mode: 0o700 });
    await symlink(open, join(closed, 'store'));
    const refuse = (path: string) => () => refuseReachable({ kind: 'directory', path }, { uid: 0, gid: 0, rights });
    expect(refuse(join(closed, 'box'))).not.toThrow();
    expect(refuse(join(closed, 'store/box'))).toThrow(
      `Other users can enter ${open}, and could start set-uid programs of a template there.`,
    );
  },
);
