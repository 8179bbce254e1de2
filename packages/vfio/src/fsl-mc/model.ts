/**
 * What the MC does for an emulated object: written by whoever makes one, as a module whose default export is
 * `defineMcModel(...)`. Called on the object's thread.
 */
import type { VfioDevice } from '../device.js';

type MaybePromise<T> = T | Promise<T>;

/** What a model may do with its object. */
export interface McObject {
  /** `dpni.3`. */
  readonly name: string;
  /** The vfio device: what a program lets it reach by DMA is `device.dma`. */
  readonly device: VfioDevice;
  /** The memory of a region; its first 64 bytes are the portal. ENOMEM. */
  memory(region: number): SharedArrayBuffer;
  /** An interrupt happens. */
  raise(irq: number): void;
}

/** The callbacks of a model; all are optional. Throw a `MediatedError` to fail with its errno. */
export interface McModel {
  /**
   * A program has sent a command through a region: eight words, of which the first is the header. Returns the words to
   * answer with, status included (`withMcStatus`); until then the portal says READY. Undefined: the model answers by
   * writing to the region's memory itself, at some time. Absent: every command is answered as unsupported.
   */
  command?(region: number, words: BigUint64Array): MaybePromise<BigUint64Array | undefined>;
  /** Steps of a reset, each one command through the container's portal. A container is only reset, without its objects. */
  openObject?(): MaybePromise<void>;
  /** Absent: the memory of the regions is cleared. */
  reset?(): MaybePromise<void>;
  closeObject?(): MaybePromise<void>;
  /** A program has mapped a region. */
  mapped?(region: number, caching: 'write-back' | 'uncached'): void;
  /** The object is unbound. */
  release?(): void;
}

/** Makes the model of an object; `options` are those of its description. */
export type McModelFactory = (object: McObject, options: unknown) => McModel;

/** Declares a model module; gives the factory its types. */
export function defineMcModel(factory: McModelFactory): McModelFactory {
  return factory;
}
