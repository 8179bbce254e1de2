/**
 * What configuration space (`config-space.ts`) asks of the function that it belongs to, and what writes of a program set
 * going there. Implemented by `pci-device.ts`; on the function's thread.
 */
import type { ConfigHardware } from './config-hardware.js';
import type { FunctionSpec } from './function-spec.js';

type MaybePromise = void | Promise<void>;

/** The function whose space it is; what writes set going. */
export interface ConfigOwner {
  readonly spec: FunctionSpec;
  readonly hardware: ConfigHardware;
  /** Its ids, and that it has no memory enable bit, come from its physical function. */
  readonly virtualFunction: boolean;
  /** The BARs as the host has set them. */
  readonly realBars: Uint8Array;
  /** MSI is the active mode; log2 of the vectors of its last enable. */
  readonly msiActive: boolean;
  readonly msiMost: number;
  /** Runs with the memory lock held for writing; `zap`: mappings of its BARs are torn down first. */
  exclusively(zap: boolean, body: () => void): MaybePromise;
  /** The program has set or cleared DisINTx. */
  intxDisabled(disabled: boolean): void;
  setPowerState(state: number): MaybePromise;
  /** The program asks for a function reset; it is not told whether that worked. */
  resetByProgram(): MaybePromise;
  /** Four bytes of vital product data at an address; undefined or false: there are none. */
  readVpd(address: number): number | undefined;
  writeVpd(address: number, value: number): boolean;
}
