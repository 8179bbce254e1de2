/**
 * A PCI model for tests: a function whose BAR0 is registers by which a program has it assert its line, send messages,
 * report errors, and hold an access until a gate in shared memory opens. Counts its resets in shared words.
 */
import { definePciModel } from '@mediated/vfio/pci';

/** Registers of BAR0, 4 bytes each. */
export const REGISTERS = { line: 0, message: 4, error: 8, hold: 12, die: 16, scratch: 24 } as const;

/** Words of `modelOptions.words`. */
export const RESETS = 0;
export const GATE = 1;
/** Accesses that are being held. */
export const HELD = 2;
/** Resets that happened while an access was held. */
export const OVERLAPS = 3;
/** 1: the next reset ends the thread. 2: every reset fails with EIO. */
export const AT_RESET = 4;
/** Bus masters that were seen open or closing: bit 0 while open, bit 1 in close. */
export const MASTER = 5;
export const WORDS = 8;

export interface TesterOptions {
  readonly words: Int32Array;
}

export default definePciModel((pci, options) => {
  const { words } = options as TesterOptions;
  const scratch = new Uint8Array(8);
  return {
    read(_bar, offset, into) {
      if (offset >= REGISTERS.scratch) {
        into.set(scratch.subarray(offset - REGISTERS.scratch, offset - REGISTERS.scratch + into.length));
        return;
      }
      if (offset !== REGISTERS.hold) return;
      const opened = Atomics.waitAsync(words, GATE, 0);
      if (!opened.async) return;
      Atomics.add(words, HELD, 1);
      Atomics.notify(words, HELD);
      return opened.value.then(() => {
        Atomics.sub(words, HELD, 1);
      });
    },
    write(_bar, offset, bytes) {
      switch (offset) {
        case REGISTERS.line:
          return pci.line(bytes[0] !== 0);
        case REGISTERS.message:
          return pci.message(bytes[0]);
        case REGISTERS.error:
          return pci.error();
        case REGISTERS.die:
          return process.exit(5);
        default:
          if (offset >= REGISTERS.scratch) scratch.set(bytes, offset - REGISTERS.scratch);
      }
    },
    reset() {
      Atomics.add(words, RESETS, 1);
      if (Atomics.load(words, HELD) > 0) Atomics.add(words, OVERLAPS, 1);
      if (Atomics.load(words, AT_RESET) === 1) process.exit(6);
      if (Atomics.load(words, AT_RESET) === 2) throw new Error('the reset was told to fail');
      scratch.fill(0);
    },
    open() {
      Atomics.store(words, MASTER, pci.busMaster ? 1 : 0);
    },
    close() {
      if (pci.busMaster) Atomics.or(words, MASTER, 2);
    },
  };
});
