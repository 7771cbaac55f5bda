import type { CloneInfo } from '../driver.ts';
import { cloneId } from './names.ts';
import type { DatasetProperties } from './properties.ts';

/** User property that marks a clone as ours; its value is the template. */
export const markProperty = 'isolate:template';
/** User property of a clone that the user keeps: any value of its own but `off`. */
export const keepProperty = 'isolate:keep';

/**
 * Digits of every id that isolate makes. A clone that somebody made by hand and named `_2`, or one of the bash program of
 * the same name, which have 19, is not taken for garbage.
 */
const ownDigits = 20;

/** What `clonesOf` reads; user properties last, because their values may imitate lines. */
export const cloneProperties = ['type', 'guid', 'origin', 'creation', 'mounted', 'mountpoint', markProperty, keepProperty] as const;

/**
 * Chooses from the datasets beside a template those that are its clones and ours: by name, by a mark set on the clone itself, and
 * by an origin, which is a snapshot of the template unless that was renamed or its place taken. One of the template without any
 * mark is listed as unmarked; one with another mark is somebody else's.
 */
export function clonesOf(template: string, datasets: ReadonlyMap<string, DatasetProperties>): readonly CloneInfo[] {
  const clones: CloneInfo[] = [];
  for (const [name, properties] of datasets) {
    const clone = cloneOf(template, name, properties);
    if (clone !== null) clones.push(clone);
  }
  return clones;
}

function cloneOf(template: string, name: string, properties: DatasetProperties): CloneInfo | null {
  const value = (property: string): string | null => properties.get(property)?.value ?? null;
  const id = cloneId(template, name);
  const origin = value('origin');
  const guid = value('guid');
  if (id === null || origin === null || guid === null) return null;
  if (value('type') !== 'filesystem') return null;
  const mark = properties.get(markProperty);
  const own = mark?.source === 'local' ? mark.value : null;
  if (own !== null && own !== template) return null;
  // A template may have been renamed since, and with it the origin.
  const isOfTemplate = origin.startsWith(`${template}@`);
  if ((own === null || !isOfTemplate) && id.length !== ownDigits) return null;
  if (own === null && !isOfTemplate) return null;
  const seconds = Number(value('creation'));
  const mountpoint = value('mountpoint');
  return {
    id,
    guid,
    source: origin,
    marked: own === template,
    kept: isKept(properties),
    createdMs: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : null,
    mountpoint: value('mounted') === 'yes' && mountpoint?.startsWith('/') === true ? mountpoint : null,
  };
}

/** Inherited from the parent counts too: a user may keep a whole subtree. */
function isKept(properties: DatasetProperties): boolean {
  const keep = properties.get(keepProperty)?.value ?? null;
  return keep !== null && keep !== 'off';
}
