import { makeRandom } from '../process/random.ts';
import { formatHolder, isAlive, parseHolder, readOwnHolder } from './holder.ts';
import { readOwnPidNamespace } from './pid-namespace.ts';

/** A name for what this process needs for a while. If it is killed, `isLeft` tells a later process. */
export function passingName(prefix: string): string {
  return `${start(prefix)}${formatHolder(readOwnHolder())}.${makeRandom()}`;
}

/** Whether `name` begins as a `passingName` of a dead process. Pids mean other processes in another namespace, whose things stay. */
export function isLeft(name: string, prefix: string): boolean {
  if (!name.startsWith(start(prefix))) return false;
  const holder = parseHolder(name.slice(start(prefix).length).split('.').slice(0, 3).join('.'));
  return holder !== null && !isAlive(holder, readOwnHolder().bootId);
}

function start(prefix: string): string {
  return `${prefix}-${readOwnPidNamespace().replaceAll(/[^0-9]/g, '')}.`;
}
