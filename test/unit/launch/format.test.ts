import { expect, it } from 'vitest';

import { formatLaunch } from '../../../src/launch/format.ts';
import { bareLaunch } from '../../rig/launches.ts';

it('shows the companions of a launch with what they are given', () => {
  const launch = bareLaunch(['/bin/machine', 'x y'], {
    environment: {},
    descriptors: [{ number: 7, kind: 'channel', channel: 0, end: 0 }],
    companions: [
      {
        name: 'file server',
        identity: 'sandbox',
        file: '/bin/server',
        args: ['server', '--fd=5'],
        environment: { SECRET: 'x' },
        descriptors: [
          { number: 5, kind: 'channel', channel: 0, end: 1 },
          { number: 6, kind: 'ready' },
        ],
        readySocket: '/run/socket',
        workingDirectory: '/srv',
        noNewPrivileges: true,
        seccompFilter: '/filter',
        graceMs: 1000,
      },
    ],
  });
  expect(formatLaunch(launch, { values: false })).toBe(`engine bare
execute /bin/machine
arguments
  /bin/machine
  "x y"
descriptors
  7 end 0 of channel 0
companion "file server"
  execute /bin/server
  arguments
    server
    --fd=5
  environment
    SECRET
  descriptors
    5 end 1 of channel 0
    6 written to when it is ready
  with the ids of the sandbox
  ready when /run/socket exists
  working directory /srv
  no new privileges
  system-call filter /filter
working directory /
`);
});
