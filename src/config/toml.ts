/** What is wrong with a text that is not TOML. */
export interface TomlFault {
  /** From 1. */
  readonly line: number;
  /** A phrase. */
  readonly reason: string;
}

export type TomlResult = { readonly table: Readonly<Record<string, unknown>> } | { readonly fault: TomlFault };

/** Reads a TOML document. */
export async function parseToml(text: string): Promise<TomlResult> {
  // Loaded only if there is a file.
  const { parse, TomlError } = await import('smol-toml');
  try {
    return { table: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ''] = error.message.split('\n');
    return { fault: { line: error.line, reason: first.replace(/^Invalid TOML document: /, '') } };
  }
}
