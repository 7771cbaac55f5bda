import type { CloneInfo } from '../driver.ts';
import { cloneId, cloneName, copySnapshot, readOwnerCopyId } from './names.ts';
import type { DatasetProperties } from './properties.ts';

/** User property that marks a clone as ours; its value is the template. */
export const markProperty = 'isolate:template';
/** User property of a kept clone: any local value except `off`. */
export const keepProperty = 'isolate:keep';
/** User property with the text of a session, in base64url. */
export const sessionProperty = 'isolate:session';

/**
 * The number of digits in every id that isolate makes. So a clone named `_2` that somebody made by hand, or one of the bash program of
 * the same name (19 digits), does not count as garbage.
 */
const ownDigits = 20;

/** The properties that `clonesOf` reads; user properties come last, because their values may imitate lines. */
export const cloneProperties = [
  'type',
  'guid',
  'origin',
  'creation',
  'mounted',
  'mountpoint',
  markProperty,
  keepProperty,
  sessionProperty,
] as const;

/**
 * Selects our clones from the datasets beside a template: by name, by the mark on the clone itself, and by the origin, which is a
 * snapshot of the template or of an owner copy of that, unless the template was renamed or replaced. A clone of the template without a
 * mark is listed as unmarked; one with another mark is somebody else's.
 */
export function clonesOf(template: string, datasets: ReadonlyMap<string, DatasetProperties>): readonly CloneInfo[] {
  const copies = new Map(ownerCopiesOf(template, datasets).map(({ id, origin }) => [copySnapshot(cloneName(template, id)), origin]));
  const clones: CloneInfo[] = [];
  for (const [name, properties] of datasets) {
    const clone = cloneOf(template, name, properties, copies);
    if (clone !== null) clones.push(clone);
  }
  return clones;
}

/** A copy of a template's snapshot with changed owners. */
export interface OwnerCopy {
  readonly id: string;
  /** The snapshot of the template. */
  readonly origin: string;
  readonly kept: boolean;
}

/** Selects the owner copies from the datasets beside a template. */
export function ownerCopiesOf(template: string, datasets: ReadonlyMap<string, DatasetProperties>): readonly OwnerCopy[] {
  return [...datasets].flatMap(([name, properties]) => {
    const id = readOwnerCopyId(template, name);
    const origin = properties.get('origin')?.value ?? null;
    if (id === null || origin === null || !isOwnerCopy(template, name, properties)) return [];
    return [{ id, origin, kept: isKept(properties) }];
  });
}

/** Whether a dataset is a copy of the template with changed owners, and ours. */
export function isOwnerCopy(template: string, name: string, properties: DatasetProperties): boolean {
  const mark = properties.get(markProperty);
  return readOwnerCopyId(template, name) !== null && mark?.source === 'local' && mark.value === template;
}

function cloneOf(template: string, name: string, properties: DatasetProperties, copies: ReadonlyMap<string, string>): CloneInfo | null {
  const value = (property: string): string | null => properties.get(property)?.value ?? null;
  const id = cloneId(template, name);
  const made = value('origin');
  const origin = made === null ? null : (copies.get(made) ?? made);
  const guid = value('guid');
  if (id === null || origin === null || guid === null) return null;
  if (value('type') !== 'filesystem') return null;
  const mark = properties.get(markProperty);
  const own = mark?.source === 'local' ? mark.value : null;
  if (own !== null && own !== template) return null;
  // The template may since have been renamed, and with it the origin.
  const isOfTemplate = origin.startsWith(`${template}@`) || readOwnerCopyId(template, origin.slice(0, origin.indexOf('@'))) !== null;
  if ((own === null || !isOfTemplate) && id.length !== ownDigits) return null;
  if (own === null && !isOfTemplate) return null;
  const seconds = Number(value('creation'));
  const mountpoint = value('mountpoint');
  return {
    id,
    guid,
    source: origin,
    ...(made === null || made === origin ? {} : { origin: made }),
    marked: own === template,
    kept: isKept(properties),
    ...sessionOf(properties),
    createdMs: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : null,
    mountpoint: value('mounted') === 'yes' && mountpoint?.startsWith('/') === true ? mountpoint : null,
  };
}

/** Only of the clone itself: a session is of one clone. */
function sessionOf(properties: DatasetProperties): Pick<CloneInfo, 'session'> {
  const session = properties.get(sessionProperty);
  return session?.source === 'local' && session.value !== null ? { session: Buffer.from(session.value, 'base64url').toString() } : {};
}

/** A value inherited from the parent counts too, so that a user can keep a whole subtree. */
function isKept(properties: DatasetProperties): boolean {
  const keep = properties.get(keepProperty)?.value ?? null;
  return keep !== null && keep !== 'off';
}
