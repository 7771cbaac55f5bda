import { resolve } from 'node:path';

import { IsolateError } from '../../../error.ts';
import { findHome } from '../../../host/home.ts';
import { toJson } from '../../../json.ts';
import { callerEnvironment } from '../../../process/caller-environment.ts';
import { parseSize } from '../../../spec/parse-number.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext } from '../../../template/context.ts';
import { createTemplate } from '../../../template/create.ts';
import type { Filled } from '../../../template/fill/fill.ts';
import { parseSource } from '../../../template/fill/source.ts';
import { newTemplate } from '../../../template/find.ts';
import { parseLabel } from '../../../template/label.ts';
import type { TemplatePlaces } from '../../../template/places.ts';
import { templateName } from '../../../template/template-ref.ts';
import { openFillProgress } from '../../fill-progress.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { saveDefault } from './default.ts';
import { readInsecure } from './insecure.ts';
import { describeFilled } from './made.ts';
import { readWords } from './words.ts';

const form = 'isolate template create TEMPLATE --from SOURCE';

/** `isolate template create TEMPLATE --from SOURCE`. */
export async function createTemplateVerb(parsed: ParsedArguments): Promise<number> {
  const { flags } = parsed;
  const [word = ''] = readWords(parsed, 1, 1, form);
  const places = await callerPlaces();
  const wanted = readWanted(parsed, places);
  const ref = newTemplate(word, places);
  const context = await callerContext();
  const progress = openFillProgress(flags.has('quiet') || flags.has('json'));
  const filled = await withStopSignals((signal) =>
    createTemplate({ ref, ...wanted, signal, onStep: progress.step, onProgress: progress.show }, context),
  ).finally(progress.end);
  const settings = flags.has('default') ? await saveDefault(word, ref, false) : null;
  if (flags.has('json')) print(`${toJson({ template: templateName(ref), record: filled.record, left: filled.left, settings })}\n`);
  else if (!flags.has('quiet')) print(describe(word, filled, settings));
  return 0;
}

type Wanted = Pick<Parameters<typeof createTemplate>[0], 'source' | 'name' | 'label' | 'maxBytes' | 'insecure'> & Distribution;
type Distribution = Pick<Parameters<typeof createTemplate>[0], 'mirror' | 'packages' | 'variant' | 'keyring'>;

/** Throws `usage`, `bad-name`. */
function readWanted(parsed: ParsedArguments, places: TemplatePlaces): Wanted {
  const { values } = parsed;
  const from = values.get('from');
  if (from === undefined) {
    throw new IsolateError('usage', 'The option --from is missing: what is the template made from?', {
      hint: 'for example: --from debian:trixie',
    });
  }
  const source = parseSource(from, { workingDirectory: places.workingDirectory, home: findHome(callerEnvironment()) });
  const distribution = readDistribution(values, places);
  const [stray] = Object.keys(distribution);
  if (stray !== undefined && source.kind !== 'distribution') {
    throw new IsolateError('usage', `--${stray} is only for releases of distributions, not for ${from}.`);
  }
  const [label, size] = [values.get('label'), values.get('max-size')];
  return {
    source,
    name: from,
    insecure: readInsecure(parsed, source.kind === 'image' && source.format === 'docker' ? source.locator : null, from),
    ...distribution,
    ...(label === undefined ? {} : { label: parseLabel(label) }),
    ...(size === undefined ? {} : { maxBytes: parseSize('--max-size', size) }),
  };
}

function readDistribution(values: ParsedArguments['values'], { workingDirectory }: TemplatePlaces): Distribution {
  const [mirror, packages, variant, keyring] = ['mirror', 'packages', 'variant', 'keyring'].map((name) => values.get(name));
  if (mirror !== undefined && !/^(?:https?|ftp|file|copy):\/*[^\s\p{Cc}]+$/u.test(mirror)) {
    throw new IsolateError('usage', `--mirror takes an address such as http://deb.debian.org/debian, not ${JSON.stringify(mirror)}.`);
  }
  if (variant !== undefined && !/^[a-z]+$/.test(variant)) {
    throw new IsolateError('usage', `--variant takes a name such as minbase, buildd or standard, not ${JSON.stringify(variant)}.`);
  }
  return {
    ...(mirror === undefined ? {} : { mirror }),
    ...(packages === undefined ? {} : { packages: packages.split(',').map(readPackage) }),
    ...(variant === undefined ? {} : { variant }),
    ...(keyring === undefined ? {} : { keyring: resolve(workingDirectory, keyring) }),
  };
}

/** As Debian's policy has them, with an architecture. */
function readPackage(name: string): string {
  if (/^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?$/.test(name)) return name;
  throw new IsolateError('usage', `--packages takes names of packages with commas between them; ${JSON.stringify(name)} is none.`);
}

function describe(word: string, filled: Filled, settings: string | null): string {
  const lines = [`made ${word} from ${filled.record.source ?? 'nothing'}`, ...describeFilled(filled)];
  if (settings !== null) lines.push(`runs use it now, says ${settings}`);
  lines.push(`a shell in a throw-away copy of it: isolate${settings === null ? ` -c ${word}` : ''} bash`);
  return `${lines.join('\n')}\n`;
}
