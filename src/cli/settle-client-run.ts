import type { ClientSettings, ParsedRun } from '../daemon/command-line.ts';
import { loadUserSettings } from '../config/runs/load.ts';
import { findPlaces } from '../template/places.ts';
import { findRunTemplate } from '../template/find-run-template.ts';
import { parseTemplate } from '../template/template-ref.ts';
import { onRoot } from '../run/find-session.ts';
import { verbs } from './verbs.ts';
import { asRun } from './entering.ts';
import { isVerb, parseOwn } from './parse-arguments.ts';
import { parsedRun } from './parsed-run.ts';
import { checkRefreshForm } from './run-request.ts';
import { type AllSettings, memoize } from './settings-source.ts';
import { expandAlias, type FindTemplate, settleRun } from './settle-run.ts';

/**
 * The run of a client's command line that depends on settings or on the place of a template. Null: it is no run. Throws what is wrong,
 * which the program in Node finds too and reports.
 */
export async function settleClientRun(argv: readonly string[], client: ClientSettings): Promise<ParsedRun | null> {
  const settings = memoize(async (): Promise<AllSettings> => {
    const user = await loadUserSettings(client.caller, verbs);
    const { layer, store } = client.host();
    return { ...user, layers: [...user.layers, layer], store };
  });
  if (!mayBeRun(argv)) return null;
  const words = await expandAlias(argv, settings);
  if (!mayBeRun(words)) return null;
  const parsed = asRun(parseOwn(words));
  if (parsed.values.has('refresh')) return null;
  checkRefreshForm(parsed);
  const { request, notices } = await settleRun(parsed, settings, findClientTemplate(client));
  return { ...parsedRun(parsed, request), notices };
}

function mayBeRun([first = '']: readonly string[]): boolean {
  return first === 'run' || first === 'enter' || !isVerb(first);
}

function findClientTemplate({ caller: { uid, cwd }, has, findSession }: ClientSettings): FindTemplate {
  return async (request, { store, environment }) => {
    const { clone, session } = request;
    if (session !== undefined) return onRoot(request, await findSession(session));
    if (clone === undefined) return request;
    const places = findPlaces({ uid, environment, workingDirectory: cwd ?? '/', store });
    const text = parseTemplate(clone, places);
    const list = async (place: Parameters<typeof has>[0]): Promise<readonly string[]> =>
      text.kind === 'name' && (await has(place, text.name)) ? [text.name] : [];
    return await findRunTemplate(request, places, list);
  };
}
