/**
 * How work is timed: many pieces in flight, or one after the other. The same for all peers; runs on the asking thread.
 */

/** Asks for `value` and promises it back. */
export type EchoAsk = (value: number) => Promise<number>;

/** Pieces of work in flight at any time. */
export const IN_FLIGHT = 256;

/** Looks at the clock once per so many pieces. */
const PIECES_PER_LOOK = 128;

/** Counts pieces of work until its time is over. */
export class Meter {
  /** True until the time is over. */
  running = true;
  done = 0;
  readonly #milliseconds: number;
  readonly #start = performance.now();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** One piece is done. */
  tick(): void {
    if (++this.done % PIECES_PER_LOOK === 0 && performance.now() - this.#start > this.#milliseconds)
      this.running = false;
  }

  /** Pieces a second until now. */
  get perSecond(): number {
    return (this.done * 1000) / (performance.now() - this.#start);
  }
}

/**
 * Pieces a second over at least `milliseconds`, with `count` chains of work at once. A chain works until the meter stops
 * and ticks once per piece.
 */
export async function chained(
  count: number,
  milliseconds: number,
  chain: (meter: Meter, index: number) => Promise<void>,
): Promise<number> {
  const meter = new Meter(milliseconds);
  await Promise.all(Array.from({ length: count }, (_, index) => chain(meter, index)));
  return meter.perSecond;
}

/** Asks a second with 256 always in flight. */
export function pipelined(ask: EchoAsk, milliseconds: number): Promise<number> {
  return chained(IN_FLIGHT, milliseconds, async (meter, index) => {
    while (meter.running) {
      if ((await ask(index)) !== index) throw new Error('an echo came back changed');
      meter.tick();
    }
  });
}

/** Microseconds of one awaited ask, over `asks` of them. */
export async function roundTrip(ask: EchoAsk, asks: number): Promise<number> {
  const start = performance.now();
  for (let value = 0; value < asks; value++) {
    if ((await ask(value)) !== value) throw new Error('an echo came back changed');
  }
  return ((performance.now() - start) * 1000) / asks;
}
