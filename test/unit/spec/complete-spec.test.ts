import { expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { completeSpec } from '../../../src/spec/complete-spec.ts';
import { resolveSpec } from '../../../src/spec/resolve-spec.ts';
import type { RunRequest } from '../../../src/spec/request.ts';
import type { TemplateDefaults } from '../../../src/spec/template-record.ts';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const variables = { PATH: path, HOME: '/root', USER: 'root', LOGNAME: 'root' };

function complete(request: RunRequest, defaults: TemplateDefaults | null) {
  const caller = { environment: {}, cwd: '/', readFile: () => '' };
  const wanted = resolveSpec({ zfs: 'tank/web', engine: 'bwrap', ...request }, caller);
  const { command, environment, templateEnvironment, workingDirectory, user } = completeSpec(wanted, defaults);
  return { command, environment, templateEnvironment, workingDirectory, user };
}

const image: TemplateDefaults = {
  entrypoint: ['/entry'],
  command: ['serve', '-p'],
  environment: { PATH: '/app/bin', MODE: 'production', HOME: '/srv' },
  workingDirectory: '/app',
  user: 'web:www',
};

test('what is not given is as the template says', () => {
  expect(complete({}, image)).toEqual({
    command: ['/entry', 'serve', '-p'],
    environment: {},
    templateEnvironment: { PATH: '/app/bin', MODE: 'production', HOME: '/srv' },
    workingDirectory: '/app',
    user: 'web:www',
  });
});

test('what is given counts, and a given command replaces the entrypoint too', () => {
  const given = { command: ['ls'], environment: { MODE: 'test' }, workingDirectory: '/', user: 'root' };
  expect(complete(given, image)).toEqual({
    command: ['ls'],
    environment: { MODE: 'test' },
    templateEnvironment: { PATH: '/app/bin', HOME: '/srv' },
    workingDirectory: '/',
    user: 'root',
  });
});

test('variables of isolate stay where the template sets no other and names no user', () => {
  expect(complete({ command: ['ls'] }, { environment: { HOME: '/h' } })).toMatchObject({
    environment: { PATH: path, USER: 'root', LOGNAME: 'root' },
    templateEnvironment: { HOME: '/h' },
  });
  expect(complete({ command: ['ls'] }, { user: '7' })).toMatchObject({ environment: { PATH: path }, templateEnvironment: undefined });
  expect(complete({ command: ['ls'] }, {})).toEqual({
    command: ['ls'],
    environment: variables,
    templateEnvironment: undefined,
    workingDirectory: '/',
    user: undefined,
  });
});

test.each<[string, TemplateDefaults | null, string]>([
  ['there is none at all', {}, 'No command was given, and tank/web has none of its own.'],
  ['nobody can look', null, 'No command was given, and what tank/web runs by itself is known only when it runs.'],
])('without a command a run is refused if %s', (_, defaults, message) => {
  expect(() => complete({}, defaults)).toThrow(new IsolateError('usage', message, { hint: 'isolate -z DATASET COMMAND [ARG...]' }));
});
