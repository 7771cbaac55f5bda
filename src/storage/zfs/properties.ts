/** One value of `zfs get -Hp -o name,property,value,source`; an absent value (`-`) is null. */
export interface PropertyValue {
  readonly value: string | null;
  readonly source: string;
}

/** The properties of one dataset, by name. */
export type DatasetProperties = ReadonlyMap<string, PropertyValue>;

/**
 * Reads the output of `zfs get -Hp -o name,property,value,source PROPERTIES`, in the order of the output.
 *
 * Values of user properties may hold tabs and newlines, and are printed raw, so they can imitate lines. ZFS prints
 * every property asked for exactly once a dataset: a dataset with a doubled, missing or malformed line is left out.
 */
export function parseProperties(text: string, properties: readonly string[]): ReadonlyMap<string, DatasetProperties> {
  const datasets = new Map<string, Map<string, PropertyValue>>();
  const broken = new Set<string>();
  let last = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const fields = line.split('\t');
    const [name, property, value, source] = fields;
    if (fields.length !== 4 || name === undefined || property === undefined || value === undefined || source === undefined) {
      broken.add(last).add(name ?? '');
      continue;
    }
    if (!properties.includes(property)) {
      broken.add(last).add(name);
      continue;
    }
    const dataset = datasets.get(name) ?? new Map<string, PropertyValue>();
    if (dataset.has(property)) broken.add(name).add(last);
    dataset.set(property, { value: value === '-' ? null : value, source });
    datasets.set(name, dataset);
    last = name;
  }
  return new Map([...datasets].filter(([name, dataset]) => !broken.has(name) && dataset.size === properties.length));
}
