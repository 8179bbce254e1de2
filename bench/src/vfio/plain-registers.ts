/** The register device as plain calls on the calling thread. Called by the peers' workers. */
import { freshRegisters, readRegisters } from './register-driver.js';

/** A device of one register file. */
export interface PlainRegisters {
  /** Reads a register of 4 bytes. */
  read(position: number): Uint8Array;
}

/** A fresh device. */
export function plainRegisters(): PlainRegisters {
  const registers = freshRegisters();
  return {
    read(position) {
      const into = new Uint8Array(4);
      return into.subarray(0, readRegisters(registers, position, into));
    },
  };
}
