/** A value of a settings file as messages quote it: at most 63 characters. */
export function showValue(input: unknown): string {
  if (isTable(input)) return 'a table';
  if (Array.isArray(input)) return 'a list';
  if (input instanceof Date) return 'a date';
  const text = typeof input === 'string' ? JSON.stringify(input) : String(input);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** Whether it is a table of TOML. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
