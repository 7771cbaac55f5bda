import type { CloneInfo } from '../driver.ts';
import { cloneId } from './names.ts';
import type { DatasetProperties } from './properties.ts';

/** User property that marks a clone as ours; its value is the template. */
export const markProperty = 'isolate:template';
/** User property of a kept clone: any local value except `off`. */
export const keepProperty = 'isolate:keep';

/**
 * The number of digits in every id that isolate makes. So a clone named `_2` that somebody made by hand, or one of the bash program of
 * the same name (19 digits), does not count as garbage.
 */
const ownDigits = 20;

/** The properties that `clonesOf` reads; user properties come last, because their values may imitate lines. */
export const cloneProperties = ['type', 'guid', 'origin', 'creation', 'mounted', 'mountpoint', markProperty, keepProperty] as const;

/**
 * Selects our clones from the datasets beside a template: by name, by the mark on the clone itself, and by the origin, which is a
 * snapshot of the template unless that was renamed or replaced. A clone of the template without a mark is listed as unmarked; one with
 * another mark is somebody else's.
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
  // The template may since have been renamed, and with it the origin.
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

/** A value inherited from the parent counts too, so that a user can keep a whole subtree. */
function isKept(properties: DatasetProperties): boolean {
  const keep = properties.get(keepProperty)?.value ?? null;
  return keep !== null && keep !== 'off';
}
