import { getSystemErrorMap } from 'node:util';

import packageJson from '../package.json' with { type: 'json' };
import { verbs } from '../src/cli/verbs.ts';
import { describeErrno, quotaErrno, sessionInUseHint } from '../src/error.ts';
import { engineOutOfMemory, joinFailures, takenFailure, userFailures } from '../src/launch/failure.ts';
import { steps } from '../src/launch/steps.ts';
import { signalNames } from '../src/launch/signals.ts';
import { optionsOfNode } from '../src/run/run-client.ts';
import { runOptions } from '../src/spec/options/table.ts';

/** Words that the client shares with Node, in C: of failed launches, and of command lines that are Node's alone. What client/texts.h has to be. */
export function renderTextsHeader(): string {
  const names = [...getSystemErrorMap()].map(([number, [name]]) => [-number, name] as const).filter(([number]) => number < 1000);
  const errors = [quotaErrno, ...getSystemErrorMap().keys()]
    .map((number) => [-number, describeErrno(number)] as const)
    .filter(([number]) => number < 1000);
  const ofNode = runOptions.filter(({ long }) => optionsOfNode.includes(long));
  return `${[
    '/* Written by scripts/build-texts.ts from package.json, src/launch, the verbs, the options and the errors of Node. */',
    '#ifndef TEXTS_H',
    '#define TEXTS_H',
    '',
    `#define VERSION ${JSON.stringify(packageJson.version)}`,
    `#define ENGINE_OUT_OF_MEMORY ${JSON.stringify(engineOutOfMemory)}`,
    `#define TAKEN_FAILURE ${JSON.stringify(takenFailure)}`,
    `#define TAKEN_HINT ${JSON.stringify(sessionInUseHint)}`,
    ...Object.entries(userFailures).map(([name, text]) => `#define USER_${name} ${JSON.stringify(text)}`),
    ...Object.entries(joinFailures).map(([name, text]) => `#define JOIN_${name.toUpperCase()} ${JSON.stringify(text.replace('%', '%s'))}`),
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
    '/* What src/run/run-client.ts and the verbs leave to Node. */',
    list(
      'node_verbs',
      verbs.filter((verb) => verb !== 'run' && verb !== 'exec'),
    ),
    list(
      'node_options',
      ofNode.map(({ long }) => `--${long}`),
    ),
    list(
      'node_variables',
      ofNode.flatMap(({ variable }) => (variable === undefined ? [] : [variable.name])),
    ),
    '',
    '#endif',
  ].join('\n')}\n`;
}

function list(name: string, words: readonly string[]): string {
  return `static const char *const ${name}[] = {${words.map((word) => JSON.stringify(word)).join(', ')}};`;
}
