/** A display as the recordings of random accesses ask it: regions are areas of one flat file, there are no interrupts. */
import type { FuzzSubject } from '../fuzz-replay.fixture.js';

interface Display {
  read(position: number, into: Uint8Array): number;
  write(position: number, bytes: Uint8Array): number;
}

export class FlatSubject implements FuzzSubject {
  readonly signals = 0;
  readonly reset: () => void;
  readonly #display: Display;
  readonly #regions: Readonly<Record<number, number>>;

  /** `regions`: where each begins in the file. */
  constructor(display: Display, regions: Readonly<Record<number, number>>, reset: () => void) {
    this.#display = display;
    this.#regions = regions;
    this.reset = reset;
  }

  read(region: number, offset: number, into: Uint8Array): number {
    return this.#display.read((this.#regions[region] as number) + offset, into);
  }

  write(region: number, offset: number, bytes: Uint8Array): number {
    return this.#display.write((this.#regions[region] as number) + offset, bytes);
  }

  setIrqs(): never {
    throw new Error('no recording sets up interrupts of a display');
  }
}
