import type { Option } from './options.ts';

/** `-z, --zfs DATASET` */
export function formatOption(option: Option): string {
  return `${option.short === undefined ? '    ' : `-${option.short}, `}--${option.long}${option.value === undefined ? '' : ` ${option.value}`}`;
}
