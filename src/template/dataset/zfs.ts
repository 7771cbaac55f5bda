import { IsolateError } from '../../error.ts';
import { runCommand } from '../../process/command.ts';
import { runtimePaths, systemRuntimeDirectory, type RuntimePaths } from '../../pool/paths.ts';
import { classifyZfs, zfsError } from '../../storage/zfs/classify.ts';
import { bindZfsCommands, type ZfsCommands } from '../../storage/zfs/commands.ts';
import { parseImplementation, type ZfsImplementation } from '../../storage/zfs/implementation.ts';
import type { ZfsPlan } from '../../storage/zfs/plan.ts';
import { runWhenFree } from '../../storage/zfs/when-free.ts';
import type { TemplateContext } from '../context.ts';
import { parseBeside } from './names.ts';
import { outlivingEnvironment } from '../outliving.ts';

/** What the parts of a dataset's store share. */
export interface DatasetContext {
  readonly dataset: string;
  readonly own: TemplateContext;
  readonly runtime: RuntimePaths;
  readonly implementation: ZfsImplementation;
  readonly commands: ZfsCommands;
}

/** Asks the host once which ZFS it has. Throws `missing-tool`, `not-permitted`. */
export async function openDatasetContext(dataset: string, own: TemplateContext): Promise<DatasetContext> {
  const env = outlivingEnvironment(own.holder);
  const commands = bindZfsCommands(own.facts.tools, (command) => runCommand({ ...command, env: { ...command.env, ...env } }));
  const implementation = parseImplementation(dataset, await commands.zfs(dataset, { args: ['version'] }));
  return { dataset, own, runtime: runtimePaths(systemRuntimeDirectory), implementation, commands };
}

/** Runs a zfs command and returns what it printed. Throws the error of one that fails. */
export async function zfs({ commands }: DatasetContext, object: string, plan: ZfsPlan): Promise<string> {
  const answer = await commands.zfs(object, plan);
  if (answer.exitCode !== 0) throw zfsFailed(object, answer.stderr);
  return answer.stdout;
}

/** The same; null: there is no such dataset. */
export async function zfsIfThere({ commands }: DatasetContext, object: string, plan: ZfsPlan): Promise<string | null> {
  const answer = await commands.zfs(object, plan);
  if (answer.exitCode === 0) return answer.stdout;
  if (classifyZfs(answer.stderr) === 'missing') return null;
  throw zfsFailed(object, answer.stderr);
}

/** A command that needs its dataset to be unused: tried again for a moment. Throws `dataset-busy` if it is used all the time. */
export async function zfsWhenFree(context: DatasetContext, object: string, plan: ZfsPlan): Promise<void> {
  const { exitCode, stderr } = await runWhenFree(context.commands, object, plan, (text) => isInUse(context, text));
  if (exitCode !== 0) throw isInUse(context, stderr) ? zfsError(object, stderr, 'busy') : zfsFailed(object, stderr);
}

/** zfs-fuse has no better word for a rollback while an unmount still goes on. */
function isInUse({ implementation }: DatasetContext, stderr: string): boolean {
  return classifyZfs(stderr) === 'busy' || (implementation.name === 'zfs-fuse' && /cannot rollback '.*': I\/O error/.test(stderr));
}

/** Of a full pool the user hears with the name of the template, not of a draft. */
export function zfsFailed(object: string, stderr: string): IsolateError {
  return zfsError(classifyZfs(stderr) === 'full' ? (parseBeside(object)?.of ?? object) : object, stderr);
}

/** Whether a command failed because the pool is full. */
export function isFull(error: unknown): boolean {
  return error instanceof IsolateError && error.code === 'pool-full';
}

/** Only root can change datasets. Throws `not-permitted`. */
export function refuseOthers({ dataset, own }: Pick<DatasetContext, 'dataset' | 'own'>): void {
  if (own.facts.user.rights === 'root') return;
  throw new IsolateError('not-permitted', `Only root can change the dataset ${dataset}.`, { hint: 'run isolate with sudo' });
}
