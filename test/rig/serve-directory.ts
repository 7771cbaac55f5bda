/**
 * The daemon on templates that are directories, for tests with real processes: `serve-directory.ts DIRECTORY`. A template
 * tank/NAME lies in DIRECTORY/NAME, the settings in DIRECTORY/config.toml, the state in DIRECTORY/run. A run's command line is
 * `-z TEMPLATE --wait SECONDS -- COMMAND...`.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import { serve } from '../../src/daemon/serve.ts';
import type { RunVoice } from '../../src/daemon/command-line.ts';
import { IsolateError } from '../../src/error.ts';
import { runtimePaths } from '../../src/pool/paths.ts';
import { openPool } from '../../src/pool/pool.ts';
import { directoryDriver } from './directory-driver.ts';

const [directory = ''] = process.argv.slice(2);
const runtime = runtimePaths(join(directory, 'run'));

const voice: RunVoice = {
  lines: () => [],
  statusDescriptor: null,
  ignoredSignals: [],
  render: () => '',
  renderError: (error) => `${(error as Error).message}\n`,
  openLog: null,
};

await serve({
  commandLine: {
    parse: (argv) => {
      const [, zfs, , waitSeconds, , ...command] = argv;
      if (zfs === undefined || waitSeconds === undefined) return null;
      return { request: { zfs, waitSeconds: Number(waitSeconds), engine: 'chroot', command }, carriedByLauncher: true, voice, notices: [] };
    },
    settle: () => Promise.resolve(null),
    view: () => null,
    exec: () => null,
    renderError: voice.renderError,
    errorStatus: 125,
  },
  runtime,
  config: { path: join(directory, 'config.toml'), directory: join(directory, 'config.d') },
  openPool: async (template, warn) => {
    const path = join(directory, basename(template));
    const driver = directoryDriver(path);
    const probe: typeof driver.probe = async () => {
      if (!existsSync(path)) throw new IsolateError('template-missing', `There is no dataset ${template}.`);
      return await driver.probe();
    };
    return openPool({ driver: { ...driver, template, probe }, runtime, warn });
  },
});
