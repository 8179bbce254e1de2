/**
 * What an emulated PCI function does behind its registers: written by whoever makes a device, as a module whose default
 * export is `definePciModel(...)`, or handed to `pciOperations`. Called on the function's thread.
 */
import type { VfioDevice } from '../device.js';
import type { ConfigHardware } from './config-hardware.js';

type MaybePromise<T> = T | Promise<T>;

/** What a model may do with its function. */
export interface PciFunction {
  /** Bus name, `0000:01:00.0`, or the UUID of a mediated device. */
  readonly name: string;
  /** The vfio device: what a program lets it reach by DMA is `device.dma`. */
  readonly device: VfioDevice;
  /** The memory of BAR0 to BAR5; undefined where there is none. That of a BAR of registers is the model's to use. */
  readonly bars: readonly (SharedArrayBuffer | undefined)[];
  /** The configuration registers. */
  readonly config: ConfigHardware;
  /** The host lets it do DMA. */
  readonly busMaster: boolean;
  /** Sets the INTx line, which stays so. */
  line(asserted: boolean): void;
  /** Sends the message of an MSI or MSI-X vector. */
  message(vector: number): void;
  /** Reports an uncorrectable error. */
  error(): void;
}

/** What a reset reaches: this function alone, or all below a bridge at once. */
export type ResetKind = 'function' | 'bus';

/** The callbacks of a model; all are optional. */
export interface PciModel {
  /** A naturally aligned read of 1, 2, 4 or 8 bytes of a BAR of registers: fills `into`. */
  read?(bar: number, offset: number, into: Uint8Array): MaybePromise<void>;
  /** A naturally aligned write of 1, 2, 4 or 8 bytes of a BAR of registers. */
  write?(bar: number, offset: number, bytes: Uint8Array): MaybePromise<void>;
  /** All state goes back to what it was after power-on. The memory of BARs has been cleared already. */
  reset?(kind: ResetKind): void;
  /** First open and last close by a program. */
  open?(): MaybePromise<void>;
  close?(): MaybePromise<void>;
  /** The function is gone. */
  release?(): void;
}

/** Makes the model of a function; `options` are those of its description. */
export type PciModelFactory = (pci: PciFunction, options: unknown) => PciModel;

/** Declares a model module; gives the factory its types. */
export function definePciModel(factory: PciModelFactory): PciModelFactory {
  return factory;
}
