let told: ReadonlySet<number> | null = null;

/** Whether the caller passed this descriptor on to this process; true for any if that is unknown. */
export function isInherited(descriptor: number): boolean {
  return descriptor <= 2 || told === null || told.has(descriptor);
}

/** Records which descriptors above the standard streams the caller passed on, before any other is opened; null: unknown. */
export function useInheritedDescriptors(descriptors: ReadonlySet<number> | null): void {
  told = descriptors;
}
