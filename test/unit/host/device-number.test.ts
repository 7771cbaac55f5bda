import { readdirSync, readFileSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';

import { deviceNumber, formatDevice } from '../../../src/host/device-number.ts';

it.each([
  [0, 0, 0],
  [8, 1, 0x801],
  [0, 0xfffff, 0xfff000ff],
  [0xfff, 0x12345, 0x123fff45],
])('the device %i:%i is the number %i, and back', (major, minor, number) => {
  expect({ number: deviceNumber(major, minor), text: formatDevice(number) }).toEqual({ number, text: `${major}:${minor}` });
});

it('the block devices of this host have these numbers', () => {
  const devices = readdirSync('/sys/class/block').slice(0, 20);
  const texts = devices.map((name) => readFileSync(`/sys/class/block/${name}/dev`, 'utf8').trim());
  const files = devices.map((name, index) => ({
    name,
    text: texts[index],
    number: statSync(`/dev/${name}`, { throwIfNoEntry: false })?.rdev,
  }));
  const there = files.filter(({ number }) => number !== undefined);
  expect(there.map(({ number = 0 }) => formatDevice(number))).toEqual(there.map(({ text }) => text));
});
