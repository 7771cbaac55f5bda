import type { MachineFacts } from '../facts.ts';
import { kernelHint } from '../../machine/machine.ts';
import { type Check, ok } from './check.ts';

/** What machines run on, and whether KVM can be used for them. */
export function checkMachine({ hasProcessor, boot, withoutKvm }: MachineFacts, kernel: string): readonly Check[] {
  if (!hasProcessor) return [{ id: 'machine', state: 'missing', fact: 'the kvm engine has machines for x86-64 processors only' }];
  const built: Check =
    boot !== null
      ? ok('machine', `the kernel of machines is present: ${kernel}`)
      : { id: 'machine', state: 'missing', fact: 'the kernel of machines was not built', hint: kernelHint };
  if (withoutKvm === null) return [built, ok('kvm', 'machines run with KVM')];
  return [built, { id: 'kvm', state: 'limited', fact: `machines are emulated: ${withoutKvm}` }];
}
