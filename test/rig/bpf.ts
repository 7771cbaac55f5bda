/** What the kernel shows a filter of one system call (struct seccomp_data); the instruction pointer is left out. */
export interface SystemCall {
  readonly architecture: number;
  readonly number: number;
  readonly arguments: readonly bigint[];
}

/** The low 32 bits are compared by most filters, all 64 are what the caller passes. */
const LOAD_WORD = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_NOT_LESS = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/**
 * Runs a classic BPF program (an array of struct sock_filter) over one call as the kernel does, and returns the
 * filter's 32-bit answer. Throws for an instruction it does not know and for a jump or end outside of the program.
 */
export function runFilter(program: Uint8Array, call: SystemCall): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = encodeCall(call);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.byteLength; at += 1) {
    const operation = code.getUint16(at * 8, true);
    const whenTrue = code.getUint8(at * 8 + 2);
    const whenFalse = code.getUint8(at * 8 + 3);
    const value = code.getUint32(at * 8 + 4, true);
    switch (operation) {
      case LOAD_WORD:
        accumulator = data.getUint32(value, true);
        break;
      case AND:
        accumulator = (accumulator & value) >>> 0;
        break;
      case JUMP:
        at += value;
        break;
      case JUMP_EQUAL:
        at += accumulator === value ? whenTrue : whenFalse;
        break;
      case JUMP_GREATER:
        at += accumulator > value ? whenTrue : whenFalse;
        break;
      case JUMP_NOT_LESS:
        at += accumulator >= value ? whenTrue : whenFalse;
        break;
      case JUMP_SET:
        at += (accumulator & value) !== 0 ? whenTrue : whenFalse;
        break;
      case RETURN:
        return value;
      default:
        throw new Error(`instruction ${String(at)} has the unknown operation 0x${operation.toString(16)}`);
    }
  }
  throw new Error('the program ends without an answer');
}

function encodeCall(call: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call.number | 0, true);
  data.setUint32(4, call.architecture, true);
  call.arguments.forEach((argument, index) => {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, argument), true);
  });
  return data;
}
