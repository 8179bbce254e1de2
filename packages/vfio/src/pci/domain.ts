/**
 * What a PCI function knows of its surroundings: how it can be reset, its device lock, what is done at the last close of
 * its set. A function of a topology has one that other threads take part in (`topology-domain.ts`); a mediated device
 * stands alone.
 */
import type { ResetMethod } from './function-spec.js';

export interface FunctionDomain {
  /** A virtual function. */
  readonly virtualFunction: boolean;
  /** Ways to reset it alone, in the order of trying. */
  readonly methods: readonly ResetMethod[];
  /** Whether a reset of its bus resets it alone. */
  readonly alone: boolean;
  needsReset: boolean;
  /** Takes the device lock, with `bridge` that of the bridge above before; undefined: somebody has one. */
  tryLock(bridge: boolean): (() => void) | undefined;
  countReset(kind: 'function' | 'bus'): void;
  /** First open has succeeded; last close begins. Under the set's mutex. */
  opened(): void;
  closing(): void;
  /** The end of the last close, or of a failed first open: resets the whole set if that is due. Under the set's mutex. */
  settle(): void | Promise<void>;
}

/** A function that shares nothing with others. */
export class LoneDomain implements FunctionDomain {
  readonly virtualFunction = false;
  readonly alone = false;
  needsReset = false;
  readonly methods: readonly ResetMethod[];
  #locked = false;

  constructor(methods: readonly ResetMethod[]) {
    this.methods = methods;
  }

  tryLock(): (() => void) | undefined {
    if (this.#locked) return undefined;
    this.#locked = true;
    return () => {
      this.#locked = false;
    };
  }

  countReset(): void {}
  opened(): void {}
  closing(): void {}
  settle(): void {}
}
