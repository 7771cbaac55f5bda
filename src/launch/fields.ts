/** How one value is written. All numbers are unsigned, of 32 bits and little-endian; texts and bytes have their length before them. */
export type Field =
  /** No bytes: the presence of the item is the value. */
  | { readonly type: 'flag' }
  | { readonly type: 'number'; readonly low: number; readonly high: number }
  /** One of these names, as its number. */
  | { readonly type: 'choice'; readonly of: Names }
  /** Any of these names, their bits together. */
  | { readonly type: 'bits'; readonly of: Names }
  /** Without a NUL. `path`: absolute; `optional-path`: absolute or empty; `name`: no slash, not empty; `variable`: NAME=VALUE. */
  | { readonly type: 'text' | 'path' | 'optional-path' | 'name' | 'variable' }
  | { readonly type: 'bytes' };

export type Names = Readonly<Record<string, number>>;
export type Fields = Readonly<Record<string, Field>>;

export const number = (low = 0, high = 0xffff_ffff) => ({ type: 'number', low, high }) as const;
export const choice = <const Of extends Names>(of: Of) => ({ type: 'choice', of }) as const;
export const bits = <const Of extends Names>(of: Of) => ({ type: 'bits', of }) as const;
export const flag = { type: 'flag' } as const;
export const text = { type: 'text' } as const;
export const path = { type: 'path' } as const;
export const optionalPath = { type: 'optional-path' } as const;

export type NamesOf<Of extends Names> = Extract<keyof Of, string>;

/** The value of a field. */
export type Value<Of extends Field> = Of extends { readonly type: 'flag' }
  ? true
  : Of extends { readonly type: 'number' }
    ? number
    : Of extends { readonly type: 'choice'; readonly of: infer Choices extends Names }
      ? NamesOf<Choices>
      : Of extends { readonly type: 'bits'; readonly of: infer Bits extends Names }
        ? readonly NamesOf<Bits>[]
        : Of extends { readonly type: 'bytes' }
          ? Uint8Array
          : string;

type Optional<Of extends Fields> = { [Name in keyof Of]: Of[Name] extends { readonly type: 'optional-path' } ? Name : never }[keyof Of];

export type ValuesOf<Of extends Fields> = { readonly [Name in Exclude<keyof Of, Optional<Of>>]: Value<Of[Name]> } & {
  readonly [Name in Optional<Of>]?: string;
};
