import { getSystemErrorMap } from 'node:util';

import packageJson from '../package.json' with { type: 'json' };
import { engineOutOfMemory, userFailures } from '../src/launch/failure.ts';
import { steps } from '../src/launch/schema.ts';
import { signalNames } from '../src/launch/signals.ts';

/** The words of a failed launch for C, so that it says the same: what client/texts.h has to be. */
export function renderTextsHeader(): string {
  const names = [...getSystemErrorMap()].map(([number, [name]]) => [-number, name] as const).filter(([number]) => number < 1000);
  const errors = [...getSystemErrorMap()].map(([number, [, text]]) => [-number, text] as const).filter(([number]) => number < 1000);
  return `${[
    '/* Written by scripts/build-texts.ts from package.json, src/launch and the errors of Node. */',
    '#ifndef TEXTS_H',
    '#define TEXTS_H',
    '',
    `#define VERSION ${JSON.stringify(packageJson.version)}`,
    `#define ENGINE_OUT_OF_MEMORY ${JSON.stringify(engineOutOfMemory)}`,
    ...Object.entries(userFailures).map(([name, text]) => `#define USER_${name} ${JSON.stringify(text)}`),
    'static const char *const step_names[] = {',
    ...steps.map((name, index) => `  [${index + 1}] = ${JSON.stringify(name)},`),
    '};',
    '/* By errno. */',
    'static const char *const error_texts[] = {',
    ...errors.toSorted(([a], [b]) => a - b).map(([number, text]) => `  [${number}] = ${JSON.stringify(text)},`),
    '};',
    'static const char *const error_names[] = {',
    ...names.toSorted(([a], [b]) => a - b).map(([number, name]) => `  [${number}] = ${JSON.stringify(name)},`),
    '};',
    '/* By number. */',
    'static const char *const signal_names[] = {',
    ...signalNames.map((name, index) => `  [${index + 1}] = ${JSON.stringify(name)},`),
    '};',
    '',
    '#endif',
  ].join('\n')}\n`;
}
