import { createHash, type Hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A hash of everything in a tree but its times: names, kinds, modes, owners, contents and targets. Of isolate's record only what is the
 * same each time that the template is made.
 */
export function hashTree(root: string): string {
  const hash = createHash('sha256');
  addTree(hash, root, '');
  return hash.digest('hex').slice(0, 12);
}

function addTree(hash: Hash, root: string, path: string): void {
  const file = join(root, path);
  const stats = lstatSync(file);
  hash.update(`${path} ${stats.mode.toString(8)} ${stats.uid} ${stats.gid}\n`);
  if (stats.isSymbolicLink()) hash.update(readlinkSync(file));
  if (stats.isFile()) hash.update(path === '.isolate/template.json' ? steadyRecord(readFileSync(file, 'utf8')) : readFileSync(file));
  if (stats.isDirectory()) for (const name of readdirSync(file).toSorted()) addTree(hash, root, join(path, name));
}

function steadyRecord(text: string): string {
  return JSON.stringify({ ...(JSON.parse(text) as object), createdMs: 0 });
}
