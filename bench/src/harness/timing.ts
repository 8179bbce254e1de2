/**
 * How asks are timed: many in flight, or one after the other. The same for all peers; runs on the asking thread.
 */

/** Asks for `value` and promises it back. */
export type EchoAsk = (value: number) => Promise<number>;

/** Asks in flight at any time. */
export const IN_FLIGHT = 256;

/** Asks a second with 256 always in flight, over at least `milliseconds`. */
export async function pipelined(ask: EchoAsk, milliseconds: number): Promise<number> {
  let answered = 0;
  let elapsed = 0;
  const start = performance.now();
  const chain = async (): Promise<void> => {
    while (elapsed < milliseconds) {
      const value = answered & 0xffff;
      if ((await ask(value)) !== value) throw new Error('an echo came back changed');
      if ((++answered & 127) === 0) elapsed = performance.now() - start;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, chain));
  return (answered * 1000) / (performance.now() - start);
}

/** Microseconds of one awaited ask, over `asks` of them. */
export async function roundTrip(ask: EchoAsk, asks: number): Promise<number> {
  const start = performance.now();
  for (let value = 0; value < asks; value++) {
    if ((await ask(value)) !== value) throw new Error('an echo came back changed');
  }
  return ((performance.now() - start) * 1000) / asks;
}
