/**
 * Keeps the process alive while something awaits a lock, which `Atomics.waitAsync` alone does not.
 * One timer per thread, counted; it is referenced exactly while the count is above zero. Thread-private.
 */

const LONGEST_DELAY = 0x7fff_ffff;

let timer: NodeJS.Timeout | undefined;
let count = 0;

/** One more pending wait on this thread. */
export function holdProcess(): void {
  if (count++ > 0) return;
  if (timer === undefined) timer = setInterval(() => {}, LONGEST_DELAY);
  else timer.ref();
}

/** One pending wait fewer. */
export function letProcessGo(): void {
  if (--count === 0) timer?.unref();
}
