import type { Missing } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { bindKind } from '../engine/placed-bind.ts';
import type { Facts } from '../host/facts.ts';
import type { Found } from '../host/resolve-beneath.ts';
import { describeSource, isFromInside } from '../spec/bind.ts';
import type { Bind } from '../spec/spec.ts';
import { lookIntoBind } from './look-into-bind.ts';
import type { Tree } from './look-into-root.ts';
import type { MakesTarget } from './makes-target.ts';

/** Binds at their real targets, outer ones first, and the targets to make. */
export interface PlacedBinds {
  readonly binds: readonly Bind[];
  readonly missing: readonly Missing[];
  /** Which of isolate's own binds are left out, and why. */
  readonly warnings: readonly string[];
}

export interface PlaceContext {
  readonly tree: Tree;
  readonly facts: Pick<Facts, 'paths'>;
  readonly makes: MakesTarget;
}

/**
 * Places each bind at the target that was found. Throws the errors that were found, and `bad-bind`; an optional bind is left out instead.
 */
export function placeBinds(
  binds: readonly Bind[],
  looks: readonly (Found | IsolateError | undefined)[],
  context: PlaceContext,
): PlacedBinds {
  const placed: Bind[] = [];
  const missing: Missing[] = [];
  const warnings: string[] = [];
  const attempt = (bind: Bind, action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (bind.optional !== true || !(error instanceof IsolateError)) throw error;
      warnings.push(`The sandbox does not get this host's ${bind.target}. ${error.message}`);
    }
  };
  const found: { readonly bind: Bind; readonly place: Found }[] = [];
  for (const [index, bind] of binds.entries()) attempt(bind, () => found.push({ bind, place: usablePlace(bind, looks[index], context) }));
  for (const { bind, place } of found.toSorted(outerFirst)) {
    const settled = { ...bind, target: place.path };
    const outer = placed.findLast(({ target }) => `${place.path}/`.startsWith(`${target}/`));
    // If the caller binds something over it, that decides.
    if (bind.optional === true && outer !== undefined) continue;
    attempt(bind, () => {
      // What it shows, and so what is to be made for it, is known only inside.
      if (isFromInside(bind)) {
        if (outer?.target === place.path) throw sameTarget(place.path);
        placed.push(settled);
        return;
      }
      const made = outer === undefined ? missingInRoot(bind, place, context) : missingInOuter(place.path, outer, context);
      if (made !== null) missing.push(made);
      placed.push(settled);
    });
  }
  return { binds: placed, missing, warnings };
}

interface Placeable {
  readonly bind: Bind;
  readonly place: Found;
}

/** isolate's own binds come after requested ones for the same place. */
function outerFirst(a: Placeable, b: Placeable): number {
  const [first, second] = [`${a.place.path}/`, `${b.place.path}/`];
  if (first !== second) return first < second ? -1 : 1;
  return Number(a.bind.optional === true) - Number(b.bind.optional === true);
}

function usablePlace(bind: Bind, look: Found | IsolateError | undefined, { tree, facts }: PlaceContext): Found {
  if (look === undefined) throw new IsolateError('internal', `The bind target ${bind.target} was not looked up.`);
  if (look instanceof IsolateError) throw look;
  if (isFromInside(bind)) return look;
  const isDirectory = bindKind(bind, facts) === 'directory';
  if ((look.kind === 'directory' && !isDirectory) || (look.kind === 'other' && isDirectory)) {
    const [what, there] = isDirectory ? ['directory', 'a file'] : ['file', 'a directory'];
    const shown =
      typeof bind.source === 'string' ? `The ${what} ${bind.source}` : describeSource(bind).replace(/^./, (letter) => letter.toUpperCase());
    throw new IsolateError('bad-bind', `${shown} cannot be shown at ${bind.target}, which is ${there} in ${tree.name}.`);
  }
  return look;
}

function missingInRoot(bind: Bind, { path, kind }: Found, { tree, makes }: PlaceContext): Missing | null {
  if (kind !== 'missing') return null;
  if (makes(path)) return { path };
  throw new IsolateError('bad-bind', `The bind target ${bind.target} is missing in ${tree.name}, and this user cannot make it there.`, {
    hint: 'run with --ephemeral or --read-only, which leave the template as it is',
  });
}

function sameTarget(path: string): IsolateError {
  return new IsolateError('bad-bind', `Two binds have the target ${JSON.stringify(path)}.`);
}

/** A target below another bind's is in the source of that bind, which earlier runs may have written. */
function missingInOuter(path: string, outer: Bind, { facts }: PlaceContext): Missing | null {
  if (path === outer.target) throw sameTarget(path);
  const rest = path.slice(outer.target.length);
  const found = lookIntoBind(outer, path, facts);
  const shown = describeSource(outer);
  if (found.path !== rest) {
    throw new IsolateError('bad-bind', `The bind target ${path} goes through a symbolic link in ${shown}.`, {
      hint: 'use the path that the link leads to',
    });
  }
  if (found.kind !== 'missing') return null;
  if (!outer.readOnly) return { path, within: outer.target };
  throw new IsolateError('bad-bind', `The bind target ${path} is missing in ${shown}, which is bound read-only to ${outer.target}.`, {
    hint: `make ${shown}${rest} first`,
  });
}
