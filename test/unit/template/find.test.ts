import { expect, test } from 'vitest';

import type { IsolateError } from '../../../src/error.ts';
import { findTemplate, newTemplate } from '../../../src/template/find.ts';
import { findPlaces, type TemplatePlace } from '../../../src/template/places.ts';

const ada = findPlaces({ uid: 1000, environment: { HOME: '/home/ada' }, workingDirectory: '/', store: 'tank/isolate' });
const root = findPlaces({ uid: 0, environment: { HOME: '/root' }, workingDirectory: '/', store: 'tank/isolate' });
const own: TemplatePlace = { kind: 'directory', path: '/home/ada/.local/share/isolate/templates' };
const host: TemplatePlace = { kind: 'dataset', dataset: 'tank/isolate' };

function listing(names: Readonly<Record<TemplatePlace['kind'], readonly string[] | null>>) {
  return async ({ kind }: TemplatePlace) => names[kind];
}

test('a user has a store of its own before that of the host, root makes templates in that of the host', () => {
  expect(ada).toEqual({ workingDirectory: '/', home: '/home/ada', stores: [own, host], own });
  const stores = [{ kind: 'directory', path: '/var/lib/isolate/templates' }, host];
  expect(root).toEqual({ workingDirectory: '/', home: '/root', stores, own: host });
});

test('the variable XDG_DATA_HOME moves the store of a user, and never that of root', () => {
  const environment = { HOME: '/home/ada', XDG_DATA_HOME: '/data' };
  const [moved] = findPlaces({ uid: 1000, environment, workingDirectory: '/', store: null }).stores;
  expect(moved).toEqual({ kind: 'directory', path: '/data/isolate/templates' });
  expect(findPlaces({ uid: 0, environment, workingDirectory: '/', store: null }).stores).toEqual([
    { kind: 'directory', path: '/var/lib/isolate/templates' },
  ]);
});

test('a name means the first template of that name, and the host’s where the caller may not look', async () => {
  const both = listing({ directory: ['debian'], dataset: ['debian', 'fedora'] });
  expect(await findTemplate('debian', ada, both)).toEqual({
    kind: 'directory',
    path: `${own.kind === 'directory' ? own.path : ''}/debian`,
  });
  expect(await findTemplate('fedora', ada, both)).toEqual({ kind: 'dataset', dataset: 'tank/isolate/fedora' });
  expect(await findTemplate('arch', ada, listing({ directory: [], dataset: null }))).toEqual({
    kind: 'dataset',
    dataset: 'tank/isolate/arch',
  });
});

test('a name that no store has is answered with one like it, or with how to make it', async () => {
  const missing = async (name: string, names: readonly string[]) => {
    const { code, message, hint } = (await findTemplate(name, ada, listing({ directory: names, dataset: [] })).catch(
      (error: unknown) => error as IsolateError,
    )) as IsolateError;
    return [code, message, hint];
  };
  expect(await missing('debain', ['debian'])).toEqual(['template-missing', 'There is no template debain.', 'did you mean debian?']);
  expect(await missing('x', [])).toEqual([
    'template-missing',
    'There is no template x.',
    'isolate template create x --from debian:trixie makes one',
  ]);
});

test('a new template with a name is made in the caller’s own store', () => {
  expect(newTemplate('debian', root)).toEqual({ kind: 'dataset', dataset: 'tank/isolate/debian' });
  expect(newTemplate('/srv/debian', ada)).toEqual({ kind: 'directory', path: '/srv/debian' });
  expect(() => newTemplate('tank/x_1', root)).toThrow('"x_1" is not a name for a template: clones have names that end so.');
});
