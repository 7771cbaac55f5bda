import { IsolateError } from '../../error.ts';
import { planReadToken } from './plan.ts';
import type { DatasetContext } from './zfs.ts';

/**
 * Throws `transfer-failed` for a token that continues anything but one of the snapshots with these guids: it comes from another host,
 * which could have made it for any dataset of this one.
 */
export async function refuseForeignToken(
  { commands, dataset }: Pick<DatasetContext, 'commands' | 'dataset'>,
  token: string,
  guids: readonly string[],
): Promise<void> {
  const { stdout, stderr } = await commands.zfs(dataset, planReadToken(token));
  const guid = readTokenGuid(`${stdout}\n${stderr}`);
  if (guid !== null && guids.includes(guid)) return;
  throw new IsolateError('transfer-failed', `What was interrupted is not a transfer of this state of ${dataset}.`, {
    hint: 'on the receiving host: isolate template receive --abort TEMPLATE',
  });
}

/**
 * The guid of the snapshot that a token continues, in decimal, from what `zfs send -n -v -t` prints; null: it is not certain. The names in
 * a token are printed as they are, so they can have lines of their own.
 */
export function readTokenGuid(printed: string): string | null {
  const [guid, ...others] = printed.split('\n').flatMap((line) => /^\s*toguid = (.*)$/.exec(line)?.[1] ?? []);
  return guid !== undefined && others.length === 0 && /^0x[0-9a-f]{1,16}$/.test(guid) ? BigInt(guid).toString() : null;
}
