import type { Option } from './option.ts';

/** `-z, --zfs DATASET` */
export function formatOption(option: Option): string {
  return `${option.short === undefined ? '    ' : `-${option.short}, `}--${option.long}${formatValue(option)}`;
}

function formatValue({ value, optionalValue }: Option): string {
  if (value === undefined) return '';
  return optionalValue === true ? `[=${value}]` : ` ${value}`;
}
