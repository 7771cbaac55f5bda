import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext } from '../../../template/context.ts';
import { createTemplate } from '../../../template/create.ts';
import { type CreateRequest, settleCreateRequest } from '../../../template/create-request.ts';
import type { Filled } from '../../../template/fill/fill.ts';
import { templateName, type TemplateRef } from '../../../template/template-ref.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { toIsolateError } from '../../render-error.ts';
import { saveDefault } from './default.ts';
import { follow } from './follow.ts';
import { readInsecure } from './insecure.ts';
import { describeFilled } from './made.ts';
import { readWords } from './words.ts';

const form = 'isolate template create TEMPLATE --from SOURCE';

/** `isolate template create TEMPLATE --from SOURCE`. */
export async function createTemplateVerb(parsed: ParsedArguments): Promise<number> {
  const { flags } = parsed;
  const [word = ''] = readWords(parsed, 1, 1, form);
  const request = readRequest(parsed);
  const wanted = settleCreateRequest(word, request, await callerPlaces());
  const { ref, source } = wanted;
  readInsecure(parsed, source.kind === 'image' ? source.locator : null, request.from);
  const context = await callerContext();
  const filled = await follow(parsed, (following) => createTemplate({ ...wanted, ...following }, context));
  const settings = flags.has('default') ? await makeDefault(word, ref) : null;
  if (flags.has('json')) print(`${toJson({ template: templateName(ref), record: filled.record, left: filled.left, settings })}\n`);
  else if (!flags.has('quiet')) print(describe(word, filled, settings));
  return 0;
}

async function makeDefault(word: string, ref: TemplateRef): Promise<string> {
  try {
    return await saveDefault(word, ref, false);
  } catch (cause) {
    const { code } = toIsolateError(cause);
    const hint = `isolate template default ${word}`;
    throw new IsolateError(code, `The template ${word} was made, but it could not become the default.`, { cause, hint });
  }
}

/** Throws `usage`. */
function readRequest({ flags, values }: ParsedArguments): CreateRequest {
  const [from, packages, maxSize] = [values.get('from'), values.get('packages'), values.get('max-size')];
  if (from === undefined) {
    throw new IsolateError('usage', 'The option --from is missing: what is the template made from?', {
      hint: 'for example: --from debian:trixie',
    });
  }
  const plain = ['mirror', 'variant', 'keyring', 'label'].flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    from,
    ...Object.fromEntries(plain),
    ...(packages === undefined ? {} : { packages: packages.split(',') }),
    ...(maxSize === undefined ? {} : { maxSize }),
    insecure: flags.has('insecure'),
  };
}

function describe(word: string, filled: Filled, settings: string | null): string {
  const lines = [`made ${word} from ${filled.record.source ?? 'nothing'}`, ...describeFilled(filled)];
  if (settings !== null) lines.push(`it is the default template now: ${settings}`);
  lines.push(`a shell in a throw-away copy of it: isolate${settings === null ? ` -c ${word}` : ''} bash`);
  return `${lines.join('\n')}\n`;
}
