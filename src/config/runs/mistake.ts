import type { SettingFault } from '../settings.ts';

/** Ends the reading of a file at its first mistake. It never leaves `readRunTable`. */
export class Mistake extends Error {
  readonly fault: SettingFault;

  constructor(fault: SettingFault) {
    super(fault.reason);
    this.fault = fault;
  }
}
