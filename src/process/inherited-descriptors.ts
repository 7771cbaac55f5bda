let told: ReadonlySet<number> | null = null;

/** Whether whoever started this process handed the descriptor to it. Where nobody said which were handed over every one may be. */
export function isInherited(descriptor: number): boolean {
  return descriptor <= 2 || told === null || told.has(descriptor);
}

/** Says which descriptors above the standard streams were handed over, once, before anything else is done; null: it is not known. */
export function useInheritedDescriptors(descriptors: ReadonlySet<number> | null): void {
  told = descriptors;
}
