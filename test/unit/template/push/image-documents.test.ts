import { expect, test } from 'vitest';

import { parseImageConfig } from '../../../../src/template/oci/config.ts';
import { parseIndex } from '../../../../src/template/oci/index-file.ts';
import { parseManifest } from '../../../../src/template/oci/manifest.ts';
import {
  configType,
  describeImage,
  layerTypes,
  manifestType,
  printImageConfig,
  printIndex,
  printManifest,
} from '../../../../src/template/push/image-documents.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const digest = (digit: string) => ({ algorithm: 'sha256', hex: digit.repeat(64) }) as const;

test('the configuration of an image says what isolate reads as the defaults of a template', () => {
  const defaults = {
    entrypoint: ['/bin/sh', '-c'],
    command: ['a "b"'],
    environment: { A: 'b=c', B: '' },
    workingDirectory: '/srv',
    user: 'ada:1',
  };
  for (const given of [defaults, {}]) {
    const config = printImageConfig({ createdMs: 0, defaults: given, platform, diffId: digest('1') });
    expect(parseImageConfig(config, 'it', platform)).toEqual({ defaults: given, diffIds: [digest('1')], unused: [] });
  }
});

test('the time of a template without a record is left out', () => {
  const text = printImageConfig({ createdMs: null, defaults: {}, platform, diffId: digest('1') }).toString();
  expect(JSON.parse(text)).toEqual({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [`sha256:${'1'.repeat(64)}`] },
    history: [{ created_by: 'isolate template push' }],
  });
});

test('manifest and index name what they consist of', () => {
  const config = { mediaType: configType, digest: digest('2'), size: 2 };
  const layer = { mediaType: layerTypes.zstd, digest: digest('3'), size: 3 };
  const plain = { platform: null, names: [], foreign: false };
  expect(parseManifest(printManifest(config, layer), 'it')).toEqual({ config: { ...config, ...plain }, layers: [{ ...layer, ...plain }] });
  const manifest = { mediaType: manifestType, digest: digest('4'), size: 4 };
  expect(parseIndex(printIndex([describeImage(manifest, platform, 'one'), describeImage(manifest, platform, null)]), 'it')).toEqual([
    { ...manifest, platform, names: ['one'], foreign: false },
    { ...manifest, platform, names: [], foreign: false },
  ]);
});
