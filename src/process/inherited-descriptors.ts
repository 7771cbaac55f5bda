let told: ReadonlySet<number> | null = null;

/** Whether the caller passed this descriptor on to this process. Where it is not known which ones it passed on, any may be. */
export function isInherited(descriptor: number): boolean {
  return descriptor <= 2 || told === null || told.has(descriptor);
}

/** Records which descriptors above the standard streams the caller passed on, before any other is opened; null: it is not known. */
export function useInheritedDescriptors(descriptors: ReadonlySet<number> | null): void {
  told = descriptors;
}
